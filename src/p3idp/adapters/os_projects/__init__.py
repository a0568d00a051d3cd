"""Files for the role stackhpc.os-projects. Owns what of them is read: known keys alone, and no secret's value.

Nodes of YAML are looked at, values are made of known keys only; so a password is never made into anything, and no
message quotes the file.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import yaml

from p3idp.core.os_projects import WHY, Dropped, FoundProject, OsProjects, Person
from p3idp.errors.importing import ImportUnreadable

MAX_BYTES = 4_194_304
MAX_PEOPLE = 20_000
HINT = "Give the file with the list of projects, such as etc/p3-config/p3-config.yml or one with os_projects."
_REFERENCE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_]*)\s*\}\}")
_LISTS = re.compile(r"(?:.*_)?projects")
_DOMAIN_LISTS = re.compile(r"(?:.*_)?domains")


def read_os_projects(raw: bytes) -> OsProjects:
    """The projects of a file. Raises ImportUnreadable, which quotes nothing of it."""
    if len(raw) > MAX_BYTES:
        raise ImportUnreadable(f"The file has {len(raw):,} bytes; more than {MAX_BYTES:,} are not read.", hint=HINT)
    if raw.startswith(b"$ANSIBLE_VAULT"):
        told = "The whole file is encrypted by ansible-vault."
        raise ImportUnreadable(told, hint="Decrypt a copy of it, or name the file that holds the list in clear.")
    root = _composed(raw)
    return _Reading(root, dict(_pairs(root)) if isinstance(root, yaml.MappingNode) else {}).read()


def _composed(raw: bytes) -> yaml.MappingNode | yaml.SequenceNode:
    try:
        node = yaml.compose(raw.decode("utf-8"), yaml.SafeLoader)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        # The library's own words quote the file: an anchor, a tag or a line that may be a password.
        raise ImportUnreadable(f"Line {mark.line + 1 if mark else 1}: not YAML.", hint=HINT) from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError):
        raise ImportUnreadable("The file is not YAML in UTF-8.", hint=HINT) from None
    if not isinstance(node, yaml.MappingNode | yaml.SequenceNode):
        raise ImportUnreadable("The file holds neither variables nor a list of projects.", hint=HINT)
    return node


@dataclass(slots=True)
class _Reading:
    """One reading. ``dropped`` grows as keys are met that no policy says."""

    root: yaml.MappingNode | yaml.SequenceNode
    variables: Mapping[str, yaml.Node]
    dropped: list[Dropped] = field(default_factory=list)
    people: int = 0

    def read(self) -> OsProjects:
        found = {}
        for node in self._projects():
            project = self._project(node)
            if project is not None:
                found[project.domain, project.name] = project
        if not found:
            raise ImportUnreadable("The file lists no project.", hint=HINT)
        return OsProjects([found[key] for key in sorted(found)], sorted(set(self.dropped)))

    def _projects(self) -> Iterator[yaml.Node]:
        """Members of every list of projects, once each, though it may be named twice."""
        if isinstance(self.root, yaml.SequenceNode):
            yield from self.root.value
            return
        seen: set[int] = set()
        for key, node in _pairs(self.root):
            if _DOMAIN_LISTS.fullmatch(key):
                self._drop(node, key, "domains")
            if not _LISTS.fullmatch(key):
                continue
            for member in self._list(node, key):
                project = self._followed(member, key)
                if project is not None and id(project) not in seen:
                    seen.add(id(project))
                    yield project

    def _project(self, node: yaml.Node) -> FoundProject | None:
        project = self._followed(node, "a project")
        known = dict(_pairs(project)) if isinstance(project, yaml.MappingNode) else {}
        if not (name := self._text(known.get("name"), "name")):
            return None
        people: tuple[Person, ...] = ()
        for key, value in known.items():
            if key == "users":
                members = self._list(value, f"{name}: users")
                people = tuple(one for each in members if (one := self._person(each, name)))
            elif key not in ("name", "description", "project_domain"):
                self._drop(value, f"{name}: {key}", key)
        description = self._text(known.get("description"), f"{name}: description")
        return FoundProject(name, description, self._domain(known.get("project_domain"), name), people)

    def _domain(self, node: yaml.Node | None, name: str) -> str:
        """By name; `default` is the id of Keystone's first domain, whose name is `Default`."""
        domain = self._text(node, f"{name}: project_domain")
        return "Default" if domain == "default" else domain

    def _person(self, node: yaml.Node, project: str) -> Person | None:
        self.people += 1
        if self.people > MAX_PEOPLE:
            raise ImportUnreadable(f"The file names more than {MAX_PEOPLE:,} people.", hint=HINT)
        person = self._followed(node, f"{project}: a user")
        known = dict(_pairs(person)) if isinstance(person, yaml.MappingNode) else {}
        name = self._text(known.get("name"), f"{project}: a user's name")
        for key, value in known.items():
            if key not in ("name", "roles", "description"):
                self._drop(value, f"{project}: {name}: {key}", key)
        roles = [self._text(each, f"{project}: {name}: a role") for each in self._list(known.get("roles"), name)]
        if name and not any(roles):
            self._drop(node, f"{project}: {name}", "no role")
        return Person(name, tuple(filter(None, roles))) if name else None

    def _list(self, node: yaml.Node | None, what: str) -> Sequence[yaml.Node]:
        found = self._followed(node, what)
        return found.value if isinstance(found, yaml.SequenceNode) else []

    def _text(self, node: yaml.Node | None, what: str) -> str:
        found = self._followed(node, what)
        plain = isinstance(found, yaml.ScalarNode) and found.tag.startswith("tag:yaml.org,2002:")
        return " ".join(str(found.value).split()) if plain and found is not None else ""

    def _followed(self, node: yaml.Node | None, what: str) -> yaml.Node | None:
        """What ``{{ name }}`` stands for in this file; a few steps at most, since two names may point at each other."""
        for _ in range(10):
            if not (isinstance(node, yaml.ScalarNode) and "{{" in node.value):
                return node
            reference = _REFERENCE.fullmatch(node.value.strip())
            if reference is None or reference[1] not in self.variables:
                self._drop(node, what, "reference")
                return None
            node = self.variables[reference[1]]
        return None

    def _drop(self, node: yaml.Node, what: str, key: str) -> None:
        self.dropped.append(Dropped(node.start_mark.line + 1, what, key if key in WHY else "unknown"))


def _pairs(node: yaml.Node) -> Iterator[tuple[str, yaml.Node]]:
    for key, value in node.value:
        if isinstance(key, yaml.ScalarNode):
            yield str(key.value), value
