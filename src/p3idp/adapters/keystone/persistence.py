"""Trying again at Keystone: what is worth it, how often, and how long between. Owns that one rule.

Only for calls that may be repeated. What an error means to people is session.py's.
"""

from collections.abc import Callable
from typing import TypeVar

from keystoneauth1 import exceptions as ksa
from tenacity import Retrying, retry_if_exception, stop_after_attempt, stop_after_delay, wait_exponential

ATTEMPTS = 4
WAITS = (0.25, 0.5, 1.0)  # seconds between them
AT_MOST = 60  # seconds after which no new attempt begins: a Keystone that is silent takes all of its time limit
# Too Many Requests, and what a proxy says of a Keystone that is being restarted, or Keystone of its database.
_PASSING = frozenset({429, 500, 502, 503, 504})
T = TypeVar("T")


class Persistence:
    """Calls something that may be repeated until it works, or until that is not to be expected any more.

    ``sleep`` waits so many seconds. The error of the last attempt goes up as it is.
    """

    def __init__(self, sleep: Callable[[float], None]) -> None:
        self._sleep = sleep

    def __call__(self, call: Callable[[], T]) -> T:
        """The answer of the first attempt that works."""
        attempts = Retrying(
            sleep=self._sleep,
            stop=stop_after_attempt(ATTEMPTS) | stop_after_delay(AT_MOST),
            wait=wait_exponential(multiplier=WAITS[0], max=WAITS[-1]),
            retry=retry_if_exception(is_passing),
            reraise=True,
        )
        return attempts(call)


def is_passing(error: BaseException) -> bool:
    """Whether the same call may well work in a moment. A certificate that is not trusted will not be either then."""
    if isinstance(error, ksa.HttpError):
        return error.http_status in _PASSING
    return isinstance(error, ksa.ConnectionError) and not isinstance(error, ksa.SSLError)
