"""How long the answer may live: never longer than what it was made from. Owns the rule and the last look at it.

All comparisons are between moments that others stated (the provider's ``exp``, Keystone's ``expires_at``, the
policy's ``until``); a clock that moves in between changes none of them.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.policy.names import ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors.exchange import LifetimeUnkept, SubjectTokenOver

# Less than this is not worth a Keystone token: it would be over before its first use.
SHORTEST = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class ExchangedToken:
    """A Keystone token about to leave, with all that the answer says of it. ``expires_in``: whole seconds."""

    value: Secret[str]
    expires_at: datetime
    expires_in: int
    project: ProjectRef
    project_id: str
    roles: tuple[str, ...]
    resource: str
    scope: str


def latest_end(source_expires_at: datetime, access_until: datetime | None, now: datetime) -> datetime:
    """The last moment that an exchanged token may live to, in whole seconds as Keystone counts.

    Raises SubjectTokenOver where it has come, or comes within SHORTEST.
    """
    end = source_expires_at if access_until is None else min(source_expires_at, access_until)
    if end - now < SHORTEST:
        raise SubjectTokenOver("The subject token, or the access it gives, ends now or in a moment.")
    return end.replace(microsecond=0)


def seconds_left(expires_at: datetime, began: datetime, done: datetime) -> int:
    """``expires_in`` by the later of two readings of the clock, so that a clock set back promises nothing more."""
    return int((expires_at - max(began, done)).total_seconds())


def let_go(token: ExchangedToken, end: datetime) -> ExchangedToken:
    """The last look at a token before it leaves. Raises LifetimeUnkept where it would outlive ``end``."""
    if token.expires_at > end:
        raise LifetimeUnkept("Keystone's token would outlive the token it was made from; it was not handed out.")
    if token.expires_in <= 0:
        raise SubjectTokenOver("The token ended while it was being exchanged.")
    return token
