"""What ops need to remember logins. Reading and writing are separate: a plan can read and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.login.tokens import VerifiedClaims

# Remembers a verified login if that can be done, and never raises.
Remember = Callable[[VerifiedClaims, datetime], None]


@dataclass(frozen=True, slots=True)
class Recalled:
    """The last login of each person and provider, sorted. ``unreadable``: rows that no key of the settings opens."""

    logins: tuple[RememberedLogin, ...] = ()
    unreadable: int = 0


class PersonHash(Protocol):
    """Names a person in the database without saying who it is."""

    def __call__(self, provider: str, subject: str) -> Sequence[str]:
        """The hash under each key, the newest key's first."""
        ...


class LoginWriter(Protocol):
    """Remembers."""

    def remember(self, login: RememberedLogin) -> None:
        """Keep it as this person's at this provider, unless a later one is kept; delete what has ended by then.

        Raises LedgerUnavailable.
        """
        ...


class LoginReader(Protocol):
    """Recalls, and can do nothing else."""

    def recall(self, now: datetime) -> Recalled:
        """What is remembered at ``now``; what has ended is not even opened. Raises LedgerUnavailable."""
        ...


class LoginStore(LoginWriter, LoginReader, Protocol):
    """Both, and forgets."""

    def forget(self, subject: str, now: datetime) -> Recalled:
        """Delete what is kept of this subject at any provider, and whatever has ended.

        Returns what was deleted of the subject, and how many rows nobody can read. Raises LedgerUnavailable.
        """
        ...
