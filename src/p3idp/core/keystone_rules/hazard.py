"""How long a pattern can take at worst. Owns a bound on the steps of Python's backtracking search, from above.

Two things are followed through the parsed pattern. ``ways`` is the number of times a piece can hand over to what comes
after it; where the next character decides (first characters disjoint) that is once. ``fixed`` and ``each`` are the
steps of one run: ``fixed + each * n`` for n characters. A repeat whose body can match the same text in two ways has
exponentially many ways, and no bound. Coarse is fine here: what cannot be bounded runs elsewhere, under a clock.
"""

import math
import re
from dataclasses import dataclass
from itertools import takewhile
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from typing import Any

from p3idp.core.keystone_rules import charmask

# About ten milliseconds at 20 to 50 nanoseconds a step.
MAX_STEPS = 300_000
# Texts are mostly short: the middle is asked first.
_LENGTHS = (16, 64, 128, 256, 512, 2_048, 65_536)
_MOST = 1e30  # stands for "no bound"; an infinity times nothing would be no number
_WIDE_RANGE = 512
_DEEPEST = 5  # repeats within repeats; each level is read three times
_MOST_PIECES = 600  # read for one bound, in about a millisecond: a pattern must not be slower to judge than to run
_MULTILINE, _IGNORECASE = int(re.MULTILINE), int(re.IGNORECASE)
_BEGINNINGS = (sre.AT_BEGINNING_STRING, sre.AT_BEGINNING)


@dataclass(frozen=True, slots=True)
class Cost:
    """A piece of a pattern: its first characters, whether it can be empty, its ways and its steps."""

    first: int
    empty: bool
    ways: float = 1.0
    fixed: float = 1.0
    each: float = 0.0


def quick_up_to(tree: Any) -> int:
    """The longest text for which a search of the parsed pattern surely takes few steps; -1 where there is none."""
    low, high = -1, len(_LENGTHS)
    try:
        while high - low > 1:
            middle = (low + high) // 2
            if steps(tree, _LENGTHS[middle]) <= MAX_STEPS:
                low = middle
            else:
                high = middle
    except _TooManyPieces:
        return -1
    return _LENGTHS[low] if low >= 0 else -1


def steps(tree: Any, length: int) -> float:
    """At most so many steps does ``re.search`` take on a text of ``length`` characters. May raise _TooManyPieces."""
    flags = tree.state.flags
    cost = _Bound(length).sequence(list(tree), flags, 0)
    once = cost.fixed + cost.each * length
    if is_anchored(tree, flags):
        return once
    head = _head(tree) if not flags & _IGNORECASE else []
    # A search begins everywhere, but gets past a literal beginning only where that stands, which is not everywhere.
    return (length / _period(head) + 1) * once + (length + 1) * (len(head) + 1)


def _head(tree: Any) -> list[int]:
    """The literal characters that the pattern begins with."""
    return [value for _, value in takewhile(lambda piece: piece[0] is sre.LITERAL, tree)]


def _period(head: list[int]) -> int:
    """How far apart two places where ``head`` stands must be at least."""
    return next((step for step in range(1, len(head)) if head[step:] == head[:-step]), max(len(head), 1))


def is_anchored(tree: Any, flags: int) -> bool:
    """Whether the pattern can only begin where the text does."""
    for op, value in tree:
        if op is sre.AT:
            return value is sre.AT_BEGINNING_STRING or (value in _BEGINNINGS and not flags & _MULTILINE)
        if op is sre.SUBPATTERN:
            _, added, taken, inner = value
            return is_anchored(inner, (flags | added) & ~taken)
        return False
    return False


_NO_BOUND = Cost(charmask.ALL, empty=True, ways=_MOST, fixed=_MOST)


class _TooManyPieces(Exception):
    """The pattern takes too long to judge."""


