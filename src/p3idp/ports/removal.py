"""What ops need to disable and enable users at Keystone, and to remember when somebody was asked about."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Protocol

from p3idp.core.access.people.known import ShadowUser
from p3idp.core.policy.model import ProviderId
from p3idp.core.removal.mark import Mark

Person = tuple[ProviderId, str]  # and the subject there


class UserReader(Protocol):
    """Reads one user, and can do nothing else."""

    def user(self, user: str, provider: str) -> ShadowUser | None:
        """The user of this id as it is now, without roles; None where there is none.

        Raises KeystoneUnreachable, KeystoneForbids."""
        ...


class UserSwitch(UserReader, Protocol):
    """Disables and enables users. Repeating a call does no harm; returning does not prove it: read back.

    Everything raises KeystoneConflict where Keystone did not take it, KeystoneUnreachable, KeystoneForbids.
    """

    def disable(self, user: str, mark: Mark) -> None:
        """Disable the user and mark it, in one call: tokens and credentials of theirs are of no use from then on."""
        ...

    def enable(self, user: str) -> None:
        """Enable the user and take the mark away, in one call."""
        ...

    def disown(self, user: str) -> None:
        """Take the mark away, and leave the user as they are."""
        ...


class RecheckReader(Protocol):
    """Knows, for one Keystone, when the last answer about somebody was asked for that was acted on."""

    def acted(self, people: Collection[Person]) -> Mapping[Person, datetime]:
        """The moments of those of them that there is one for. Raises LedgerUnavailable."""
        ...


class RecheckMemory(RecheckReader, Protocol):
    """Remembers it as well."""

    def remember(self, moments: Mapping[Person, datetime], now: datetime) -> None:
        """Keep these, durably; forget whom nothing was heard of for months. Raises LedgerUnavailable."""
        ...
