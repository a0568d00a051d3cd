"""What is remembered of someone who signed in. Owns the session's values and when one is over; storing it is a port."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NewType

from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.names import ProjectRef

SessionId = NewType("SessionId", str)


@dataclass(frozen=True, slots=True)
class KeystoneView:
    """What Keystone let this person reach at ``seen_at``: projects with roles, as Keystone names them, sorted.

    ``problem`` is the code of the error where Keystone could not be seen, and empty otherwise. ``unseen`` are
    projects that Keystone lists but whose roles were not looked up. ``credentials``: the person's own application
    credentials, None where they could not be listed; ``lapses_at``: when the memberships of this login lapse.
    """

    seen_at: datetime
    user_name: str = ""
    projects: tuple[tuple[ProjectRef, tuple[str, ...]], ...] = ()
    unseen: tuple[ProjectRef, ...] = ()
    problem: str = ""
    credentials: tuple[ApplicationCredential, ...] | None = None
    lapses_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lives: ``idle`` since it was last used, ``total`` since it began."""

    idle: timedelta
    total: timedelta


@dataclass(frozen=True, slots=True)
class Session:
    """One signed-in browser: verified claims and what was seen with them. Never a token."""

    claims: VerifiedClaims
    keystone: KeystoneView
    began_at: datetime
    seen_at: datetime

    def is_over(self, now: datetime, limits: SessionLimits) -> bool:
        """Whether one of the limits has passed."""
        return now >= self.seen_at + limits.idle or now >= self.began_at + limits.total
