"""How a parsed pattern begins and ends, and which of its dots look like real dots. Owns that reading."""

from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from typing import Any

from p3idp.core.keystone_rules.hazard import inside, is_anchored

REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_AT_ENDS = (sre.AT_END, sre.AT_END_STRING)
_WORDLIKE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
# Beside one of these "and anything" is meant: the names below a group, say; and after ``=`` any role.
_SEPARATORS = frozenset(":/#@")
_BEFORE_ANYTHING = _SEPARATORS | {"="}


def is_open_at_start(tree: Any) -> bool:
    """Whether something may stand before what is meant; ``.*`` before a separator is meant."""
    items = _without_anchors(tree)
    if items and is_wide(*items[0]):
        return not (len(items) > 1 and _is_one_of(_SEPARATORS, *items[1]))
    return not is_anchored(tree, tree.state.flags)


def is_open_at_end(tree: Any) -> bool:
    """Whether something may stand behind what is meant; ``.*`` behind a separator is meant."""
    items = _without_anchors(tree)
    if items and is_wide(*items[-1]):
        return not (len(items) > 1 and _is_one_of(_BEFORE_ANYTHING, *items[-2]))
    return not is_closed(tree)


def core(tree: Any) -> list[Any]:
    """The pieces without anchors and without ``.*`` at either end."""
    items = _without_anchors(tree)
    while items and is_wide(*items[0]):
        items.pop(0)
    while items and is_wide(*items[-1]):
        items.pop()
    return items


def _without_anchors(tree: Any) -> list[Any]:
    return [each for each in tree if each[0] is not sre.AT]


def is_closed(tree: Any) -> bool:
    """Whether a match surely ends where the text does (up to a newline), and says so by more than ``.*``."""
    for op, value in reversed(list(tree)):
        if op is sre.AT:
            return value in _AT_ENDS
        if op is sre.SUBPATTERN:
            return is_closed(value[3])
        if op is sre.BRANCH:
            return all(is_closed(each) for each in value[1])
        if op not in (sre.ASSERT, sre.ASSERT_NOT):
            return False
    return False


def ends_with_dollar(tree: Any) -> bool:
    """Whether the last thing is ``$``."""
    items = list(tree)
    if not items:
        return False
    op, value = items[-1]
    if op is sre.SUBPATTERN:
        return ends_with_dollar(value[3])
    return bool(op is sre.AT and value is sre.AT_END)


def is_wide(op: Any, value: Any) -> bool:
    """Whether this is ``.*`` or ``.+``."""
    return bool(op in REPEATS and value[1] is sre.MAXREPEAT and [each[0] for each in value[2]] == [sre.ANY])


def has_loose_dot(tree: Any) -> bool:
    """Whether a single dot stands between letters or digits, where a dot is meant."""
    items = list(tree)
    for before, here, after in zip(items, items[1:], items[2:], strict=False):
        if here[0] is sre.ANY and _is_one_of(_WORDLIKE, *before) and _is_one_of(_WORDLIKE, *after):
            return True
    return any(
        has_loose_dot(inner) for op, value in items if op is not sre.LITERAL for inner, _, _ in inside(op, value)
    )


def _is_one_of(characters: frozenset[str], op: Any, value: Any) -> bool:
    return op is sre.LITERAL and chr(value) in characters
