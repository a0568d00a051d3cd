"""What is known of a pattern before it runs: whether it is one, how long it takes, and how its texts must begin.

Owns the reading of patterns with Python's own parser. A reading costs a fraction of a millisecond and is kept.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from re import _parser  # type: ignore[attr-defined]  # the only way to know a pattern without running it
from typing import Any

from p3idp.core.keystone_rules.hazard import compiles_quickly, is_anchored, looks_behind, quick_up_to
from p3idp.core.keystone_rules.search import BrokenPattern

MAX_PATTERN = 4_096
_IGNORECASE, _ASCII = int(re.IGNORECASE), int(re.ASCII)
_BROKEN = (re.error, OverflowError, RecursionError, ValueError)
# Upper case in ASCII becomes lower case and nothing else changes: what a prefix and a text are compared in.
FOLD = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}


@dataclass(frozen=True, slots=True)
class Reading:
    """A pattern that Python takes (or one too long to look at: then nothing is known).

    ``quick_up_to`` is the longest text on which it may run unguarded, -1 for none. Every text in which it is found
    begins with ``prefix`` once both are folded; "" where nothing is known of the beginning.
    """

    quick_up_to: int
    surely_compiles: bool
    prefix: str = ""


@lru_cache(maxsize=32_768)
def read_pattern(source: str) -> Reading | BrokenPattern:
    """Read ``source`` without running it."""
    if len(source) > MAX_PATTERN:
        return Reading(-1, surely_compiles=False)
    try:
        tree = _parser.parse(source)
        flags = tree.state.flags
        if not compiles_quickly(tree, flags):
            return Reading(-1, surely_compiles=False)
        if "(?<" in source and looks_behind(tree):
            re.compile(source)
        prefix = _prefix(tree, flags)[0] if is_anchored(tree, flags) else ""
        return Reading(quick_up_to(tree), surely_compiles=True, prefix=prefix.translate(FOLD))
    except _BROKEN as exc:
        return BrokenPattern(type(exc).__name__, f"{source[:200]!r} is no pattern: {exc}")


def _prefix(items: Any, flags: int) -> tuple[str, bool]:
    """The characters that a match surely begins with, up to case; and whether the items say nothing more."""
    prefix, exact = "", not flags & _IGNORECASE
    for op, value in items:
        if op is sre.LITERAL and (exact or _folds_well(value, flags)):
            prefix += chr(value)
        elif op is sre.SUBPATTERN:
            more, whole = _prefix(value[3], (flags | value[1]) & ~value[2])
            prefix += more
            if not whole:
                return prefix, False
        elif op not in (sre.AT, sre.ASSERT, sre.ASSERT_NOT):
            return prefix, False
    return prefix, True


def _folds_well(code: int, flags: int) -> bool:
    """Whether all that this literal matches where case does not count is the same once folded."""
    return code < 128 and (bool(flags & _ASCII) or chr(code) not in "kKsSiI")
