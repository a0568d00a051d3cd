"""Limits by the library ``limits``. Owns how its storage is opened, and what holds while that is away.

Fixed windows: one counter a key, which every storage of the library has, and an exact moment at which it begins anew.
"""

import logging
import math
from collections.abc import Callable
from hashlib import sha256
from urllib.parse import quote

from limits import RateLimitItemPerSecond
from limits.errors import ConfigurationError
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter

from p3idp.core.secret import Secret
from p3idp.errors.limits import TooMany
from p3idp.errors.settings import SettingsInvalid
from p3idp.ports.limits import Limit

AWAY_SECONDS = 10.0
_ANSWER_SECONDS = 0.3  # a request waits so long for a storage that hangs, once in AWAY_SECONDS
_NAMESPACE = "p3idp"
_MOST_USED_UP = 10_000
_TIMES = {
    "redis": {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS},
    "rediss": {"socket_timeout": _ANSWER_SECONDS, "socket_connect_timeout": _ANSWER_SECONDS},
    "memcached": {"timeout": _ANSWER_SECONDS, "connect_timeout": _ANSWER_SECONDS},
    "memory": {},
}
_log = logging.getLogger(__name__)


class CountingLimiter:
    """Implements ports.limits.Limiter. ``clock``: seconds as time.time() gives them, which the library goes by.

    While the storage does not answer this process counts for itself (docs/adr/0017-rate-limits.md).
    """

    def __init__(self, storage: Storage, clock: Callable[[], float]) -> None:
        self._shared, self._own = FixedWindowRateLimiter(storage), FixedWindowRateLimiter(MemoryStorage())
        self._clock, self._away_until = clock, 0.0
        self._used_up: dict[tuple[str, str], float] = {}  # until when; a flood asks no storage while it lasts

    def take(self, limit: Limit, key: str, cost: int = 1) -> None:
        """See the port."""
        if limit.most == 0:
            return None
        key = sha256(key.encode()).hexdigest()  # memcached takes no long key, and a store need not hold names
        now = self._clock()
        if (end := self._used_up.get((limit.name, key), now)) > now:
            raise _too_many(limit, end - now)
        if now >= self._away_until:
            try:
                return self._take(self._shared, limit, key, cost)
            except TooMany:
                raise
            except Exception as exc:  # each storage raises what its driver does, and the text may hold its address
                self._away_until = now + AWAY_SECONDS
                _log.warning("limits are counted by each process alone: their storage fails (%s)", type(exc).__name__)
        return self._take(self._own, limit, key, cost)

    def _take(self, counted: FixedWindowRateLimiter, limit: Limit, key: str, cost: int) -> None:
        item = RateLimitItemPerSecond(limit.most, limit.seconds, namespace=_NAMESPACE)
        if counted.hit(item, limit.name, key, cost=cost):
            return
        now, end = self._clock(), counted.get_window_stats(item, limit.name, key).reset_time
        if len(self._used_up) >= _MOST_USED_UP:
            self._used_up = {each: until for each, until in self._used_up.copy().items() if until > now}
        if len(self._used_up) < _MOST_USED_UP:
            self._used_up[limit.name, key] = end
        raise _too_many(limit, end - now)


def _too_many(limit: Limit, wait: float) -> TooMany:
    seconds = min(max(1, math.ceil(wait)), limit.seconds)
    told = f"Too many requests, or too many that were wrong; the next one has a chance in {seconds} seconds."
    return TooMany(told, debug=limit.name, retry_after=seconds)


def open_limiter(url: str, password: Secret[str] | None, clock: Callable[[], float]) -> CountingLimiter:
    """A limiter over the storage at ``url``. Raises SettingsInvalid; a storage that is away now is no reason."""
    scheme, _, rest = url.partition("://")
    if scheme not in _TIMES:
        raise SettingsInvalid(f"limits.storage is one of {', '.join(sorted(_TIMES))}; {scheme}:// is not.")
    if password is not None:
        user, at, host = rest.rpartition("@")
        url = f"{scheme}://{user}:{quote(password.reveal(), safe='')}@{host if at else rest}"
    try:
        storage = storage_from_string(url, **_TIMES[scheme])
    except ConfigurationError as exc:
        package = {"memcached": "pymemcache"}.get(scheme, "redis")
        told = f"limits.storage ({scheme}) needs the Python package {package}, or its address is wrong."
        raise SettingsInvalid(told) from exc
    if not isinstance(storage, Storage):
        raise SettingsInvalid("limits.storage names one that only an asynchronous service could use.")
    return CountingLimiter(storage, clock)
