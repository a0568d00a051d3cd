"""A community's file that a person must finish. Owns how it says what is missing: the loader refuses it until then."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from p3idp.adapters.policy_files.load import COMMUNITIES
from p3idp.adapters.policy_files.write import yaml_text
from p3idp.core.os_projects import FoundProject

FILL_IN = "FILL IN"
_HEAD = """\
# From a file for os-projects. It named local users; a policy asks for an entitlement of the identity provider: write
# one for each rule, and a contact, and put this file into your policy directory. Until then it is refused.
"""
_FILE = re.compile(r"[^A-Za-z0-9._-]+")


def skeletons(projects: Sequence[FoundProject]) -> Mapping[str, str]:
    """A file for each project, by name; projects whose names make one file name are told apart by a number."""
    files: dict[str, str] = {}
    for project in projects:
        stem = _FILE.sub("-", project.name).strip("-._")[:100] or "project"
        names = (f"{COMMUNITIES}/{stem}{end}.yaml" for end in ["", *(f"-{n}" for n in range(2, len(projects) + 2))])
        files[next(name for name in names if name not in files)] = _text(project)
    return files


def _text(project: FoundProject) -> str:
    own: dict[str, Any] = {"description": project.description} if project.description else {}
    own |= {"domain": project.domain} if project.domain else {}
    parts = [
        _HEAD + yaml_text({"title": project.description or project.name, "contact": FILL_IN}),
        yaml_text({"projects": {project.name: {**own, "existing": True}}}),
    ]
    rules = [_rule(project.name, roles, people) for roles, people in project.bundles.items()]
    access = "access:\n" + "".join(rules) if rules else f"access: []   # {FILL_IN}: the file gives nobody a role here\n"
    return "\n".join([*parts, access])


def _rule(project: str, roles: tuple[str, ...], people: tuple[str, ...]) -> str:
    said = "; ".join(" ".join("".join(c if c.isprintable() else " " for c in name).split()) for name in people)
    entry = {"entitlement": FILL_IN, "projects": {project: list(roles)}}
    text = yaml_text({"access": [entry]}).removeprefix("access:\n")
    return f"  # held by: {said}\n{text}"
