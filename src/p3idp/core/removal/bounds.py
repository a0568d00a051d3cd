"""How long it may take until access that ended at the provider ends here, and who is to be asked for that.

Owns the arithmetic. Between two rechecks of a person lies at most what their bound leaves: a run asks whoever would
otherwise be asked too late by the next one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from p3idp.core.audit.event import Json
from p3idp.core.policy.model import IdentityProvider


@dataclass(frozen=True, slots=True)
class Pace:
    """``within``: the bound that is wanted; ``every``: how often a run begins, and how long it may take at most.

    ``cached``: how long Keystone's Apache may believe what the provider said of a token (introspection).
    """

    within: timedelta = timedelta(minutes=15)
    every: timedelta = timedelta(minutes=5)
    cached: timedelta = timedelta(minutes=1)

    @property
    def kept(self) -> timedelta:
        """The bound that runs at this pace can keep: never less than everybody asked in every run."""
        return max(self.within, 2 * self.every + self.cached)


USUAL_PACE = Pace()


def is_due(last: datetime | None, now: datetime, pace: Pace) -> bool:
    """Whether to ask in the run that begins now. ``last``: when the last answer that was acted on was asked for.

    The next run begins ``every`` later and acts at the latest at its own end. A login that Apache let through on what
    it had cached may come ``cached`` after somebody left, and is undone by the next answer after it.
    """
    return last is None or last + pace.kept <= now + 2 * pace.every + pace.cached


class BoundBy(StrEnum):
    """What a bound rests on. Once released, a word keeps its meaning."""

    RECHECK = "recheck"
    LOGIN = "login"


@dataclass(frozen=True, slots=True)
class Bound:
    """How soon a person's access ends here after it ended at their provider, and what sees to it.

    ``overdue``: a recheck was due and has not happened, so that only what the login gives is sure.
    """

    within: timedelta
    by: BoundBy
    overdue: bool = False

    @property
    def minutes(self) -> int:
        """In whole minutes, rounded up."""
        return -(-int(self.within.total_seconds()) // 60)

    @property
    def told(self) -> str:
        """Why, for people."""
        if self.by is BoundBy.RECHECK:
            return "p3idp asks the identity provider while they are away, as they agreed to."
        why = "Keystone lets memberships lapse so long after the last login."
        return f"The agreed recheck is overdue. {why}" if self.overdue else why

    def as_json(self) -> Mapping[str, Json]:
        """For machines."""
        return {"minutes": self.minutes, "by": str(self.by), "overdue": self.overdue}


def bound_of(
    provider: IdentityProvider,
    pace: Pace,
    now: datetime,
    consented_at: datetime | None = None,
    acted_at: datetime | None = None,
) -> Bound:
    """The bound that holds for somebody of this provider at ``now``.

    ``consented_at``: when they agreed to be asked about while away, None where they did not. ``acted_at``: when the
    last answer about them that was acted on was asked for.
    """
    by_login = Bound(provider.authorization_ttl + pace.cached, BoundBy.LOGIN)
    if consented_at is None:
        return by_login
    last = max(consented_at, acted_at) if acted_at else consented_at
    if now - last > pace.kept:
        return Bound(by_login.within, BoundBy.LOGIN, overdue=True)
    return Bound(pace.kept, BoundBy.RECHECK) if pace.kept < by_login.within else by_login
