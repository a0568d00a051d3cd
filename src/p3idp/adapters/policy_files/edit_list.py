"""Changes to one list of a policy file that keep everything else in it: comments, order, the way it is written.

Owns putting items into a YAML list and taking them out, and putting in a list that was left to its default. A change
counts only when the file, read anew, says what was wanted and nothing else.
"""

from copy import deepcopy
from typing import Any, NamedTuple

import yaml

from p3idp.adapters.policy_files.nodes import read_document
from p3idp.errors.migration import SiteFileOdd

Keys = tuple[str, ...]


class _Odd(Exception):
    """Written in a way that is left to a person."""


class _Item(NamedTuple):
    """An item's text, or the whole line of it."""

    text: str


def with_list(file: str, raw: bytes, path: Keys, values: tuple[str, ...]) -> bytes:
    """The file with these values as the list at ``path``, whose provider is there. Raises SiteFileOdd."""
    before = read_document(file, raw)
    try:
        after = _changed(raw.decode(), path, list(values), before.data).encode()
    except (_Odd, UnicodeDecodeError, yaml.YAMLError) as exc:
        raise _odd(file, path) from exc
    read, wanted = read_document(file, after), _wanted(before.data, path, list(values))
    if before.mistakes or read.mistakes or read.data != wanted:
        raise _odd(file, path)
    return after


def _odd(file: str, path: Keys) -> SiteFileOdd:
    return SiteFileOdd(f"{file} is written in a way in which `{path[-1]}` of {path[1]} cannot be changed line by line.")


def _wanted(data: Any, path: Keys, values: list[str]) -> Any:
    made = deepcopy(data)
    inner = made
    for key in path[:-1]:
        inner = inner.setdefault(key, {})
    inner[path[-1]] = values
    return made


def _changed(text: str, path: Keys, values: list[str], data: Any) -> str:
    for depth, key in enumerate(path):
        if not isinstance(data, dict):
            raise _Odd
        if key not in data:
            return _with_key(text, path[:depth], key, _nested(path[depth + 1 :], values))
        data = data[key]
    if not isinstance(data, list):
        raise _Odd
    held = list(data)
    for value in [value for value in held if value not in values]:
        text, _ = _without(text, path, held.index(value))
        held.remove(value)
    for place, value in enumerate(values):
        if held[place : place + 1] != [value]:
            item = None
            if value in held:
                text, item = _without(text, path, held.index(value))
                held.remove(value)
            text = _with(text, path, place, value, item)
            held.insert(place, value)
    return text


def _nested(keys: Keys, values: list[str]) -> Any:
    made: Any = values
    for key in reversed(keys):
        made = {key: made}
    return made


def _with_key(text: str, path: Keys, key: str, value: Any) -> str:
    """A key that was not there, before the first one of its mapping."""
    node = _node(text, path)
    if not isinstance(node, yaml.MappingNode) or not node.value:
        raise _Odd
    start = node.value[0][0].start_mark
    ending = ", " if node.flow_style else _newline(text) + " " * start.column
    return f"{text[: start.index]}{key}: {_written(value)}{ending}{text[start.index :]}"


def _without(text: str, path: Keys, place: int) -> tuple[str, _Item]:
    """The text without an item, and the item: its line, where each item has one of its own."""
    node = _sequence(text, path)
    items = node.value
    start, end = items[place].start_mark.index, items[place].end_mark.index
    if not node.flow_style:
        begin, stop = _line(text, start, end)
        return text[:begin] + text[stop:], _Item(text[begin:stop])
    if len(items) == 1:
        raise _Odd
    if place + 1 < len(items):
        return text[:start] + text[items[place + 1].start_mark.index :], _Item(text[start:end])
    return text[: items[place - 1].end_mark.index] + text[end:], _Item(text[start:end])


def _with(text: str, path: Keys, place: int, value: str, item: _Item | None) -> str:
    node = _sequence(text, path)
    items = node.value
    if not items:
        raise _Odd
    behind = place == len(items)
    beside = items[-1 if behind else place]
    start, end = beside.start_mark.index, beside.end_mark.index
    if node.flow_style:
        made = item.text if item else _written(value)
        return f"{text[:end]}, {made}{text[end:]}" if behind else f"{text[:start]}{made}, {text[start:]}"
    begin, stop = _line(text, start, end)
    line = item.text if item else text[begin:start] + _written(value) + _newline(text)
    if not behind:
        return text[:begin] + line + text[begin:]
    gap = "" if text[:stop].endswith("\n") else _newline(text)
    return text[:stop] + gap + line + text[stop:]


def _line(text: str, start: int, end: int) -> tuple[int, int]:
    """The line of an item that has one for itself."""
    begin = text.rfind("\n", 0, start) + 1
    stop = text.find("\n", end) + 1 or len(text)
    if text[begin:start].strip() != "-" or "\n" in text[start:end].strip():
        raise _Odd
    return begin, stop


def _node(text: str, path: Keys) -> Any:
    node: Any = yaml.compose(text, Loader=yaml.SafeLoader)
    for key in path:
        node = next(value for name, value in node.value if name.value == key)
    return node


def _sequence(text: str, path: Keys) -> yaml.SequenceNode:
    node = _node(text, path)
    if not isinstance(node, yaml.SequenceNode):
        raise _Odd
    return node


def _written(value: Any) -> str:
    """A value in one line, quoted where YAML would read it otherwise."""
    made = yaml.safe_dump(value, default_flow_style=True, allow_unicode=True, width=2**16, sort_keys=False)
    return str(made).removesuffix("...\n").strip()


def _newline(text: str) -> str:
    return "\r\n" if "\r\n" in text else "\n"
