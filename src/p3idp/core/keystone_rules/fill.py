"""The parts of ``local`` and how they are filled in. Owns what stands for which value; templates are templates.py's."""

import json
import re
from collections.abc import Callable, Sequence

from p3idp.core.keystone_rules.literals import read_json
from p3idp.core.keystone_rules.outcome import Json, Object, fails
from p3idp.core.keystone_rules.schema import project_problems
from p3idp.core.keystone_rules.templates import Value, compile_template, is_constant

Fill = Callable[[Sequence[Value]], Json]
Filled = dict[str, Json]
_PROJECTS_INDEX = re.compile(r"\{?(\d+)\}?")
# Python reads no longer number from text.
_LONGEST_NUMBER = 4_300


class Local:
    """One local object. What is the same for everybody is built once; treat what comes out as immutable."""

    __slots__ = ("_constant", "_varying")

    def __init__(self, local: Object, fillers: dict[str, Fill]) -> None:
        self._constant = {name: part for name, part in local.items() if _is_fixed(name, part)}
        varying = ((name, part) for name, part in local.items() if name not in self._constant)
        self._varying = [(name, _shared(name, part, fillers)) for name, part in varying]

    def fill(self, values: Sequence[Value], known: dict[Fill, Json]) -> Filled:
        """The object filled in; ``known`` remembers what ``values`` made of a part before. Raises Stop."""
        if not self._varying:
            return self._constant
        filled = self._constant.copy()
        for name, part in self._varying:
            made = known.get(part)
            if made is None:
                made = known[part] = part(values)
            filled[name] = made
        return filled


def _shared(name: str, part: Json, fillers: dict[str, Fill]) -> Fill:
    """The same parts of many rules have one filler, so that a login fills it in once."""
    key = json.dumps([name == "projects_json", part])
    if key not in fillers:
        fillers[key] = _projects_json(part) if name == "projects_json" else _filler(part)
    return fillers[key]


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
    parts = [(name, _filler(part)) for name, part in node.items()]
    return lambda values: {name: fill(values) for name, fill in parts}


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
