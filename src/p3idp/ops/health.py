"""Can this service do its work now? Owns the answer: which parts must be well, and what is missing without each."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from p3idp.errors.base import P3idpError
from p3idp.ports.environment import Clock

Status = Literal["ready", "degraded", "not-ready"]
_KEPT = timedelta(seconds=5)  # however often it is asked, the neighbours are asked this often at most


@dataclass(frozen=True, slots=True)
class Part:
    """Something this service leans on. ``check`` raises a P3idpError where it is not well.

    ``needed``: without it nobody can be served. ``without_it``: what does not work then, in words.
    """

    name: str
    check: Callable[[], object]
    needed: bool
    without_it: str


@dataclass(frozen=True, slots=True)
class PartState:
    """One part as found; ``problem`` is the error's code, empty where it is well. Its text goes to the log only."""

    name: str
    ok: bool
    problem: str
    without_it: str


@dataclass(frozen=True, slots=True)
class ReadinessReport:
    """All parts as found at one moment."""

    status: Status
    parts: tuple[PartState, ...]


class Readiness:
    """Looks at the parts, and remembers the answer for a few seconds."""

    def __init__(self, parts: Sequence[Part], clock: Clock) -> None:
        self._parts = tuple(parts)
        self._clock = clock
        self._lock = threading.Lock()
        self._last: tuple[datetime, ReadinessReport] | None = None

    def report(self) -> ReadinessReport:
        """The state of all parts, a few seconds old; while somebody looks, others get the last answer at once."""
        last = self._last
        if last is not None and not self._lock.acquire(blocking=False):
            return last[1]  # a neighbour that hangs must not hold every thread of this service
        if last is None:
            self._lock.acquire()
        try:
            now = self._clock()
            if self._last is None or not timedelta(0) <= now - self._last[0] < _KEPT:
                self._last = (now, self._look())
            return self._last[1]
        finally:
            self._lock.release()

    def _look(self) -> ReadinessReport:
        states = tuple(_state(part) for part in self._parts)
        broken = {state.name for state in states if not state.ok}
        if any(part.needed and part.name in broken for part in self._parts):
            return ReadinessReport("not-ready", states)
        return ReadinessReport("degraded" if broken else "ready", states)


def _state(part: Part) -> PartState:
    try:
        part.check()
    except P3idpError as error:
        return PartState(part.name, False, error.code, part.without_it)
    return PartState(part.name, True, "", "")
