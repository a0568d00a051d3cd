"""The parts of ``local`` and how they are filled in. Owns what stands for which value; templates are templates.py's."""

import re
from collections.abc import Callable, Sequence

from p3idp.core.keystone_rules.literals import read_json
from p3idp.core.keystone_rules.outcome import Json, Object, exact_key, fails
from p3idp.core.keystone_rules.schema import project_problems
from p3idp.core.keystone_rules.templates import Value, compile_template, is_constant

Fill = Callable[[Sequence[Value]], Json]
Filled = dict[str, Json]
# A group by name: what Keystone tells its domain apart by, its name, and the group itself.
Named = tuple[Json, str, Json]
_USUAL = frozenset({"user", "group", "domain"})
_PROJECTS_INDEX = re.compile(r"\{?(\d+)\}?")
# Python reads no longer number from text.
_LONGEST_NUMBER = 4_300


class Varying:
    """The parts of a local object that every login fills in anew. Local objects that have the same share one."""

    __slots__ = ("_parts",)

    def __init__(self, parts: dict[str, Json]) -> None:
        made = (
            (name, _projects_json(part) if name == "projects_json" else _filler(part)) for name, part in parts.items()
        )
        self._parts = list(made)

    def fill(self, values: Sequence[Value]) -> Filled:
        """The parts filled in. Raises Stop."""
        return {name: part(values) for name, part in self._parts}


class Local:
    """One local object: what is the same for everybody is ``constant``; treat it as immutable.

    ``group`` is set where the object gives one constant group by name and nothing but a user beside it, as most do.
    """

    __slots__ = ("constant", "group", "user", "varying")

    def __init__(self, local: Object, varying: dict[bytes, Varying]) -> None:
        self.constant = {name: part for name, part in local.items() if _is_fixed(name, part)}
        parts = {name: part for name, part in local.items() if name not in self.constant}
        key = exact_key(parts)
        if key not in varying:
            varying[key] = Varying(parts)
        self.varying = varying[key]
        self.user: Filled = self.constant.get("user", {})
        group = self.constant.get("group", {})
        alone = local.keys() <= _USUAL and "name" in group
        self.group = named(group) if alone else None

    def whole(self, varying: Filled) -> Filled:
        """The object with its varying parts filled in."""
        return {**self.constant, **varying}


def named(group: Object) -> Named:
    """A group by name."""
    domain = group["domain"]
    return domain.get("name") or domain.get("id"), group["name"], group


def _is_fixed(name: str, part: Json) -> bool:
    if isinstance(part, str):
        return name != "projects_json" and is_constant(part)
    if isinstance(part, list):
        return all(_is_fixed("", member) for member in part)
    return all(_is_fixed("", member) for member in part.values())


def _filler(node: Json) -> Fill:
    if isinstance(node, str):
        return compile_template(node)
    if _is_fixed("", node):
        return lambda values: node
    if isinstance(node, list):
        members = [_filler(member) for member in node]
        return lambda values: [fill(values) for fill in members]
    varying = [(name, _filler(part)) for name, part in node.items() if not _is_fixed("", part)]

    def fill_object(values: Sequence[Value]) -> Json:
        made = node.copy()
        for name, fill in varying:
            made[name] = fill(values)
        return made

    return fill_object


def _projects_json(text: str) -> Fill:
    """Schema 3.0: the whole claim that ``{n}`` (or ``n``) names, as JSON projects."""
    named = _PROJECTS_INDEX.match(text)

    def fill(values: Sequence[Value]) -> Json:
        if named is None:
            raise fails("SchemaValidationError", f"`projects_json` {text!r} names no claim")
        if len(named[1]) > _LONGEST_NUMBER:
            raise fails("ValueError", "`projects_json` has too long a number")
        if int(named[1]) >= len(values):
            raise fails("IndexError", f"`projects_json` {text!r} stands for nothing")
        value = values[int(named[1])]
        projects = read_json(value) if isinstance(value, str) else value
        for path, message in project_problems(projects, "projects_json", with_domain=True):
            raise fails("ValidationError", f"{path} {message}")
        return projects

    return fill
