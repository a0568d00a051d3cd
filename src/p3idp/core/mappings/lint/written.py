"""Text that was read, with the line of everything in it. Owns the way from a path to its line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NoReturn

from p3idp.core.mappings.json_lines import MAX_NUMBER, JsonMistaken, Path, read_json_lines

Lines = Mapping[Path, int]
MAX_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Written:
    """One file's content. ``find_lines`` maps paths (names and list indices) to lines, counted from 1; asked once."""

    file: str
    data: Any = None
    find_lines: Callable[[], Lines] = dict

    def line(self, path: Path) -> int:
        """The line of a path, or of the nearest thing that holds it."""
        while path and path not in self._lines:
            path = path[:-1]
        return self._lines.get(path, 1)

    @cached_property
    def _lines(self) -> Lines:
        return self.find_lines()


def read_written(file: str, raw: bytes) -> Written:
    """JSON as people write it. Raises JsonMistaken, with the line.

    Lines are looked for when somebody asks: a large mapping that has no defect is read in a tenth of the time.
    """
    if len(raw) > MAX_BYTES:
        raise JsonMistaken(1, f"the file is larger than {MAX_BYTES // 1024 // 1024} MB")
    try:
        data = _DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            json.dumps(data, ensure_ascii=False).encode("utf-8")  # half a surrogate pair is no character
    except (ValueError, RecursionError):
        located = read_json_lines(raw)  # says what is wrong, and where
        return Written(file, located.data, lambda: located.lines)
    return Written(file, data, lambda: read_json_lines(raw).lines)


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) < len(pairs):
        raise ValueError("a name stands twice")
    return made


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


def _short(number: str) -> int | float:
    if len(number) > MAX_NUMBER:
        raise ValueError("too long")
    return int(number) if number.removeprefix("-").isdecimal() else float(number)


_DECODER = json.JSONDecoder(
    object_pairs_hook=_unique, parse_constant=_no_constant, parse_int=_short, parse_float=_short
)
