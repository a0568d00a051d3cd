"""YAML to plain data, with the line of everything. Owns what of YAML a policy file may use.

Allowed: mappings, lists, text, whole numbers, true and false. Refused, each with its line: anchors and aliases,
tags, merge keys, a key given twice, several documents, files that are large or deep. A date stays the text it is.
"""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.cyaml import CParser  # type: ignore[attr-defined]  # the stubs do not say that it is there
from yaml.resolver import Resolver

from p3idp.adapters.policy_files.words import entitlement
from p3idp.errors.policy import Place

MAX_BYTES = 262_144
MAX_DEPTH = 12
MAX_LINES = 20_000
_MAX_DIGITS = 18  # Python refuses to read a number of thousands
MAX_VALUES = 50_000
# What one file can be told at once; whoever made that many made the same one again and again.
MAX_MISTAKES = 100
_PREFIX = "tag:yaml.org,2002:"
Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """One file's content. ``lines`` maps a path (keys and list indices) to its line, counted from 1."""

    file: str
    data: Any = None
    lines: Mapping[Path, int] = field(default_factory=dict)
    mistakes: tuple[Place, ...] = ()

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def place(self, path: Path, message: str) -> Place:
        """A mistake at this path."""
        return self.file, self.line(path), message


class _Telling(Composer):
    """PyYAML's composer, telling where it met what a policy file may not use. Its events come from a parser beside."""

    peek_event: Any
    get_event: Any

    def begin(self) -> None:
        """Forget what an earlier file held."""
        self.refused: list[tuple[int, str]] = []
        self.depth = self.values = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            self.get_event()
            self.refused.append((line, f"*{event.anchor} is an alias; write the value out, so that a reviewer sees it"))
            return yaml.ScalarNode(f"{_PREFIX}null", "")
        if event.anchor:
            self.refused.append((line, f"&{event.anchor} is an anchor; anchors and aliases are not used in a policy"))
        if event.tag:
            self.refused.append((line, f"{event.tag} is a tag; a policy holds plain values only"))
        self.depth += 1
        self.values += 1
        if self.values > MAX_VALUES:
            told = f"the file holds more than {MAX_VALUES:,} values; give each community a file of its own"
            raise yaml.MarkedYAMLError(problem=told, problem_mark=event.start_mark)
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(problem=f"nested deeper than {MAX_DEPTH} levels", problem_mark=event.start_mark)
        try:
            return super().compose_node(parent, index)
        finally:
            self.depth -= 1


class _Composer(_Telling, yaml.SafeLoader):
    """The one whose word counts, and whose words people read."""

    def __init__(self, text: str) -> None:
        yaml.SafeLoader.__init__(self, text)
        self.begin()


class _FastComposer(_Telling, CParser, Resolver):
    """The same on libyaml's events, in a quarter of the time; its marks have no text to show."""

    def __init__(self, text: str) -> None:
        Composer.__init__(self)
        CParser.__init__(self, text)
        Resolver.__init__(self)
        self.begin()


# Where the two parsers part: tabs between words, ``?`` within brackets, ``|#``, what ends a line besides a newline.
_DISPUTED = re.compile("[^ -~\n\xa0-\u2027\u202a-\ufefe\U00010000-\U0010ffff]|[?%]|[|>][-+0-9]*#")


def _composed(text: str) -> tuple[_Telling, yaml.Node | None]:
    """The file's node. Raises yaml.YAMLError, in PyYAML's own words: it reads again what libyaml does not just take."""
    if not _DISPUTED.search(text):
        with suppress(yaml.YAMLError):
            fast = _FastComposer(text)
            node = fast.get_single_node()
            if not fast.refused:
                return fast, node
    composer = _Composer(text)
    return composer, composer.get_single_node()


def read_document(file: str, raw: bytes) -> Document:
    """Read one file's bytes; mistakes are in the result, never raised."""
    if len(raw) > MAX_BYTES:
        return Document(file, mistakes=((file, 1, f"the file is larger than {MAX_BYTES // 1024} kB"),))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        line = raw[: exc.start].count(b"\n") + 1
        return Document(file, mistakes=((file, line, "the file is not UTF-8"),))
    if (lines := text.count("\n")) > MAX_LINES:
        told = (
            f"the file has {lines:,} lines; more than {MAX_LINES:,} are not read: give each community a file of its own"
        )
        return Document(file, mistakes=((file, MAX_LINES + 1, told),))
    try:
        composer, node = _composed(text)
    except yaml.MarkedYAMLError as exc:
        mark = exc.problem_mark or exc.context_mark
        line = mark.line + 1 if mark else 1
        return Document(file, mistakes=((file, line, f"not YAML: {exc.problem}{_broken_entitlement(text, line)}"),))
    except yaml.YAMLError:
        return Document(file, mistakes=((file, 1, "not YAML: it holds a character that YAML does not allow"),))
    reader = _Reader(file)
    data = reader.value(node, ()) if node is not None else None
    refused = [(file, line, message) for line, message in composer.refused]
    if data is None and not refused:
        return Document(file, mistakes=((file, 1, "the file is empty"),))
    return Document(file, data, reader.lines, shortened([*refused, *reader.mistakes]))


def shortened(places: Iterable[Place]) -> tuple[Place, ...]:
    """The first mistakes of a file, and that there are more."""
    first = tuple(islice(places, MAX_MISTAKES + 1))
    if len(first) <= MAX_MISTAKES:
        return first
    file, line, _ = first[-1]
    return (*first[:-1], (file, line, f"and more mistakes from here on; {MAX_MISTAKES} are told at once"))


def _broken_entitlement(text: str, line: int) -> str:
    """A space after a colon makes YAML see a key inside an entitlement: then tell about the entitlement."""
    found = re.search(r"urn:.*", "".join(text.splitlines()[line - 1 : line]))
    if found is None:
        return ""
    try:
        entitlement(found[0].strip().strip("'\""))
    except ValueError as exc:
        return f"; {exc}"
    return ""


class _Reader:
    """Walks composed nodes to plain values, keeping lines."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.lines: dict[Path, int] = {}
        self.mistakes: list[Place] = []

    def value(self, node: yaml.Node, path: Path) -> Any:
        self.lines.setdefault(path, _line(node))
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, path)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, (*path, index)) for index, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, path: Path) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = _line(key_node)
            if not isinstance(key_node, yaml.ScalarNode):
                self.mistakes.append((self.file, line, "a key must be text"))
                continue
            key = str(key_node.value)
            if key in found:
                first = self.lines[(*path, key)]
                self.mistakes.append((self.file, line, f"`{key}` stands here twice; the first is on line {first}"))
                continue
            self.lines[(*path, key)] = line
            found[key] = self.value(value_node, (*path, key))
        return found

    def _scalar(self, node: yaml.Node) -> Any:
        kind, text = node.tag.removeprefix(_PREFIX), str(node.value)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() in ("true", "yes", "on")
        if kind == "int" and text.isdecimal() and len(text) <= _MAX_DIGITS:
            return int(text)
        if kind == "float" or kind == "int":
            return float("nan")  # neither text nor a whole number of use: the schema says what is wanted
        return text


def _line(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark else 1
