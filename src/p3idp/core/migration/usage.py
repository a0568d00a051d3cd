"""Who still uses the old claim or issuer, over the logins that p3idp remembers. Owns what counts as use, and coverage.

Of each person the last login is remembered, and counts. A claim that is released twice is not used twice: only where
the old one alone says something is it needed.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from p3idp.core.access.people.known import Register, ShadowUsers
from p3idp.core.audit.event import Json
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.migration.move import Move, Subject
from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay import QuickPolicy, rules_of
from p3idp.core.policy.replay_side import Item, items_of


class Use(StrEnum):
    """By which of the two somebody came in."""

    OLD = "old"  # and by nothing else: what it says, no other claim says
    BOTH = "both"
    NEW = "new"
    NEITHER = "neither"
    UNKNOWN = "unknown"  # remembered before both claims were asked for


@dataclass(frozen=True, slots=True)
class Count:
    """People of one use. ``lately``: those within the days that are looked at; ``last``: the latest login."""

    people: int = 0
    lately: int = 0
    last: datetime | None = None


@dataclass(frozen=True, slots=True)
class Loser:
    """Somebody who would lose this by their last login, were the old one dropped."""

    subject: str
    provider: str
    at: datetime
    lost: tuple[Item, ...]

    def as_json(self) -> Json:
        """For machines."""
        lost: Json = [dict(item._asdict()) for item in self.lost]
        return {"subject": self.subject, "identity_provider": self.provider, "at": self.at.isoformat(), "lost": lost}


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many people this can speak of.

    ``known``: enabled users that Keystone has of these providers, None where that cannot be told; ``lately``: those of
    whom a login within the days is remembered, and by which claims. ``since``: the earliest login that is remembered.
    ``unreadable``: logins that no key of the settings opens.
    """

    remembered: int = 0
    unreadable: int = 0
    since: datetime | None = None
    known: int | None = None
    lately: int = 0

    @property
    def percent(self) -> int | None:
        """Of Keystone's users, rounded down; None where there are none, or nobody knows."""
        return 100 * self.lately // self.known if self.known else None


def use_of(login: RememberedLogin, move: Move) -> Use:
    """By which of the two this person came in."""
    if move.subject is Subject.ISSUER:
        return {move.old: Use.OLD, move.new: Use.NEW}.get(login.issuer, Use.NEITHER)
    held = dict(login.by_claim)
    if not {move.old, move.new} <= held.keys():
        return Use.UNKNOWN
    if not held[move.old]:
        return Use.NEW if held[move.new] else Use.NEITHER
    others = {value for name, values in held.items() if name != move.old for value in values}
    return Use.BOTH if others.issuperset(held[move.old]) else Use.OLD


def counted(logins: Iterable[RememberedLogin], move: Move, begin: datetime) -> dict[Use, Count]:
    """How many people use which. ``begin``: from then on a login is of late."""
    found = dict.fromkeys(Use, Count())
    for login in logins:
        use, old = use_of(login, move), found[use_of(login, move)]
        last = max(login.at, old.last) if old.last else login.at
        found[use] = Count(old.people + 1, old.lately + (login.at >= begin), last)
    return found


def losers(logins: Iterable[RememberedLogin], move: Move, policy: Policy, now: datetime) -> Iterator[Loser]:
    """Whoever would have less by their last login once the old one is dropped. Who came by which is not known of
    everybody (Use.UNKNOWN): of them nothing is said here.
    """
    rules = rules_of(policy, now)
    before, after = (QuickPolicy(each.site, rules, now) for each in (policy, move.without_old(policy)))
    gives = [frozenset(items_of(rule)) for rule in rules]
    for login in logins:
        if use_of(login, move) is Use.OLD:
            had, has = before.decide(login).rules, after.decide(_without_old(login, move)).rules
            lost = _items(gives, had) - _items(gives, has)
            if lost:
                yield Loser(login.subject, str(login.provider), login.at, tuple(sorted(lost)))


def _without_old(login: RememberedLogin, move: Move) -> RememberedLogin:
    if move.subject is Subject.ISSUER:
        return login
    left = {value for name, values in login.by_claim if name != move.old for value in values}
    return replace(login, entitlements=tuple(sorted(left)))


def _items(gives: Sequence[frozenset[Item]], rules: Iterable[int]) -> frozenset[Item]:
    return frozenset().union(*(gives[number] for number in rules))


def coverage_of(
    logins: Sequence[RememberedLogin], unreadable: int, shadows: ShadowUsers | None, move: Move, begin: datetime
) -> Coverage:
    """How many people the counts speak of. ``shadows``: the providers' users, None where Keystone cannot be asked."""
    since = min((login.at for login in logins), default=None)
    if shadows is None or not shadows.complete:
        return Coverage(len(logins), unreadable, since)
    register, enabled = Register(shadows), {user.id for user in shadows.users if user.enabled}
    lately = (login for login in logins if login.at >= begin and use_of(login, move) is not Use.UNKNOWN)
    seen = {user.id for login in lately if (user := register.find(login))}
    return Coverage(len(logins), unreadable, since, len(enabled), len(seen & enabled))


def window(now: datetime, days: int) -> datetime:
    """From when on a login is of late."""
    return now - timedelta(days=days)
