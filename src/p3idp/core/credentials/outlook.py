"""How long an application credential goes on working, and what keeps it alive. Owns the reckoning; no call, no clock.

Keystone gives a token of a credential the roles that it was made with and its owner still has: it goes on with fewer
while some lapse, and answers 401 when none is left (keystone models/token_model.py).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from p3idp.core.access.resources import Key
from p3idp.core.credentials.held import ApplicationCredential, GivenRole
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.policy.decide import earliest
from p3idp.core.policy.decision import Decision

# One login renews all memberships, one after the other: ends so close together are one.
_TOGETHER = timedelta(minutes=1)
_LONGEST_EXCHANGE = timedelta(days=1)
_OVERDUE_BELOW = 4  # less than ttl / 4 is left: a recheck renews at half of it, and nobody has for so long


class State(StrEnum):
    """How a credential is, in the order in which people should look at it. Once released, a word keeps its meaning."""

    LAPSED = "lapsed"
    LAPSES = "lapses"
    LIVES = "lives"
    OWNER_NOT_A_MEMBER = "owner-not-a-member"
    OWNER_DISABLED = "owner-disabled"
    ENDED = "ended"


class Keeper(StrEnum):
    """What keeps a credential alive, or brings it back."""

    NOTHING_NEEDED = "nothing-needed"
    CONSENT = "consent"  # p3idp asks the provider while the owner is away
    RECHECK_OVERDUE = "recheck-overdue"  # it should have by now
    SIGN_IN = "sign-in"
    NEW_CREDENTIAL = "new-credential"
    MEMBERSHIP = "membership"


@dataclass(frozen=True, slots=True)
class Owner:
    """Somebody who may hold credentials.

    ``name``: as Keystone calls them. ``decision``: what the policy gives their last known claims now, made at
    ``seen_at``; None where p3idp knows none. ``consented``: whether p3idp may ask about them. ``ttl``: how long a
    membership outlives a login at their provider; None for a provider that the policy does not name.
    """

    id: str
    name: str
    provider: str
    email: str = ""
    enabled: bool = True
    consented: bool = False
    decision: Decision | None = None
    seen_at: datetime | None = None
    ttl: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Outlook:
    """What becomes of one credential.

    ``stops_at``: when it stops working, as things stand; None where it does not, or has. ``by_itself``: it is its own
    end that stops it. ``groups``: those whose lapse does. ``fewer``: moments before, each with the roles that it loses
    then. ``missing``: roles that it was made with and does not give any more.
    """

    credential: ApplicationCredential
    owner: Owner
    state: State
    keeper: Keeper
    stops_at: datetime | None = None
    by_itself: bool = False
    groups: tuple[Key, ...] = ()
    fewer: tuple[tuple[datetime, tuple[str, ...]], ...] = ()
    missing: tuple[str, ...] = ()

    def needs_somebody(self, within: timedelta, now: datetime) -> bool:
        """Whether somebody has to do something: it stops so soon and nothing keeps it, or what should have did not."""
        soon = self.stops_at is not None and self.stops_at <= now + within
        stops = self.state is State.LAPSES and soon and self.keeper is not Keeper.CONSENT
        return stops or self.keeper is Keeper.RECHECK_OVERDUE

    @property
    def urgency(self) -> tuple[int, float, str, str, str]:
        """By what a list is sorted, the worst first."""
        rank = list(State).index(self.state)
        stops = self.stops_at.timestamp() if self.stops_at else 0.0
        return rank, stops, self.owner.name, self.credential.name, self.credential.id


def outlook(credential: ApplicationCredential, owner: Owner, given: Iterable[GivenRole], now: datetime) -> Outlook:
    """What becomes of a credential whose owner has these roles now."""
    if credential.until is not None and credential.until <= now:
        return Outlook(credential, owner, State.ENDED, Keeper.NEW_CREDENTIAL)
    if not owner.enabled:
        return Outlook(credential, owner, State.OWNER_DISABLED, Keeper.MEMBERSHIP)
    ways = _ways(credential, given, now)
    if not ways:
        return _without_roles(credential, owner)
    ends = {role: _last(each) for role, each in ways.items()}
    last = None if None in ends.values() else max(end for end in ends.values() if end)
    stops = earliest(credential.until, last)
    by_itself = credential.until is not None and stops == credential.until
    state = State.LIVES if stops is None else State.LAPSES
    return Outlook(
        credential,
        owner,
        state,
        _keeper(owner, stops, now, by_itself=by_itself),
        stops_at=stops,
        by_itself=by_itself,
        groups=() if by_itself or stops is None else _groups(ways, stops),
        fewer=_fewer(ends, stops),
        missing=tuple(role for role in credential.roles if role not in ways),
    )


def is_for_exchange(credential: ApplicationCredential, now: datetime) -> bool:
    """Whether p3idp made it for one exchange: called so, restricted, and over within a day.

    Not by its name alone, or people could hide theirs from the list.
    """
    soon = credential.until is not None and credential.until <= now + _LONGEST_EXCHANGE
    return credential.name.startswith(CREDENTIAL_PREFIX) and not credential.unrestricted and soon


def _ways(
    credential: ApplicationCredential, given: Iterable[GivenRole], now: datetime
) -> Mapping[str, Sequence[GivenRole]]:
    """By role, all that gives it on the credential's project."""
    found: dict[str, list[GivenRole]] = {}
    for each in given:
        over = each.through is not None and each.through.until is not None and each.through.until <= now
        if each.project_id == credential.project_id and each.role in credential.roles and not over:
            found.setdefault(each.role, []).append(each)
    return found


