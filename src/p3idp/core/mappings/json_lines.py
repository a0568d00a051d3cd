"""JSON whose every member has a line, for files that people write by hand. Owns that reading.

Strict: names given twice, NaN and Infinity, half surrogates and depth beyond reason are mistakes, each with its line.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Path = tuple[str | int, ...]
MAX_DEPTH = 64
MAX_NUMBER = 300  # characters
_SPACE = re.compile(r"[ \t\r\n]*")
_TEXT = re.compile(r'"(?:[^"\\\x00-\x1f]|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*"')
_PLAIN = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?|true|false|null")


class JsonMistaken(ValueError):
    """The text is not JSON as it should be; ``line`` counts from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


@dataclass(frozen=True, slots=True)
class LocatedJson:
    """A value, and the line of each path in it."""

    data: Any
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing that holds it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)


def read_json_lines(raw: bytes) -> LocatedJson:
    """Read one JSON value. Raises JsonMistaken."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        raise JsonMistaken(raw[: exc.start].count(b"\n") + 1, "the file is not UTF-8") from exc
    reader = _Reader(text)
    value = reader.value((), 0)
    reader.space()
    if reader.at < len(text):
        raise reader.mistaken(f"{text[reader.at]!r} stands after the end")
    return LocatedJson(value, reader.lines)


class _Reader:
    """Reads from ``at`` on; ``lines`` fills as it goes."""

    def __init__(self, text: str) -> None:
        self.text, self.at = text, 0
        self.lines: dict[Path, int] = {}
        self._line, self._counted = 1, 0

    def mistaken(self, message: str) -> JsonMistaken:
        return JsonMistaken(self.line(), message)

    def line(self) -> int:
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def space(self) -> None:
        found = _SPACE.match(self.text, self.at)
        self.at = found.end() if found else self.at

    def value(self, path: Path, depth: int) -> Any:
        self.space()
        self.lines.setdefault(path, self.line())
        if depth > MAX_DEPTH:
            raise self.mistaken(f"nested deeper than {MAX_DEPTH} levels")
        head = self.text[self.at : self.at + 1]
        if head == "{":
            return self._object(path, depth)
        if head == "[":
            return self._list(path, depth)
        if head == '"':
            return self._text()
        found = _PLAIN.match(self.text, self.at)
        if not found:
            raise self.mistaken(f"{head!r} begins no JSON value" if head else "the text ends too early")
        if len(found[0]) > MAX_NUMBER:
            told = f"the number {found[0][:12]}… has {len(found[0]):,} characters"
            raise self.mistaken(f"{told}; {MAX_NUMBER} are the most")
        self.at = found.end()
        return json.loads(found[0])

    def _object(self, path: Path, depth: int) -> dict[str, Any]:
        held: dict[str, Any] = {}
        self.at += 1
        while not self._closes("}", first=not held):
            self.space()
            if self.text[self.at : self.at + 1] != '"':
                raise self.mistaken("a name in double quotes is missing here")
            line, name = self.line(), self._text()
            if name in held:
                raise JsonMistaken(line, f"`{name}` stands here twice; the first is on line {self.lines[*path, name]}")
            self.lines[*path, name] = line
            self._expect(":")
            held[name] = self.value((*path, name), depth + 1)
        return held

    def _list(self, path: Path, depth: int) -> list[Any]:
        held: list[Any] = []
        self.at += 1
        while not self._closes("]", first=not held):
            held.append(self.value((*path, len(held)), depth + 1))
        return held

    def _closes(self, bracket: str, *, first: bool) -> bool:
        self.space()
        if self.text.startswith(bracket, self.at):
            self.at += 1
            return True
        if not first:
            self._expect(",")
        return False

    def _expect(self, sign: str) -> None:
        self.space()
        if not self.text.startswith(sign, self.at):
            found = self.text[self.at : self.at + 1]
            raise self.mistaken(f"{sign!r} is missing before {found!r}" if found else "the text ends too early")
        self.at += 1

    def _text(self) -> str:
        found = _TEXT.match(self.text, self.at)
        if not found:
            raise self.mistaken("this text does not end, or holds a character that JSON does not allow")
        text: str = json.loads(found[0])
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise self.mistaken("half of a surrogate pair is no character") from None
        self.at = found.end()
        return text
