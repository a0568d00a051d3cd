"""Both sides of a replay at once. Owns that what stands in both policies is looked at only once."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay import QuickPolicy, rules_of
from p3idp.core.policy.replay_side import Claims, Gifts, Held, Judged, PolicySide, Side, items_of
from p3idp.errors.policy import ClaimsInvalid

_SOMETHING: Held = (0,)


class Pair(Protocol):
    """The draft, and what is in force."""

    @property
    def draft(self) -> Side:
        """One side."""
        ...

    @property
    def current(self) -> Side:
        """The other."""
        ...

    def judge(self, claims: Claims, provider: str | None) -> tuple[Judged, Judged]:
        """What these claims get under the draft, and what now. Raises ClaimsInvalid."""
        ...


@dataclass(frozen=True, slots=True)
class Apart:
    """Sides that have nothing in common."""

    draft: Side
    current: Side

    def judge(self, claims: Claims, provider: str | None) -> tuple[Judged, Judged]:
        """See Pair."""
        return self.draft.judge(claims, provider), self.current.judge(claims, provider)


class Together:
    """Two policies that read claims alike. Rules that stand in both come first, then the draft's, then the others."""

    def __init__(self, draft: Policy, current: Policy, now: datetime, gifts: Gifts) -> None:
        self.draft, self.current = PolicySide(draft, now, gifts), PolicySide(current, now, gifts)
        new, old = ({(rule.condition, rule.grants): rule for rule in rules_of(each, now)} for each in (draft, current))
        both = [rule for key, rule in new.items() if key in old]
        added = [rule for key, rule in new.items() if key not in old]
        self._both, self._new = len(both), len(both) + len(added)
        gone = (rule for key, rule in old.items() if key not in new)
        self._quick = QuickPolicy(draft.site, (*both, *added, *gone), now)
        self._gifts = tuple(gifts.number(items_of(rule)) for rule in self._quick.rules)

    def judge(self, claims: Claims, provider: str | None) -> tuple[Judged, Judged]:
        """See Pair."""
        try:
            who, subject, rules, refusal = self._quick.decide_given(claims, provider)
        except ClaimsInvalid:  # or a provider that neither knows
            return self.draft.judge(claims, provider), self.current.judge(claims, provider)
        if not rules or max(rules) < self._both:
            # One value for both says that they are the same: nobody looks at which gifts these are.
            alike = Judged(who, subject, subject, _SOMETHING) if rules else Judged(who, subject, refusal=refusal)
            return alike, alike
        after = self._held(number for number in rules if number < self._new)
        before = self._held(number for number in rules if number < self._both or number >= self._new)
        return _judged(who, subject, after), _judged(who, subject, before)

    def _held(self, rules: Iterable[int]) -> Held:
        return tuple(sorted({self._gifts[number] for number in rules}))


def _judged(provider: str, subject: str, held: Held) -> Judged:
    return Judged(provider, subject, subject if held else "", held)


def pair_of(draft: Policy, current: Policy, now: datetime, gifts: Gifts) -> Pair:
    """Two policies at a moment."""
    one, other = draft.site, current.site
    if (one.domain, one.identity_providers) == (other.domain, other.identity_providers):
        return Together(draft, current, now, gifts)
    return Apart(PolicySide(draft, now, gifts), PolicySide(current, now, gifts))
