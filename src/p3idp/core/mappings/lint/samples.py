"""Example texts for a pattern, from its parsed form. Owns nothing but guesses: whoever uses one searches with it.

Everything here reads a pattern with Python's own parser and runs none.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from re import _parser  # type: ignore[attr-defined]  # the only way to know a pattern without running it
from typing import Any

from p3idp.core.keystone_rules.hazard import inside

MAX_SAMPLE = 2_000
_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
# So many rounds of what has several ways through are slow.
_MANY = 4
# What may spoil a match at its end, so that every other way is tried.
_ENDS = ("", "!\x01", "::", "\n\n")
_CANDIDATES = "xab10-_.:/@#A "
_CATEGORIES = {
    sre.CATEGORY_DIGIT: "1",
    sre.CATEGORY_SPACE: " ",
    sre.CATEGORY_WORD: "x",
    sre.CATEGORY_NOT_DIGIT: "x",
    sre.CATEGORY_NOT_SPACE: "x",
    sre.CATEGORY_NOT_WORD: "-",
}


@lru_cache(maxsize=4_096)
def parsed(pattern: str) -> Any:
    """The parsed pattern, or None where there is none. The result is not to be changed."""
    try:
        return _parser.parse(pattern)
    except Exception:  # whatever Python's parser raises, there is no sample
        return None


def sample(pattern: str, dot: str = ".", branch: int = 0) -> str | None:
    """A text that the pattern is likely found in; ``dot`` stands where a single dot takes any character.

    ``branch``: which of alternatives is taken, the last for a number too high.
    """
    tree = parsed(pattern)
    if tree is None:
        return None
    try:
        return _text(chosen(list(tree), branch), dot, {})
    except _NoSample:
        return None


def text_of(items: Sequence[Any]) -> str | None:
    """The same for pieces of a parsed pattern."""
    try:
        return _text(items, ".", {})
    except _NoSample:
        return None


def chosen(items: Sequence[Any], branch: int) -> Sequence[Any]:
    """The pieces with one alternative in place of the first choice that is there, at the top or in a group."""
    for place, (op, value) in enumerate(items):
        if op is sre.BRANCH:
            return [*items[:place], *value[1][min(branch, len(value[1]) - 1)], *items[place + 1 :]]
        if op is sre.SUBPATTERN and any(each[0] in (sre.BRANCH, sre.SUBPATTERN) for each in value[3]):
            within = (op, (*value[:3], chosen(list(value[3]), branch)))
            return [*items[:place], within, *items[place + 1 :]]
    return items


class _NoSample(Exception):
    """The pattern says something that no text is made up for."""


def _text(items: Sequence[Any], dot: str, groups: dict[int, str]) -> str:
    text = ""
    for op, value in items:
        text += _piece(op, value, dot, groups)
        if len(text) > MAX_SAMPLE:
            raise _NoSample
    return text


def _piece(op: Any, value: Any, dot: str, groups: dict[int, str]) -> str:
    single = _single(op, value, dot)
    if single is not None:
        return single
    if op in _REPEATS:
        least, most, inner = value
        # A repeated dot is meant as "anything": it is no dot that somebody forgot to escape.
        once = _text(list(inner), "x", groups)
        return once * min(int(least), MAX_SAMPLE) if least or not most else ""
    if op is sre.SUBPATTERN:
        text = _text(list(value[3]), dot, groups)
        if value[0] is not None:
            groups[value[0]] = text
        return text
    if op is sre.BRANCH:
        return _text(list(value[1][0]), dot, groups)
    if op is sre.ATOMIC_GROUP:
        return _text(list(value), dot, groups)
    if op is sre.GROUPREF:
        return groups.get(value, "")
    if op in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
        return ""
    raise _NoSample


def _single(op: Any, value: Any, dot: str) -> str | None:
    """A piece that takes exactly one character."""
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.ANY:
        return dot
    if op is sre.NOT_LITERAL:
        return "x" if value != ord("x") else "y"
    return _one_of(value) if op is sre.IN else None


def _one_of(members: Sequence[Any]) -> str:
    if members and members[0][0] is sre.NEGATE:
        return next((c for c in _CANDIDATES if not any(_holds(each[0], each[1], c) for each in members[1:])), "\x01")
    op, value = members[0]
    if op is sre.LITERAL:
        return chr(value)
    if op is sre.RANGE:
        return chr(value[0])
    return _CATEGORIES.get(value, "x")


def takes(op: Any, value: Any, character: str) -> bool:
    """Whether a piece that takes exactly one character takes this one."""
    if op is sre.IN:
        negated = bool(value) and value[0][0] is sre.NEGATE
        return any(_holds(inner, what, character) for inner, what in value[negated:]) is not negated
    if op is sre.NOT_LITERAL:
        return bool(value != ord(character))
    return bool(op is sre.ANY or (op is sre.LITERAL and value == ord(character)))


def _holds(op: Any, value: Any, character: str) -> bool:
    if op is sre.LITERAL:
        return bool(value == ord(character))
    if op is sre.RANGE:
        return bool(value[0] <= ord(character) <= value[1])
    word = character.isalnum() or character == "_"
    return {
        sre.CATEGORY_DIGIT: character.isdigit(),
        sre.CATEGORY_SPACE: character.isspace(),
        sre.CATEGORY_WORD: word,
        sre.CATEGORY_NOT_DIGIT: not character.isdigit(),
        sre.CATEGORY_NOT_SPACE: not character.isspace(),
        sre.CATEGORY_NOT_WORD: not word,
    }.get(value, True)


def slow_texts(pattern: str, length: int) -> Iterator[str]:
    """Texts on which the pattern may run long: for each repeat, its body over and over, and an end that spoils it."""
    tree = parsed(pattern)
    if tree is None:
        return
    seen: set[str] = set()
    for before, pump in _pumps(list(tree), ""):
        for tail in _ENDS:
            text = f"{before}{pump * (length // max(len(pump), 1))}"[: length - len(tail)] + tail
            if pump and text not in seen:
                seen.add(text)
                yield text


def _pumps(items: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
    for place, (op, value) in enumerate(items):
        try:
            so_far = before + _text(items[:place], "x", {})
            if op in _REPEATS and value[1] >= _MANY:
                yield so_far, _text(list(value[2]), "x", {}) or "x"
                yield from _bodies(list(value[2]), so_far)
        except _NoSample:
            return
        if op is not sre.LITERAL and op not in _REPEATS:
            for inner, _, _ in inside(op, value):
                yield from _pumps(list(inner), so_far)


def _bodies(items: Sequence[Any], before: str) -> Iterator[tuple[str, str]]:
    """What the repeats within a repeat's body take, each once."""
    for op, value in items:
        if op is sre.LITERAL:
            continue
        for inner, _, _ in inside(op, value):
            pump = _text(list(inner), "x", {})
            if pump:
                yield before, pump
            yield from _bodies(list(inner), before)
