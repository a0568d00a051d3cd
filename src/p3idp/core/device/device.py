"""One sign-in on another device, and what each poll may do. Owns the value and its rules; keeping it is a port's.

A device is open until a person says yes or no to it. From yes on the identity provider has it (``upstream``), and a
poll may ask there: at most once in the provider's interval, and one process at a time, until ``busy_until``.
"""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret

LIFE = timedelta(minutes=10)
REMEMBERED = timedelta(minutes=10)  # so long after its end a device is told that it is over, rather than unknown
INTERVAL = 5  # seconds (RFC 8628 section 3.2)
SLOWER = 5  # seconds more, for this poll and all that follow (section 3.5)
_SLOWEST = 300
# More than a call to a provider may take in all; who holds a device longer than this has died.
BUSY = timedelta(seconds=30)
MOST_TRIES = 20  # how often one code may be typed or answered


@dataclass(frozen=True, slots=True)
class Upstream:
    """The same sign-in at the identity provider. ``user_code`` and ``link`` are what the person sees there.

    ``ask_at``: before then it is not asked again; ``interval``: seconds between two questions. ``browser``: the hash of
    what the browser that said yes can be known by; ``address``: where it was.
    """

    device_code: Secret[str]
    verifier: Secret[str]
    user_code: str
    link: str
    interval: int
    ask_at: datetime
    browser: str = ""
    address: str = ""


class Answer(StrEnum):
    """What the person said here."""

    NONE = "none"
    YES = "yes"
    NO = "no"


@dataclass(frozen=True, slots=True)
class Device:
    """``id`` is the hash of the device code. ``address`` and ``agent``: where it was asked from, and what that called
    itself, which is anybody's text. ``poll_at``: a poll before then is too fast; ``interval``: its seconds.
    """

    id: str
    user_code: str
    client: str
    provider: ProviderId
    scopes: tuple[str, ...]
    address: str
    agent: str
    began_at: datetime
    until: datetime
    poll_at: datetime
    interval: int = INTERVAL
    answer: Answer = Answer.NONE
    tries: int = 0
    busy_until: datetime | None = None
    died: bool = False
    upstream: Upstream | None = None

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody has agreed to it: such a one makes room. A no costs nothing, so it holds no place either."""
        return self.answer is not Answer.YES

    def is_busy(self, now: datetime) -> bool:
        """Whether somebody speaks with the provider about it."""
        return self.busy_until is not None and now < self.busy_until

    def claimed(self, now: datetime) -> "Device":
        """The device in the hands of one process. An earlier claim that was never given back means a death."""
        return replace(self, busy_until=now + BUSY, died=self.died or self.busy_until is not None)

    def released(self) -> "Device":
        """The device given back."""
        return replace(self, busy_until=None)


class Poll(StrEnum):
    """What a poll meets."""

    PENDING = "pending"
    TOO_FAST = "too-fast"
    ASK = "ask"
    DENIED = "denied"
    EXPIRED = "expired"


def polled(device: Device, now: datetime) -> tuple[Device, Poll]:
    """The device after a poll, and what the poll met. ASK: whoever polled has claimed it, and asks the provider."""
    if now >= device.until:
        return device, Poll.EXPIRED
    if device.answer is Answer.NO:
        return device, Poll.DENIED
    if now < device.poll_at:
        interval = min(device.interval + SLOWER, _SLOWEST)
        return replace(device, interval=interval, poll_at=now + timedelta(seconds=interval)), Poll.TOO_FAST
    device = replace(device, poll_at=now + timedelta(seconds=device.interval))
    if device.upstream is None or now < device.upstream.ask_at or device.is_busy(now):
        return device, Poll.PENDING
    ask_at = now + timedelta(seconds=device.upstream.interval)
    return replace(device.claimed(now), upstream=replace(device.upstream, ask_at=ask_at)), Poll.ASK


def slower(device: Device, now: datetime, *, more: int) -> Device:
    """Given back, with so many seconds more between two questions to the provider."""
    if device.upstream is None:
        return device.released()
    interval = min(device.upstream.interval + more, _SLOWEST)
    later = replace(device.upstream, interval=interval, ask_at=now + timedelta(seconds=interval))
    return replace(device.released(), upstream=later)


def hashed(secret: str) -> str:
    """What stands for a device code where it is kept: it opens nothing."""
    return hashlib.sha256(secret.encode()).hexdigest()
