"""Which characters a piece of a parsed pattern can match, as a bit mask. Owns that reading, always on the large side.

Bits 0-127 are the ASCII characters, bit 128 is everything else. Case-insensitive pieces get both cases, and the
odd ones of Unicode: ``k``, ``s`` and ``i`` have relatives outside ASCII.
"""

import re
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from typing import Any

ALL = (1 << 129) - 1
OTHER = 1 << 128
NEWLINE = 1 << 10
_IGNORECASE, _ASCII, _DOTALL = int(re.IGNORECASE), int(re.ASCII), int(re.DOTALL)
_LETTERS = sum(1 << ord(c) for c in "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_RELATED = sum(1 << ord(c) for c in "ksiKSI")
_UPPER_TO_LOWER = 32


def _category(pattern: str) -> int:
    """A category of the parser: exact in ASCII, and possibly anything beyond."""
    compiled = re.compile(pattern)
    return sum(1 << code for code in range(128) if compiled.match(chr(code))) | OTHER


_CATEGORIES = {
    sre.CATEGORY_DIGIT: _category(r"\d"),
    sre.CATEGORY_NOT_DIGIT: _category(r"\D"),
    sre.CATEGORY_SPACE: _category(r"\s"),
    sre.CATEGORY_NOT_SPACE: _category(r"\S"),
    sre.CATEGORY_WORD: _category(r"\w"),
    sre.CATEGORY_NOT_WORD: _category(r"\W"),
}


def literal(code: int, flags: int) -> int:
    """One character."""
    return _case(1 << code if code < 128 else OTHER, flags)


def anything(flags: int) -> int:
    """A dot."""
    return ALL if flags & _DOTALL else ALL & ~NEWLINE


def not_literal(code: int, flags: int) -> int:
    """All but one character."""
    return _complement(1 << code if code < 128 else 0, flags)


def one_of(items: Any, flags: int) -> int:
    """A character class, as the parser lists it."""
    mask, negated = 0, False
    for op, value in items:
        if op is sre.NEGATE:
            negated = True
        elif op is sre.LITERAL:
            mask |= 1 << value if value < 128 else OTHER
        elif op is sre.RANGE:
            mask |= _range(*value)
        else:
            mask |= _CATEGORIES.get(value, ALL)
    return _complement(mask, flags) if negated else _case(mask, flags)


def _range(low: int, high: int) -> int:
    ascii_part = (1 << min(high, 127) + 1) - (1 << low) if low < 128 else 0
    return ascii_part | (OTHER if high > 127 else 0)


def _case(mask: int, flags: int) -> int:
    if not flags & _IGNORECASE:
        return mask
    letters = mask & _LETTERS
    mask |= (letters << _UPPER_TO_LOWER | letters >> _UPPER_TO_LOWER) & _LETTERS
    if flags & _ASCII:
        return mask
    if mask & OTHER:
        mask |= _RELATED
    return mask | OTHER if mask & _RELATED else mask


def _complement(mask: int, flags: int) -> int:
    """What is not in ``mask``; characters beyond ASCII are never ruled out, nor letters where case does not count."""
    rest = (ALL & ~mask) | OTHER
    return rest | _LETTERS if flags & _IGNORECASE else rest
