"""Two mappings on both sides of a replay, logins taken apart. Owns what is remembered of the parts.

What one value gives, beside all that counts as a whole, both mappings are asked once (replay_asking.py says why that
adds up): people of communities carry the same values. Whatever is not of the usual form goes the plain way, which is
two KeystoneSides, each for itself; so does what is met for the first time, as it may be the last.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from p3idp.core.keystone_rules import Failed, Kind
from p3idp.core.login.limits import LIMITS
from p3idp.core.mappings.assertion import attributes
from p3idp.core.mappings.replay import KeystoneSide, user_of
from p3idp.core.mappings.replay_asking import STANDS_FOR, Asking, asking_of
from p3idp.core.policy.claims import ambiguity
from p3idp.core.policy.replay_pair import Apart, Pair
from p3idp.core.policy.replay_side import Claims, Held, Item, Judged
from p3idp.errors.policy import ClaimsInvalid

# So many texts are remembered. Beyond so many values of a claim, or groups listed, Keystone's bounds could be met.
MOST_TEXTS, MOST_VALUES, MOST_LISTED = 65_536, 100, 400
_SOMETHING: Held = (0,)


class _Odd(Exception):
    """A login for the plain way."""


class _Answer(NamedTuple):
    """What one mapping gives. ``who``: all that it says of the user; empty where no rule matches."""

    who: str = ""
    user: str = ""
    held: Held = ()


class _Part:
    """What one value gives under the draft and now. ``listed``: how many groups Keystone lists for it.

    ``alike``: who holds something (+) or nothing (-) by it, where both answer the same; empty for nobody.
    """

    def __init__(self, claims: Claims, answers: Sequence[_Answer], listed: int) -> None:
        self.claims, self.answers, self.listed = claims, answers, listed
        draft, current = answers
        who = draft.who and ("+" if draft.held else "-") + draft.who
        self.alike = who if draft == current else None
        self.rules: dict[tuple[int, Item], frozenset[int]] = {}


_Known = dict[str, _Part | None]


class _Shape:
    """What claims of some names are for. ``ways`` leads from what counts as a whole to claims and their values."""

    def __init__(self, keys: Mapping[str, frozenset[str]], asking: Asking, person: str) -> None:
        self.own = {name: at for name, at in keys.items() if at <= asking.own}
        self.single = {person, *self.own}
        self.apart = [name for name, at in keys.items() if at <= asking.apart]
        self.whole = [name for name in keys if name not in self.own and name not in self.apart]
        self.ways: dict[object, dict[str, _Known]] = {}

    def key(self, claims: Claims) -> tuple[object, ...]:
        """All that counts as a whole."""
        return tuple([tuple(each) if type(each) is list else each for each in [claims[name] for name in self.whole]])


class TogetherInKeystone:
    """See Pair."""

    def __init__(self, draft: KeystoneSide, current: KeystoneSide, asking: Asking) -> None:
        self._sides = draft, current
        self.draft, self.current = _Through(self, draft, 0), _Through(self, current, 1)
        self._asking, self._asked = asking, draft.attributes | current.attributes
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._person = draft.person
        self._texts = self._most = 0

    def judge(self, claims: Claims, provider: str | None) -> tuple[Judged, Judged]:
        """See Pair."""
        try:
            return self._together(claims, provider or "", *self.parts(claims))
        except (KeyError, TypeError, ClaimsInvalid, _Odd):
            after, before = (side.judge(claims, provider) for side in self._sides)
        if not after.refusal and not before.refusal:
            self._learn(claims)
        return after, before

    def parts(self, claims: Claims) -> tuple[Iterable[str], Sequence[_Part]]:
        """What is remembered of a login, and which claims are its own. Raises what judge() catches for odd ones."""
        shape = self._shapes[tuple(claims)]
        for value in {claims[name] for name in shape.single}:
            if type(value) is not str or not value or len(value) > LIMITS.value_size or ambiguity(value):
                raise _Odd
        way = shape.ways[shape.key(claims)]
        if not shape.apart:
            return shape.own, [way[""][""] or self._meet(claims, shape, "", "")]
        parts = []
        for name in shape.apart:
            known, values = way[name], _values(claims[name])
            if len(values) > MOST_VALUES:
                raise _Odd
            parts += [known[text] or self._meet(claims, shape, name, text) for text in values]
        if len(parts) > 1 and len(parts) * self._most > MOST_LISTED < sum([part.listed for part in parts]):
            raise _Odd
        return shape.own, parts

    def _together(
        self, claims: Claims, where: str, own: Iterable[str], parts: Sequence[_Part]
    ) -> tuple[Judged, Judged]:
        subject: Any = claims[self._person]
        alike = {part.alike for part in parts}
        if None not in alike:
            alike.discard("")
            if len(alike) > 1:
                _same({each[1:] for each in alike if each})
            # One value for both says that they are the same: nobody looks at the user, nor at which gifts these are.
            judged = Judged(where, subject, "", _SOMETHING if any([each[0] == "+" for each in alike if each]) else ())
            return judged, judged
        made = []
        for answers in zip(*[part.answers for part in parts], strict=True):
            _same({each.who for each in answers})
            user = max([each.user for each in answers])
            for number, name in enumerate(own):
                user = user.replace(_stands_for(number), str(claims[name]))
            made.append(Judged(where, subject, user, tuple(sorted({gift for each in answers for gift in each.held}))))
        return made[0], made[1]

    def _meet(self, claims: Claims, shape: _Shape, name: str, text: str) -> _Part:
        """Take a part for itself. Raises _Odd where Keystone fails, or where that depends on how long it takes."""
        kept = {each: claims[each] for each in (*shape.own, *shape.whole)} | ({name: [text]} if name else {})
        hidden = {at: _stands_for(number) for number, keys in enumerate(shape.own.values()) for at in keys}
        answers, listed = [], 0
        for side in self._sides:
            environment, odd = side.environment(kept)
            environment |= {at: hidden[at] for at in environment.keys() & hidden.keys()}
            if odd or max(map(len, environment.values()), default=0) > side.compiled.harmless:
                raise _Odd
            outcome = side.compiled.evaluate(environment)
            if not isinstance(outcome, Failed):
                answers.append(_Answer(repr(outcome.person), user_of(outcome.person), side.held(outcome)))
                listed += len(outcome.group_names)
            elif outcome.kind is Kind.NO_MATCH:
                answers.append(_Answer())
            else:
                raise _Odd
        self._most = max(self._most, listed)
        part = shape.ways[shape.key(claims)][name][text] = _Part(kept, answers, listed)
        return part

    def _learn(self, claims: Claims) -> None:
        """A good login went the plain way: the next with the same values need not."""
        if self._texts >= MOST_TEXTS:
            self._shapes.clear()
            self._texts = 0
        names = tuple(claims)
        shape = self._shapes.get(names)
        if shape is None:
            keys = {name: found for name in names if (found := self._asked.intersection(attributes(name)))}
            if sum(map(len, keys.values())) > len(frozenset().union(*keys.values())):
                return  # of two claims that become one attribute one is lost
            shape = self._shapes[names] = _Shape(keys, self._asking, self._person)
        key = shape.key(claims)
        if key not in shape.ways:
            shape.ways[key] = {name: {} for name in shape.apart} or {"": {"": None}}
            self._texts += 1 + sum(len(each) for each in key if isinstance(each, tuple))
        for name in shape.apart:
            known = shape.ways[key][name]
            for text in _values(claims[name]):
                self._texts += text not in known
                known.setdefault(text, None)


class _Through:
    """One side beside the other: finds the rules by what is remembered."""

    def __init__(self, pair: TogetherInKeystone, side: KeystoneSide, number: int) -> None:
        self._pair, self._side, self._number = pair, side, number
        self.home, self.judge, self.rule = side.home, side.judge, side.rule

    def through(self, claims: Claims, provider: str | None, items: frozenset[Item]) -> Iterable[int]:
        """See Side."""
        try:
            _, parts = self._pair.parts(claims)
        except (KeyError, TypeError, ClaimsInvalid, _Odd):
            return self._side.through(claims, provider, items)
        found: set[int] = set()
        for part in parts:
            for item in items & self._side.gifts.items(part.answers[self._number].held):
                found |= self._rules(part, provider, item)
        return found

    def _rules(self, part: _Part, provider: str | None, item: Item) -> frozenset[int]:
        key = self._number, item
        if key not in part.rules:
            part.rules[key] = frozenset(self._side.through(part.claims, provider, frozenset({item})))
        return part.rules[key]


def _values(value: object) -> Sequence[str]:
    """A claim's values; a list of none is one empty text for Keystone."""
    if type(value) is list:
        return value or ("",)
    if type(value) is str:
        return (value,)
    raise _Odd


def _stands_for(number: int) -> str:
    return f"{STANDS_FOR}{number}."


def _same(users: set[str]) -> None:
    """Where rules name different users, which of them is first decides."""
    users.discard("")
    if len(users) > 1:
        raise _Odd


def pair_in_keystone(draft: KeystoneSide, current: KeystoneSide) -> Pair:
    """Two mappings that read claims alike."""
    asking = asking_of([draft.compiled, current.compiled])
    return TogetherInKeystone(draft, current, asking) if asking else Apart(draft, current)
