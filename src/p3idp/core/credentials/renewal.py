"""When a membership is to be renewed, so that what hangs on it lives on. Owns that one rule."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from p3idp.core.credentials.held import Membership

RENEW_BELOW = 2  # renewed when less than ttl / 2 is left: a renewal may fail for as long again before anything lapses
OVERDUE_BELOW = 4  # less than ttl / 4: nobody renewed it, although it was due for so long


def due_for_renewal(memberships: Iterable[Membership], ttl: timedelta, now: datetime) -> bool:
    """Whether one of somebody's living memberships has less than half of its time left.

    ``ttl``: the provider's ``authorization_ttl``, from one login to the lapse. Whether anything hangs on it is the
    caller's to ask first: who holds no credential loses nothing by a lapse.
    """
    return any(_left(each, now) < ttl / RENEW_BELOW for each in memberships if each.until is not None)


def is_overdue(until: datetime, ttl: timedelta, now: datetime) -> bool:
    """Whether what should have been renewed by now was not."""
    return until - now < ttl / OVERDUE_BELOW


def _left(membership: Membership, now: datetime) -> timedelta:
    return (membership.until or now) - now
