"""Limits counted in memory, by a clock that tests set."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from p3idp.errors.limits import TooMany
from p3idp.ports.limits import Limit


@dataclass(slots=True)
class MemoryLimiter:
    """Implements ports.limits.Limiter. ``counts``: what was taken of a limit by a key, and until when that counts."""

    clock: Callable[[], datetime]
    counts: dict[tuple[str, str], tuple[int, datetime]] = field(default_factory=dict)

    def take(self, limit: Limit, key: str, cost: int = 1) -> None:
        """See the port."""
        if limit.most == 0:
            return
        now = self.clock()
        taken, end = self.counts.get((limit.name, key), (0, now))
        if now >= end:
            taken, end = 0, now + timedelta(seconds=limit.seconds)
        self.counts[limit.name, key] = taken + cost, end
        if taken + cost > limit.most:
            seconds = max(1, math.ceil((end - now).total_seconds()))
            raise TooMany(f"More than {limit.most} requests in {limit.seconds} seconds.", retry_after=seconds)
