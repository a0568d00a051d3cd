"""Putting people into a community's file and taking them out, with everything else in it left as it is.

Owns the key ``people`` as whole lines. A change counts only when the file, read anew, says what was wanted and nothing
else; where it is written too oddly for that, it is left to a person.
"""

from collections.abc import Collection
from typing import Any

from p3idp.adapters.policy_files.nodes import Document, Path, read_document
from p3idp.adapters.policy_files.write import person_entry, yaml_text
from p3idp.core.policy.model import NamedPerson
from p3idp.errors.community import CommunityFileOdd

KEY = "people"


def with_person(file: str, raw: bytes, person: NamedPerson) -> bytes:
    """The file with somebody more, behind all who are named already. Raises CommunityFileOdd."""
    before = read_document(file, raw)
    data, lines = before.data, raw.splitlines(keepends=True)
    if before.mistakes or not isinstance(data, dict):
        raise _odd(file)
    ending = b"\r\n" if lines and lines[0].endswith(b"\r\n") else b"\n"
    text = yaml_text({KEY: [person_entry(person)]}).encode().splitlines()
    if KEY in data:
        place, made = _end(before, len(lines)), text[1:]
        made = _as_others(made, lines, before)
        wanted = {**data, KEY: [*(data[KEY] or []), _read(text)]}
    else:
        place = min((line for path, line in before.lines.items() if path == ("examples",)), default=len(lines) + 1) - 1
        while place and place < len(lines) and lines[place - 1].lstrip().startswith(b"#"):
            place -= 1  # what is said of the examples stays with them
        made = [*text, b""] if place < len(lines) else [b"", *text]
        wanted = {**data, KEY: [_read(text)]}
    if place and not lines[place - 1].endswith(b"\n"):
        lines[place - 1] += ending
    after = b"".join([*lines[:place], *(line + ending for line in made), *lines[place:]])
    return _proven(file, after, wanted)


def without_people(file: str, raw: bytes, gone: Collection[int]) -> bytes:
    """The file without these entries of the list, counted from 0. Raises CommunityFileOdd."""
    before = read_document(file, raw)
    data, lines = before.data, raw.splitlines(keepends=True)
    if before.mistakes or not isinstance(data, dict):
        raise _odd(file)
    kept = [entry for number, entry in enumerate(data[KEY]) if number not in gone]
    paths: list[Path] = [(KEY, number) for number in gone] if kept else [(KEY,)]
    removed = {line for path in paths for line in _span(before, path)}
    after = b"".join(line for number, line in enumerate(lines, 1) if number not in removed)
    wanted = {name: kept if name == KEY else value for name, value in data.items() if kept or name != KEY}
    return _proven(file, after, wanted)


def _span(document: Document, path: Path) -> range:
    """The lines of a node, as far as something begins in them."""
    own = [line for each, line in document.lines.items() if each[: len(path)] == path]
    return range(min(own, default=1), max(own, default=0) + 1)


def _end(document: Document, last: int) -> int:
    """How many lines there are up to the end of the list."""
    return max((line for path, line in document.lines.items() if path[:1] == (KEY,)), default=last)


def _as_others(made: list[bytes], lines: list[bytes], document: Document) -> list[bytes]:
    """The lines of an entry as far in as the first one that is there."""
    first = lines[document.lines.get((KEY, 0), 1) - 1]
    margin = len(first) - len(first.lstrip(b" "))
    return [b" " * margin + line[2:] for line in made]


def _read(text: list[bytes]) -> Any:
    data: Any = read_document("", b"\n".join(text)).data
    return data[KEY][0]


def _proven(file: str, after: bytes, wanted: object) -> bytes:
    read = read_document(file, after)
    if read.mistakes or read.data != wanted:
        raise _odd(file)
    return after


def _odd(file: str) -> CommunityFileOdd:
    return CommunityFileOdd(f"{file} is written in a way in which `{KEY}` cannot be changed line by line.")
