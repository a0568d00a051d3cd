"""A community as the text of its policy file, and a few lines of it. Owns how p3idp writes YAML.

Whatever is written here is read back by the loader before it reaches a disk: this module need not know what is right.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import yaml

from p3idp.core.policy.model import (
    AccessRule,
    Community,
    Example,
    NamedPerson,
    Project,
    ProjectRef,
    Site,
    Suspension,
    Validity,
)


class _Row(list[str]):
    """A list that is written in one line."""


class _Dumper(yaml.SafeDumper):
    """Lists stand in under their key, as people write them; moments as ISO 8601; aliases are never used."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: object) -> bool:
        return True


def _moment(dumper: yaml.SafeDumper, moment: datetime) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:timestamp", _said(moment))


def _row(dumper: yaml.SafeDumper, row: _Row) -> yaml.SequenceNode:
    return dumper.represent_sequence("tag:yaml.org,2002:seq", row, flow_style=True)


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # Between plain quotes, the dumper's usual ones, YAML reads this line break as a blank.
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if "\x85" in text else None)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(datetime, _moment)
_Dumper.add_representer(_Row, _row)


def community_text(community: Community, site: Site) -> str:
    """The whole file of a community, its sections parted by blank lines."""
    head: dict[str, Any] = {"title": community.title, "contact": community.contact}
    head |= _validity(community.validity) | suspension(community.suspended)
    sections: list[dict[str, Any]] = [
        head,
        {"projects": {project.ref.name: _project(project, site) for project in community.projects}},
        *([{"access": [_rule(rule) for rule in community.rules]}] if community.rules or not community.people else []),
        *([{"people": [person_entry(person) for person in community.people]}] if community.people else []),
    ]
    texts = [yaml_text(section) for section in sections]
    examples = [yaml_text({"examples": [_example(example, site)]}) for example in community.examples]
    first, *others = examples or [""]
    return "\n".join(filter(None, [*texts, first, *(text.removeprefix("examples:\n") for text in others)]))


def yaml_text(value: Mapping[str, Any]) -> str:
    """A mapping as YAML, in the order given and with no line broken."""
    return str(yaml.dump(dict(value), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=2**16))


def suspension(stopped: Suspension | None) -> dict[str, Any]:
    """The key ``suspended``, where there is one."""
    if stopped is None:
        return {}
    return {"suspended": {"since": stopped.since, **({"reason": stopped.reason} if stopped.reason else {})}}


def _project(project: Project, site: Site) -> dict[str, Any]:
    found: dict[str, Any] = {"description": project.description} if project.description else {}
    if project.ref.domain != site.domain:
        found["domain"] = project.ref.domain
    if project.existing:
        found["existing"] = True
    if project.properties:
        found["properties"] = dict(project.properties)
    return found


def _rule(rule: AccessRule) -> dict[str, Any]:
    lists: Mapping[str, Sequence[str]] = {
        "assurance": rule.assurance,
        "identity_providers": rule.identity_providers,
        "issuing_clients": rule.issuing_clients,
    }
    return {
        "entitlement": f"{rule.entitlement}#{authority}"
        if (authority := rule.entitlement.authority)
        else str(rule.entitlement),
        **({"group": rule.group_name} if rule.group_name else {}),
        **{name: list(values) for name, values in lists.items() if values},
        **_validity(rule.validity),
        "projects": _access(rule.grants),
    }


def person_entry(person: NamedPerson) -> dict[str, Any]:
    """Somebody who is named, as an entry of ``people``."""
    return {
        "subject": person.subject,
        "identity_provider": str(person.identity_provider),
        **({"name": person.name} if person.name else {}),
        **_validity(person.validity),
        "projects": _access(person.grants),
    }


def _example(example: Example, site: Site) -> dict[str, Any]:
    usual = site.identity_providers[0].id if site.identity_providers else ""
    return {
        "title": example.title,
        **({"identity_provider": str(example.identity_provider)} if example.identity_provider != usual else {}),
        **({"at": example.at} if example.at else {}),
        "claims": {name: list(value) if isinstance(value, tuple) else value for name, value in example.claims.items()},
        "access": _access(example.access),
    }


def _access(grants: Sequence[tuple[ProjectRef, Sequence[str]]]) -> dict[str, _Row]:
    return {project.name: _Row(roles) for project, roles in grants}


def _validity(validity: Validity) -> dict[str, Any]:
    ends = {name: moment for name, moment in (("from", validity.start), ("until", validity.until)) if moment}
    return {"valid": ends} if ends else {}


def _said(moment: datetime) -> str:
    """A day where the moment is the first of one in UTC, as people write it; else the moment with its offset."""
    text = moment.isoformat(timespec="seconds").replace("+00:00", "Z")
    return text.removesuffix("T00:00:00Z")
