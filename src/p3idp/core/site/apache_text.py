"""Apache configuration as a list of directives. Owns reading the text; what is wrong with it is lint_apache.py."""

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

_OPEN = re.compile(r"<(?P<name>[A-Za-z]+)\s*(?P<arguments>.*?)>?$")


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name as written, its arguments without quotes, and the sections it stands in, outermost first.

    A section is (name in lower case, arguments as written). ``place`` is (file, line).
    """

    name: str
    arguments: tuple[str, ...]
    sections: tuple[tuple[str, str], ...]
    place: tuple[str, int]

    @property
    def key(self) -> str:
        """The name for comparing: Apache does not tell capitals apart."""
        return self.name.lower()

    @property
    def where(self) -> str:
        """The place for people."""
        return f"{self.place[0]}:{self.place[1]}"

    @property
    def host(self) -> str:
        """The virtual host it stands in, empty for the main server."""
        return next((f"{args}@{n}" for n, (name, args) in enumerate(self.sections) if name == "virtualhost"), "")

    @property
    def location(self) -> str:
        """The innermost path it is for, without quotes; empty outside one."""
        paths = [args for name, args in self.sections if name in ("location", "locationmatch")]
        return paths[-1].strip("\"'~ ") if paths else ""


def read_apache(files: Mapping[str, str]) -> tuple[Directive, ...]:
    """All directives of these files (name to text), file by file. Lenient: Apache itself judges the grammar."""
    found: list[Directive] = []
    for name, text in files.items():
        sections: list[tuple[str, str]] = []
        for number, line in _lines(text):
            _take(found, sections, line, (name, number))
    return tuple(found)


def _take(found: list[Directive], sections: list[tuple[str, str]], line: str, place: tuple[str, int]) -> None:
    if line.startswith("</"):
        if sections:
            sections.pop()
    elif opening := _OPEN.match(line):
        # Two virtual hosts may be called alike; the line keeps them apart.
        mark = (
            f"{opening['arguments']}#{place[1]}" if opening["name"].lower() == "virtualhost" else opening["arguments"]
        )
        sections.append((opening["name"].lower(), mark))
    else:
        name, *arguments = _words(line)
        found.append(Directive(name, tuple(arguments), tuple(sections), place))


def _lines(text: str) -> Iterable[tuple[int, str]]:
    """Logical lines with the number of their first: a backslash at the end continues one, # begins a comment."""
    kept, start = "", 0
    for number, line in enumerate(text.splitlines(), 1):
        start = start or number
        if line.endswith("\\"):
            kept += line[:-1]
            continue
        whole, begun = (kept + line).strip(), start
        kept, start = "", 0
        if whole and not whole.startswith("#"):
            yield begun, whole


def _words(line: str) -> list[str]:
    try:
        return shlex.split(line, posix=True)
    except ValueError:
        return line.split()
