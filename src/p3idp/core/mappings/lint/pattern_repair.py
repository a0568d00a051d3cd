"""What to write instead of a pattern. Owns the proposals: each is tried before it is made."""

import re

from p3idp.core.keystone_rules.reading import read_pattern
from p3idp.core.keystone_rules.search import BrokenPattern
from p3idp.core.mappings.lint.pattern_names import within_names
from p3idp.core.mappings.lint.pattern_shape import core, has_loose_dot, is_open_at_end, is_open_at_start
from p3idp.core.mappings.lint.samples import parsed, sample
from p3idp.core.mappings.lint.searched import found_in

# A role or a subgroup, and whoever issued it: the authority is no part of the name (RFC 8141).
_BELOW, _AUTHORITY = r"(?::[^#\s]+)?", r"(?:#[^#\s]+)?"
# So many alternatives are looked at.
BRANCHES = 4


def before(meant: str) -> str:
    """What is meant, with something before it."""
    return f"urn:evil.example.org:{meant}"


def behind(meant: str) -> str:
    """What is meant, with something behind it."""
    return f"{meant}-evil.example.org"


def repaired(pattern: str, meant: str) -> str:
    """The pattern anchored and its dots escaped, so that it still finds ``meant``; empty where that would not do.

    Whoever holds a role in a group that was left open keeps it, and nothing is found that was not before.
    """
    given, pattern = pattern, within_names(pattern, BRANCHES)
    if not pattern or not core(parsed(pattern)):
        return ""
    meant = meant if pattern == given else sample(pattern) or meant
    if is_open_at_start(parsed(pattern)) and _is_fragment(pattern, meant):
        return ""
    texts = {meant, *(sample(pattern, branch=number) or meant for number in range(BRANCHES))}
    kept = [text for text in texts if found_in(pattern, text)]
    body = re.sub(r"^(?:\^|\\A)*|(?:\$|\\Z)*$", "", pattern)
    if is_open_at_start(parsed(pattern)):
        body = re.sub(r"^\.[*+]\??", "", body)
    if is_open_at_end(parsed(pattern)):
        body = re.sub(r"(?<!\\)\.[*+]\??$", "", body)
    body = escape_dots(body)
    if "|" in body:
        body = f"(?:{body})"
    if is_open_at_end(parsed(pattern)) and any(":group:" in text and "#" not in text for text in kept):
        if any(":role=" not in text and not found_in(rf"\A{body}\Z", f"{text}:role=x") for text in kept):
            body += _BELOW
        body += _AUTHORITY
    closed = rf"\A{body}\Z"
    if isinstance(read_pattern(closed), BrokenPattern) or not all(found_in(closed, text) for text in kept):
        return ""
    tree = parsed(closed)
    good = not (has_loose_dot(tree) or is_open_at_start(tree) or is_open_at_end(tree))
    good = good and within_names(closed, BRANCHES) == closed
    return closed if good and closed != given else ""


def _is_fragment(pattern: str, meant: str) -> bool:
    """Whether names are longer than what is asked for: anchored, it would find none of those that were meant."""
    return not meant.lower().startswith("urn:") and (":" in meant or pattern.lstrip("^").startswith("."))


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