class _Bound:
    """The bound for one length of text."""

    def __init__(self, length: int) -> None:
        self.length = length
        self.depth = 0
        self.read = 0

    def sequence(self, items: list[Any], flags: int, follow: int) -> Cost:
        """Pieces one after the other, read from the last, since what follows decides about a choice."""
        empty, ways, fixed, each = True, 1.0, 0.0, 0.0
        asserts_next = False
        self.read += 1
        for place in range(len(items) - 1, -1, -1):
            op, value = items[place]
            if op is sre.LITERAL:
                fixed += 1
                empty = asserts_next = False
                if not place or items[place - 1][0] is not sre.LITERAL:
                    follow = charmask.literal(value, flags)
                continue
            self.read += 1
            if self.read > _MOST_PIECES:
                raise _TooManyPieces
            cost = self.piece(op, value, flags, follow, asserts_next)
            fixed = min(cost.fixed + cost.ways * fixed, _MOST)
            each = min(cost.each + cost.ways * each, _MOST)
            ways = min(ways * cost.ways, _MOST)
            follow = cost.first | follow if cost.empty else cost.first
            empty = empty and cost.empty
            asserts_next = op in _ASSERTIONS or (cost.empty and asserts_next)
        return Cost(follow, empty, ways, fixed, each)

    def piece(self, op: Any, value: Any, flags: int, follow: int, asserts_next: bool) -> Cost:
        """One piece; ``follow`` is what may come after it."""
        single = _single(op, value, flags)
        if single is not None:
            return Cost(single, empty=False)
        if op is sre.SUBPATTERN:
            _, added, taken, inner = value
            return self.sequence(list(inner), (flags | added) & ~taken, follow)
        if op is sre.BRANCH:
            return self._branch([list(each) for each in value[1]], flags, follow)
        if op in _REPEATS:
            return self._repeat(op, value, flags, follow, asserts_next)
        if op in _ASSERTIONS:
            inner = self.sequence(list(value[1]), flags, 0)
            return Cost(0, empty=True, fixed=inner.fixed + inner.each * self.length)
        if op is sre.ATOMIC_GROUP:
            inner = self.sequence(list(value), flags, charmask.ALL)
            return Cost(inner.first, inner.empty, 1, inner.fixed, inner.each)
        if op is sre.AT:
            return Cost(charmask.NEWLINE if value is sre.AT_END else 0, empty=True)
        if op is sre.GROUPREF:
            return Cost(charmask.ALL, empty=True, each=1)
        return _NO_BOUND

    def _branch(self, branches: list[list[Any]], flags: int, follow: int) -> Cost:
        costs = [self.sequence(items, flags, follow) for items in branches]
        seen, decided = 0, True
        for cost in costs:
            decided = decided and not seen & cost.first
            seen |= cost.first
        empty = any(cost.empty for cost in costs)
        fixed = len(costs) + sum(cost.fixed for cost in costs)
        if decided:
            return Cost(seen, empty, max(c.ways for c in costs), fixed, max(c.each for c in costs))
        return Cost(seen, empty, sum(c.ways for c in costs), fixed, sum(c.each for c in costs))

    def _repeat(self, op: Any, value: Any, flags: int, follow: int, asserts_next: bool) -> Cost:
        least, most, inner = value
        self.depth += 1
        alone, body = self._body(list(inner), flags, follow)
        self.depth -= 1
        first, empty = body.first, body.empty or least == 0
        rounds = min(float(most), self.length + 1.0)
        exits = min(float(most) - float(least), float(self.length)) + 1
        if alone.ways > 1 or (body.empty and rounds > 1):
            return self._ambiguous(alone, least, most, exits)
        # One way through the rounds. Each place is an exit once, unless the next character says that it is none.
        if body.ways > 1:
            exits = self.length + 1.0
        elif not (first & follow or asserts_next or body.empty):
            exits = 1
        if op is sre.POSSESSIVE_REPEAT:
            exits = 1
        if rounds == 1:
            return Cost(first, empty, max(exits, body.ways + 1 if body.ways > 1 else 1), 1 + body.fixed, body.each)
        # Each round takes at least one character, so the rounds' fixed steps count with the characters.
        return Cost(first, empty, exits, 1 + body.fixed, body.fixed + body.each)

    def _body(self, items: list[Any], flags: int, follow: int) -> tuple[Cost, Cost]:
        """The body of a repeat: followed by its own next round alone, and by what follows the repeat as well."""
        single = _single(items[0][0], items[0][1], flags) if len(items) == 1 else None
        if single is not None:
            return Cost(single, empty=False), Cost(single, empty=False)
        if self.depth > _DEEPEST:
            return _NO_BOUND, _NO_BOUND
        first = self.sequence(items, flags, 0).first
        return self.sequence(items, flags, first), self.sequence(items, flags, first | follow)

    def _ambiguous(self, body: Cost, least: int, most: Any, exits: float) -> Cost:
        """A body that can match in several ways: they multiply with every round."""
        rounds = float(most)
        many = rounds * math.log(max(body.ways, 2.0)) > math.log(_MOST)
        ways = _MOST if many else max(body.ways, 2.0) ** rounds
        fixed, each = min(ways * (1 + body.fixed), _MOST), min(ways * body.each, _MOST)
        return Cost(body.first, body.empty or least == 0, min(ways * exits, _MOST), fixed, each)


def compiles_quickly(items: Any, flags: int) -> bool:
    """Whether nothing makes Python's compiler itself work for long: wide ranges where case does not count."""
    for op, value in items:
        if op is sre.LITERAL:
            continue
        if op is sre.IN and flags & _IGNORECASE and any(_is_wide(*item) for item in value):
            return False
        if not all(compiles_quickly(inner, (flags | added) & ~taken) for inner, added, taken in inside(op, value)):
            return False
    return True


def looks_behind(items: Any) -> bool:
    """Whether a look-behind is there: only compiling tells whether its width is fixed."""
    return any(
        (op in _ASSERTIONS and value[0] < 0) or any(looks_behind(inner) for inner, _, _ in inside(op, value))
        for op, value in items
        if op is not sre.LITERAL
    )


def inside(op: Any, value: Any) -> list[tuple[Any, int, int]]:
    """The sequences within a piece, with the flags it adds and takes away."""
    if op is sre.SUBPATTERN:
        return [(value[3], value[1], value[2])]
    if op is sre.BRANCH:
        return [(each, 0, 0) for each in value[1]]
    if op in _REPEATS:
        return [(value[2], 0, 0)]
    if op in _ASSERTIONS:
        return [(value[1], 0, 0)]
    if op is sre.ATOMIC_GROUP:
        return [(value, 0, 0)]
    if op is sre.GROUPREF_EXISTS:
        return [(each, 0, 0) for each in value[1:] if each]
    return []


def _is_wide(op: Any, value: Any) -> bool:
    return op is sre.RANGE and value[1] - value[0] > _WIDE_RANGE


def _single(op: Any, value: Any, flags: int) -> int | None:
    """The characters of a piece that takes exactly one; None for other pieces."""
    if op is sre.LITERAL:
        return charmask.literal(value, flags)
    if op is sre.IN:
        return charmask.one_of(value, flags)
    if op is sre.ANY:
        return charmask.anything(flags)
    if op is sre.NOT_LITERAL:
        return charmask.not_literal(value, flags)
    return None


_REPEATS = (sre.MAX_REPEAT, sre.MIN_REPEAT, sre.POSSESSIVE_REPEAT)
_ASSERTIONS = (sre.ASSERT, sre.ASSERT_NOT)