def _last(ways: Iterable[GivenRole]) -> datetime | None:
    """When the last of these ends; None for never."""
    ends = [way.through.until if way.through else None for way in ways]
    return None if None in ends else max(end for end in ends if end)


def _without_roles(credential: ApplicationCredential, owner: Owner) -> Outlook:
    """Nothing is left of its roles. Whether a sign-in would bring them back is the last claims' word."""
    if owner.decision is not None and credential.project is not None:
        access = owner.decision.on(credential.project)
        if access is None or not set(access.roles) & set(credential.roles):
            return Outlook(credential, owner, State.OWNER_NOT_A_MEMBER, Keeper.MEMBERSHIP, missing=credential.roles)
    keeper = Keeper.RECHECK_OVERDUE if owner.consented else Keeper.SIGN_IN
    return Outlook(credential, owner, State.LAPSED, keeper, missing=credential.roles)


def _keeper(owner: Owner, stops: datetime | None, now: datetime, *, by_itself: bool) -> Keeper:
    if stops is None:
        return Keeper.NOTHING_NEEDED
    if by_itself:
        return Keeper.NEW_CREDENTIAL
    if not owner.consented:
        return Keeper.SIGN_IN
    overdue = owner.ttl is not None and stops - now < owner.ttl / _OVERDUE_BELOW
    return Keeper.RECHECK_OVERDUE if overdue else Keeper.CONSENT


def _groups(ways: Mapping[str, Sequence[GivenRole]], stops: datetime) -> tuple[Key, ...]:
    """The groups that give its last roles."""
    memberships = {way.through for each in ways.values() for way in each if way.through}
    return tuple(sorted({m.group for m in memberships if m.until and abs(m.until - stops) < _TOGETHER}))


def _fewer(ends: Mapping[str, datetime | None], stops: datetime | None) -> tuple[tuple[datetime, tuple[str, ...]], ...]:
    """Roles that end clearly before the credential does."""
    found: dict[datetime, list[str]] = {}
    for role, end in sorted(ends.items(), key=lambda each: (each[1] is None, each[1], each[0])):
        if end is not None and (stops is None or stops - end >= _TOGETHER):
            moment = next((known for known in found if end - known < _TOGETHER), end)
            found.setdefault(moment, []).append(role)
    return tuple((moment, tuple(roles)) for moment, roles in found.items())
