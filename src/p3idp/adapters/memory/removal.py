"""Users that are disabled and enabled, and when people were asked about, in memory: twins for tests."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from p3idp.adapters.memory.people import MemoryPeople
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.removal.mark import Mark
from p3idp.errors import P3idpError
from p3idp.ports.removal import Person


@dataclass(slots=True)
class MemoryUsers:
    """Implements ports.removal.UserSwitch on the users of a MemoryPeople. ``problem``: raised by the next calls."""

    people: MemoryPeople
    writes: list[tuple[str, str]] = field(default_factory=list)
    problem: P3idpError | None = None

    def user(self, user: str, provider: str) -> ShadowUser | None:
        """See ports.removal.UserReader."""
        self._answer()
        found = next((each for each in self.people.shadows if each.id == user), None)
        return replace(found, own=()) if found else None

    def disable(self, user: str, mark: Mark) -> None:
        """See ports.removal.UserSwitch."""
        self._change("disable", user, enabled=False, mark=mark)

    def enable(self, user: str) -> None:
        """See ports.removal.UserSwitch."""
        self._change("enable", user, enabled=True, mark=None)

    def disown(self, user: str) -> None:
        """See ports.removal.UserSwitch."""
        found = self.user(user, "")
        if found is not None:
            self._change("disown", user, enabled=found.enabled, mark=None)

    def _change(self, what: str, user: str, *, enabled: bool, mark: Mark | None) -> None:
        self._answer()
        self.writes.append((what, user))
        shadows: Sequence[ShadowUser] = self.people.shadows
        self.people.shadows[:] = [
            replace(each, enabled=enabled, disabled_by=mark) if each.id == user else each for each in shadows
        ]

    def _answer(self) -> None:
        if self.problem:
            raise self.problem


@dataclass(slots=True)
class MemoryRechecks:
    """Implements ports.removal.RecheckMemory."""

    held: dict[Person, datetime] = field(default_factory=dict)

    def acted(self, people: Collection[Person]) -> Mapping[Person, datetime]:
        """See ports.removal.RecheckReader."""
        return {person: self.held[person] for person in people if person in self.held}

    def remember(self, moments: Mapping[Person, datetime], now: datetime) -> None:
        """See ports.removal.RecheckMemory."""
        self.held |= {person: at.replace(microsecond=0) for person, at in moments.items()}
