"""Changes to a community's file that keep everything else in it: comments, order, blank lines, the way it is written.

Owns the key ``suspended``: putting it in and taking it out as whole lines. A change counts only when the file, read
anew, says the same as before in all else; where it is written too oddly for that, it is left to a person.
"""

import re

from p3idp.adapters.policy_files.nodes import Document, read_document
from p3idp.adapters.policy_files.write import suspension, yaml_text
from p3idp.core.policy.model import Suspension
from p3idp.errors.community import CommunityFileOdd

KEY = "suspended"


def with_suspension(file: str, raw: bytes, stopped: Suspension) -> bytes:
    """The file with ``suspended`` before its first key. Raises CommunityFileOdd."""
    before = read_document(file, raw)
    lines = raw.splitlines(keepends=True)
    first = min((line for path, line in before.lines.items() if len(path) == 1), default=1) - 1
    opening = lines[first] if first < len(lines) else b""
    indent = b"".join(re.findall(rb"\A *", opening))
    ending = b"\r\n" if opening.endswith(b"\r\n") else b"\n"
    added = [indent + line + ending for line in yaml_text(suspension(stopped)).encode().splitlines()]
    return _proven(file, before, b"".join([*lines[:first], *added, *lines[first:]]), suspended=True)


def without_suspension(file: str, raw: bytes) -> bytes:
    """The file without ``suspended`` and all lines of it. Raises CommunityFileOdd."""
    before = read_document(file, raw)
    own = [line for path, line in before.lines.items() if path[:1] == (KEY,)]
    lines = raw.splitlines(keepends=True)
    after = b"".join([*lines[: min(own, default=1) - 1], *lines[max(own, default=0) :]])
    return _proven(file, before, after, suspended=False)


def _proven(file: str, before: Document, after: bytes, *, suspended: bool) -> bytes:
    """``after``, once it says what ``before`` says but for the one key."""
    read = read_document(file, after)
    same = _rest(read) == _rest(before) and (KEY in (read.data or {})) is suspended
    if read.mistakes or not same:
        verb = "put into" if suspended else "taken out of"
        told = f"{file} is written in a way in which `{KEY}` cannot be {verb} it line by line."
        raise CommunityFileOdd(told)
    return after


def _rest(document: Document) -> object:
    """Everything else, in its order."""
    data = document.data
    return [(name, value) for name, value in data.items() if name != KEY] if isinstance(data, dict) else data
