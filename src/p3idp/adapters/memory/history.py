"""A history of applies in memory, and a lock among the threads of a test. Owns nothing but the keeping."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from p3idp.ports.history import Kept


@dataclass(slots=True)
class MemoryHistory:
    """Applies by number. ``keep``: how many of one Keystone and policy stay."""

    keep: int = 200
    kept: dict[int, Kept] = field(default_factory=dict)
    places: dict[int, tuple[str, str]] = field(default_factory=dict)
    good: set[int] = field(default_factory=set)

    def begin(self, target: str, policy: str, intent: str, begun: str) -> int:
        """See ports.history.History."""
        number = len(self.places) + 1
        self.kept[number], self.places[number] = Kept(number, intent, begun), (target, policy)
        return number

    def conclude(self, number: int, left: str, *, good: bool) -> None:
        """See ports.history.History."""
        self.kept[number] = replace(self.kept[number], left=left)
        if good:
            self.good.add(number)
        here = [n for n in sorted(self.kept, reverse=True) if self.places[n] == self.places[number]]
        best = next((n for n in here if n in self.good), None)
        for old in here[self.keep :]:
            if old != best:
                del self.kept[old]

    def entry(self, number: int) -> Kept | None:
        """See ports.history.History."""
        return self.kept.get(number)

    def of_intent(self, intent: str) -> Kept | None:
        """See ports.history.History."""
        return next((each for each in self.kept.values() if each.intent == intent), None)

    def latest(self, limit: int, target: str = "", policy: str = "") -> Sequence[Kept]:
        """See ports.history.History."""
        found = [
            self.kept[number]
            for number in sorted(self.kept, reverse=True)
            if target in ("", self.places[number][0]) and policy in ("", self.places[number][1])
        ]
        return found[:limit]


@dataclass(slots=True)
class MemoryLock:
    """Names that are held."""

    held: set[str] = field(default_factory=set)

    @contextmanager
    def hold(self, name: str) -> Iterator[bool]:
        """See ports.history.RunLock."""
        if name in self.held:
            yield False
            return
        self.held.add(name)
        try:
            yield True
        finally:
            self.held.discard(name)
