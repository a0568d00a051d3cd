"""Who gains, who loses, who stays: two sides of a replay compared, by person and by rule. Owns both tallies.

A person is a subject at an identity provider. Of several logins the last counts, as Keystone goes by the last one:
the one with the latest moment where both have one, else the one that stands later.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from p3idp.core.policy.replay_pair import Pair
from p3idp.core.policy.replay_side import Claims, Gifts, Item, Judged, RuleName, Side


class Fate(StrEnum):
    """What becomes of a person, the worst first."""

    OTHER_USER = "other-user"
    LOSES = "loses"
    LOSES_AND_GAINS = "loses-and-gains"
    GAINS = "gains"
    STAYS = "stays"


class Change(NamedTuple):
    """What becomes of a person. ``by_draft`` and ``by_current`` are the rules that give what is gained and gave what
    is lost.

    ``other_user``: Keystone would take the person for a new one, who does not own what the old one made.
    ``holds``: whether there is any access under the draft. ``refusal``: why the draft looks at no rule, where it does
    not.
    """

    gained: tuple[Item, ...] = ()
    lost: tuple[Item, ...] = ()
    by_draft: tuple[int, ...] = ()
    by_current: tuple[int, ...] = ()
    other_user: bool = False
    holds: bool = False
    refusal: str = ""

    @property
    def fate(self) -> Fate:
        """In one word."""
        if self.other_user:
            return Fate.OTHER_USER
        if self.lost:
            return Fate.LOSES_AND_GAINS if self.gained else Fate.LOSES
        return Fate.GAINS if self.gained else Fate.STAYS


class Person(NamedTuple):
    """A person, and the number of the line that was the last login."""

    subject: str
    provider: str
    line: int
    change: Change


class Affected(NamedTuple):
    """A rule, and how many people gain (``draft``) or lose (the other side) by it."""

    draft: bool
    rule: RuleName
    people: int


_UNCHANGED = _WITH, _WITHOUT = Change(holds=True), Change()


class Comparison:
    """Compares login by login."""

    def __init__(self, pair: Pair, gifts: Gifts) -> None:
        self._pair, self._gifts = pair, gifts
        self._draft, self._current = pair.draft, pair.current
        homes = {side.home for side in (pair.draft, pair.current)}
        self._moved = len(homes) == 2 and "" not in homes
        self._people: dict[tuple[str, str], tuple[int, datetime | None, Change]] = {}
        self._changes: dict[Change, Change] = {}

    def add(self, line: int, at: datetime | None, claims: Claims, provider: str | None) -> str:
        """Compare one login. Returns why neither side looks at it; empty where one does. Raises ClaimsInvalid."""
        after, before = self._pair.judge(claims, provider)
        key = (before.provider or after.provider, before.person or after.person)
        known = self._people.get(key)
        if key[1] and (known is None or not (known[1] and at and at < known[1])):
            self._people[key] = (line, at, self._change(claims, provider, after, before))
        return before.refusal if after.refusal else ""

    def _change(self, claims: Claims, provider: str | None, after: Judged, before: Judged) -> Change:
        if after is before:
            return _WITH if after.held else _WITHOUT
        other = bool(after.user and before.user) and (self._moved or after.user != before.user)
        if after.held == before.held and not other:
            return _WITH if after.held else _WITHOUT
        new, old = self._gifts.items(after.held), self._gifts.items(before.held)
        gained, lost = new - old, old - new
        if not gained and not lost and not other:
            return _WITH
        made = Change(
            tuple(sorted(gained)),
            tuple(sorted(lost)),
            tuple(sorted(self._draft.through(claims, provider, gained))) if gained else (),
            tuple(sorted(self._current.through(claims, provider, lost))) if lost else (),
            other,
            bool(after.held),
            after.refusal,
        )
        return self._changes.setdefault(made, made)

    def people(self) -> Iterator[Person]:
        """Everybody, in the order of their first login."""
        for (provider, subject), (line, _, change) in self._people.items():
            yield Person(subject, provider, line, change)

    def changed(self) -> list[Person]:
        """Whoever does not stay, the worst first."""
        order = list(Fate)
        found = (person for person in self.people() if person.change not in _UNCHANGED)
        return sorted(found, key=lambda each: (order.index(each.change.fate), each.provider, each.subject))

    def unchanged(self) -> list[Person]:
        """Whoever stays."""
        found = (person for person in self.people() if person.change in _UNCHANGED)
        return sorted(found, key=lambda each: (each.provider, each.subject))

    def totals(self) -> Mapping[Fate, int]:
        """How many people have each fate."""
        counted = Counter(change.fate for _, _, change in self._people.values())
        return {fate: counted[fate] for fate in Fate}

    def rules(self) -> list[Affected]:
        """The rules by which somebody gains or loses, those of most people first."""
        gains: Counter[int] = Counter()
        losses: Counter[int] = Counter()
        for _, _, change in self._people.values():
            if change not in _UNCHANGED:
                gains.update(change.by_draft)
                losses.update(change.by_current)
        found = [*_affected(self._draft, gains, draft=True), *_affected(self._current, losses, draft=False)]
        return sorted(found, key=lambda each: (-each.people, each.draft, each.rule))


def _affected(side: Side, counted: Mapping[int, int], *, draft: bool) -> Iterable[Affected]:
    by_name: Counter[RuleName] = Counter()
    for number, people in counted.items():
        by_name[side.rule(number)] += people
    return (Affected(draft, rule, people) for rule, people in by_name.items())
