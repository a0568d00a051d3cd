"""Remembered logins in memory: the twin of the database, for tests."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from p3idp.core.login.remembered import RememberedLogin
from p3idp.ports.logins import Recalled


@dataclass(slots=True)
class MemoryLogins:
    """Implements ports.logins.LoginStore. ``unreadable``: rows of another key."""

    keep: timedelta = timedelta(days=90)
    held: dict[tuple[str, str], tuple[RememberedLogin, datetime]] = field(default_factory=dict)
    unreadable: int = 0

    def remember(self, login: RememberedLogin) -> None:
        """See ports.logins.LoginWriter."""
        self._sweep(login.at)
        person = (login.provider, login.subject)
        if person not in self.held or self.held[person][0].at <= login.at:
            self.held[person] = (login, login.at + self.keep)

    def recall(self, now: datetime) -> Recalled:
        """See ports.logins.LoginReader."""
        living = (self.held[person][0] for person in sorted(self.held) if self._lives(person, now))
        return Recalled(tuple(living), self.unreadable)

    def forget(self, subject: str, now: datetime) -> Recalled:
        """See ports.logins.LoginStore."""
        self._sweep(now)
        found = [person for person in sorted(self.held) if person[1] == subject]
        return Recalled(tuple(self.held.pop(person)[0] for person in found), self.unreadable)

    def _lives(self, person: tuple[str, str], now: datetime) -> bool:
        login, until = self.held[person]
        return now < min(until, login.at + self.keep)

    def _sweep(self, now: datetime) -> None:
        self.held = {person: kept for person, kept in self.held.items() if self._lives(person, now)}
