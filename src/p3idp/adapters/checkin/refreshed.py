"""Something fetched that ages: keep the last good one, renew it when it is old, never fetch too often.

Owns the ages and the throttle for discovery documents and key sets. Threads share it; one of them fetches at a time.
"""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Ages:
    """In seconds. ``soft``: when it is fetched again. ``hard``: when even the last good one is dropped.

    ``pause`` after a fetch that failed (``cold_pause`` where there is nothing to fall back on); ``forced``: between
    two fetches that somebody's odd token causes, and ``patience`` with one already under way. Soft and pause
    together stay under the ten minutes in which a withdrawn key must be refused.
    """

    soft: float = 540.0
    hard: float = 24 * 3600.0
    pause: float = 30.0
    cold_pause: float = 3.0
    forced: float = 60.0
    patience: float = 3.0


class Refreshed(Generic[T]):
    """The last good value of ``fetch`` and its age, by a clock that only goes forward."""

    def __init__(self, what: str, fetch: Callable[[], T], clock: Callable[[], float], ages: Ages | None = None) -> None:
        self._what, self._fetch, self._clock, self._ages = what, fetch, clock, ages or Ages()
        self._fetching = threading.Lock()
        self._good: tuple[T, float] | None = None
        self._failed: tuple[ProviderUnreachable | ProviderUntrusted, float] | None = None
        self._forced_at: float | None = None

    def get(self) -> T:
        """The value, renewed where it is old. Raises what the fetch raised where there is no good one (any more)."""
        good = self._good
        if good is not None and self._clock() - good[1] < self._ages.soft:
            return good[0]
        # With a good value at hand nobody waits for the one that fetches; without one, everybody must.
        if self._fetching.acquire(blocking=good is None or self._too_old(good)):
            try:
                self._renew(unless_newer_than=good)
            finally:
                self._fetching.release()
        return self._last_good()

    def renew(self) -> bool:
        """Fetch now because a token asks for it, at most once in ``forced`` seconds. Whether there is a new value."""
        before = self._good
        if not self._fetching.acquire(timeout=self._ages.patience):
            return False
        try:
            if self._good is before and not self._forced_lately():
                self._forced_at = self._clock()
                self._attempt()
            return self._good is not before
        finally:
            self._fetching.release()

    def _forced_lately(self) -> bool:
        return self._forced_at is not None and self._clock() - self._forced_at < self._ages.forced

    def _renew(self, unless_newer_than: tuple[T, float] | None) -> None:
        if self._good is not unless_newer_than:
            return  # somebody else fetched while we waited
        pause = self._ages.cold_pause if self._good is None else self._ages.pause
        if self._failed is not None and self._clock() - self._failed[1] < pause:
            return
        self._attempt()

    def _attempt(self) -> None:
        try:
            self._good, self._failed = (self._fetch(), self._clock()), None
        except (ProviderUnreachable, ProviderUntrusted) as exc:
            self._failed = exc.with_traceback(None), self._clock()
            log.warning("%s could not be renewed (%s); the last good one stays: %s", self._what, exc.code, exc.detail)

    def _last_good(self) -> T:
        good, failed = self._good, self._failed
        if good is not None and not self._too_old(good):
            return good[0]
        if failed is not None:
            # A new error each time: one raised by many threads would collect all their tracebacks.
            exc = failed[0]
            raise type(exc)(exc.detail, hint=exc.hint, debug=exc.debug, retry_after=exc.retry_after)
        raise ProviderUnreachable(f"{self._what} was never read.")

    def _too_old(self, good: tuple[T, float]) -> bool:
        return self._clock() - good[1] >= self._ages.hard
