"""Consents to be asked about while away, in memory: the twin of the database, for tests."""

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from p3idp.adapters.memory.history import MemoryLock
from p3idp.core.policy.model import ProviderId
from p3idp.errors.access import LedgerUnavailable
from p3idp.ports.history import RunLock
from p3idp.ports.offline import Consents, OfflineAccess


@dataclass(slots=True)
class MemoryOffline:
    """Implements ports.offline.OfflineStore. ``unreadable``: rows of another key. ``full``: nothing more fits."""

    lasts: timedelta = timedelta(days=365)
    held: dict[tuple[str, str], OfflineAccess] = field(default_factory=dict)
    unreadable: int = 0
    full: bool = False
    lock: RunLock = field(default_factory=MemoryLock)

    def consents(self, now: datetime) -> Consents:
        """See ports.offline.OfflineReader."""
        living = (self.held[person] for person in sorted(self.held))
        return Consents(tuple(each for each in living if self._lives(each, now)), self.unreadable)

    def keep(self, access: OfflineAccess) -> None:
        """See ports.offline.OfflineStore."""
        if self.full:
            raise LedgerUnavailable("The disk is full.")
        self.held = {person: kept for person, kept in self.held.items() if self._lives(kept, access.asked_at)}
        self.held[access.provider, access.subject] = access

    def newest(self, provider: ProviderId, subject: str, now: datetime) -> OfflineAccess | None:
        """See ports.offline.OfflineStore."""
        kept = self.held.get((provider, subject))
        return kept if kept and self._lives(kept, now) else None

    def replace(self, old: OfflineAccess, new: OfflineAccess | None) -> bool:
        """See ports.offline.OfflineStore."""
        person = (old.provider, old.subject)
        kept = self.held.get(person)
        if kept is None or kept.refresh_token != old.refresh_token:
            return False
        if self.full:
            raise LedgerUnavailable("The disk is full.")
        del self.held[person]
        if new is not None:
            self.held[person] = new
        return True

    def end(self, provider: ProviderId, subject: str) -> bool:
        """See ports.offline.OfflineStore."""
        return self.held.pop((provider, subject), None) is not None

    def alone(self, provider: ProviderId, subject: str) -> AbstractContextManager[bool]:
        """See ports.offline.OfflineStore."""
        return self.lock.hold(f"consent of {provider} {subject}")

    def _lives(self, access: OfflineAccess, now: datetime) -> bool:
        return now < access.consented_at + self.lasts
