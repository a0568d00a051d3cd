"""What to write instead of a pattern. Owns the proposals: each is tried before it is made."""

import re
from functools import lru_cache

from p3idp.core.keystone_rules.outcome import Stop
from p3idp.core.keystone_rules.patterns import Pattern
from p3idp.core.keystone_rules.reading import read_pattern
from p3idp.core.keystone_rules.search import NO_SEARCH, BrokenPattern
from p3idp.core.mappings.lint.pattern_shape import core, has_loose_dot, is_open_at_end, is_open_at_start
from p3idp.core.mappings.lint.samples import parsed

_AUTHORITY = r"(?:#[^#\s]+)?"


def found_in(pattern: str, text: str) -> bool:
    """Whether a search that is surely quick finds the pattern."""
    try:
        return _ready(pattern).found_in(text)
    except Stop:
        return False


@lru_cache(maxsize=256)
def _ready(pattern: str) -> Pattern:
    """Looked for in several texts one after the other: compiled once."""
    return Pattern(pattern, NO_SEARCH)


def before(meant: str) -> str:
    """What is meant, with something before it."""
    return f"urn:evil.example.org:{meant}"


def behind(meant: str) -> str:
    """What is meant, with something behind it."""
    return f"{meant}-evil.example.org"


def repaired(pattern: str, meant: str) -> str:
    """The pattern anchored and its dots escaped, so that it still finds ``meant``; empty where that would not do."""
    if not core(parsed(pattern)):
        return ""
    body = re.sub(r"^(?:\^|\\A)*|(?:\$|\\Z)*$", "", pattern)
    if is_open_at_start(parsed(pattern)):
        body = re.sub(r"^\.[*+]\??", "", body)
    if is_open_at_end(parsed(pattern)):
        body = re.sub(r"(?<!\\)\.[*+]\??$", "", body)
    body = escape_dots(body)
    if ":group:" in meant and "#" not in meant and not body.endswith((".*", ".+")):
        body += _AUTHORITY  # whatever issued it: the authority is no part of the name (RFC 8141)
    closed = rf"\A(?:{body})\Z" if "|" in body else rf"\A{body}\Z"
    if isinstance(read_pattern(closed), BrokenPattern) or not found_in(closed, meant):
        return ""
    tree = parsed(closed)
    good = not (has_loose_dot(tree) or is_open_at_start(tree) or is_open_at_end(tree))
    return closed if good and closed != pattern else ""


def escape_dots(pattern: str) -> str:
    """Dots that stand for one character are escaped; those that are repeated, escaped or in a class stay."""
    pieces = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    following = [*pieces[1:], ""]
    return "".join(
        r"\." if piece == "." and after[:1] not in ("*", "+", "?", "{") else piece
        for piece, after in zip(pieces, following, strict=True)
    )


def as_json(text: str) -> str:
    """A text as it stands in a JSON file."""
    inner = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'
