"""Believe tokens no more often than an address and a person may ask. Owns who pays for what.

A request pays for its address before anybody looks at its token, and dearly afterwards where that is not believed. A
token that was believed lately pays for its person instead: whoever shares an address with a flood of bad ones, and
was here before, goes on.
"""

import hashlib
import threading
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.errors.limits import TooMany
from p3idp.errors.login import TokenRefused
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.limits import Limit, Limiter
from p3idp.ports.request import client_address

KNOWN_FOR = timedelta(minutes=10)
MOST_KNOWN = 4096


@dataclass(frozen=True, slots=True)
class TokenLimits:
    """``address``: requests of one address, where a token that is not believed costs ``bad_token_cost``.
    ``person``: tokens of one person that were believed.
    """

    address: Limit
    person: Limit
    bad_token_cost: int


class KnownTokens:
    """Fingerprints of tokens that were believed lately. Threads share it; it never grows beyond its bound."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[bytes, datetime] = OrderedDict()

    def holds(self, token: bytes, now: datetime) -> bool:
        """Whether this one was believed within KNOWN_FOR."""
        with self._lock:
            return self._known.get(token, now) > now

    def add(self, token: bytes, now: datetime) -> None:
        """It was believed now."""
        with self._lock:
            self._known[token] = now + KNOWN_FOR
            self._known.move_to_end(token)
            while len(self._known) > MOST_KNOWN:
                self._known.popitem(last=False)

    def drop(self, token: bytes) -> None:
        """It is believed no longer."""
        with self._lock:
            self._known.pop(token, None)


@dataclass(frozen=True, slots=True)
class LimitedVerifier:
    """Implements ports.checkin.AccessTokenVerifier over another, for the door under way (ports.request)."""

    inner: AccessTokenVerifier
    limiter: Limiter
    limits: TokenLimits
    known: KnownTokens = field(default_factory=KnownTokens)

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        """See the port. Raises TooMany as well."""
        address, token = client_address.get(), hashlib.sha256(raw.reveal().encode()).digest()
        if not self.known.holds(token, now):
            self.limiter.take(self.limits.address, address)
        try:
            claims = self.inner.verify_access_token(raw, now)
        except TokenRefused:
            self.known.drop(token)
            with suppress(TooMany):  # it has its answer; the next one of this address meets the limit
                self.limiter.take(self.limits.address, address, self.limits.bad_token_cost - 1)
            raise
        self.known.add(token, now)
        self.limiter.take(self.limits.person, f"{claims.issuer} {claims.subject}")
        return claims
