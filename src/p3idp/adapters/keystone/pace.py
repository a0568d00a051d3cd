"""How many calls a second Keystone gets from one process. Owns the waiting, whichever thread calls."""

from collections.abc import Callable
from threading import Lock


class Pace:
    """At most ``per_second`` calls a second, evenly apart; with 0 as many as there are.

    ``clock`` tells seconds that only grow, ``sleep`` waits so many.
    """

    def __init__(self, per_second: float, clock: Callable[[], float], sleep: Callable[[float], None]) -> None:
        self._apart = 1 / per_second if per_second else 0.0
        self._clock, self._sleep = clock, sleep
        self._lock, self._next = Lock(), 0.0

    def wait(self) -> None:
        """Return when the next call may begin. Whoever asks first goes first."""
        if not self._apart:
            return
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._apart
        if turn > now:
            self._sleep(turn - now)
