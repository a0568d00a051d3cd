"""Apache configuration as a list of directives. Owns reading the text; what is wrong with it is lint_apache.py."""

import re
import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_OPEN = re.compile(r"<(?P<name>[A-Za-z]+)\s*(?P<arguments>.*?)>?$")


Sections = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Directive:
    """One directive: its name as written, its arguments without quotes, and the sections it stands in, outermost first.

    A section is (name in lower case, arguments as written). ``place`` is (file, line);
    ``open_to_others`` is its file's.
    """

    name: str
    arguments: tuple[str, ...]
    sections: Sections
    place: tuple[str, int]
    open_to_others: bool = False

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
        return next((arguments for name, arguments in self.sections if name == "virtualhost"), "")

    @property
    def location(self) -> str:
        """The innermost path it is for, without quotes; empty outside one."""
        paths = [arguments for name, arguments in self.sections if name in ("location", "locationmatch")]
        return paths[-1].strip("\"'~ ") if paths else ""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file as read. ``open_to_others``: accounts other than its owner and group may read it."""

    name: str
    text: str
    open_to_others: bool = False


Included = Callable[[str], Iterable[SourceFile]]
_MAX_DEPTH = 8


def read_apache(main: SourceFile, included: Included) -> tuple[Directive, ...]:
    """All directives, those of included files in their places. ``included`` finds the files of an Include argument.

    Lenient: Apache itself judges the grammar.
    """
    return tuple(_read(main, included, (), 0))


def _read(file: SourceFile, included: Included, around: Sections, depth: int) -> Iterable[Directive]:
    sections = list(around)
    for number, line in _lines(file.text):
        if line.startswith("</"):
            del sections[-1:]
            continue
        if opening := _OPEN.match(line):
            name, arguments = opening["name"].lower(), opening["arguments"]
            # Two virtual hosts may be called alike; place and line keep them apart.
            sections.append((name, f"{arguments}#{file.name}:{number}" if name == "virtualhost" else arguments))
            continue
        name, *arguments = _words(line)
        directive = Directive(name, tuple(arguments), tuple(sections), (file.name, number), file.open_to_others)
        yield directive
        if directive.key in ("include", "includeoptional") and arguments and depth < _MAX_DEPTH:
            for inner in included(arguments[0]):
                yield from _read(inner, included, tuple(sections), depth + 1)


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
