"""What ops need to sign somebody in on another device: a place for devices, and the provider's own device flow."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from p3idp.core.device.device import Device, Upstream
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret

T = TypeVar("T")


class Devices(Protocol):
    """Keeps devices, sealed, for all replicas. Every method raises LedgerUnavailable where it cannot."""

    def add(self, device: Device, now: datetime) -> bool:
        """Keep a new one; False where its user code is taken. What is over goes, then the oldest nobody agreed to.

        Raises ExchangeUnavailable where there is no room even so.
        """
        ...

    def find(self, user_code: str) -> Device | None:
        """The device that shows this code."""
        ...

    def change(self, device_id: str, step: Callable[[Device], tuple[Device | None, T]]) -> T | None:
        """Put what ``step`` makes of a device in its place (None: nothing), in one transaction; what else it returns.

        None where there is no such device. Two changes of one device never see the same one.
        """
        ...


@dataclass(frozen=True, slots=True)
class PersonTokens:
    """What a provider gave through the public client, to be handed on and never kept. ``expires_in``: seconds."""

    access_token: RawToken
    refresh_token: Secret[str] | None
    id_token: RawToken | None
    expires_in: int | None
    scope: str


class NotYet(StrEnum):
    """A provider's answer to a question that is no token (RFC 8628 section 3.5)."""

    PENDING = "authorization_pending"
    SLOW_DOWN = "slow_down"
    DENIED = "access_denied"
    EXPIRED = "expired_token"
    OVER = "invalid_grant"


class DeviceProvider(Protocol):
    """Providers as the public client of the command line meets them. Every method sends once, and raises
    ProviderUnreachable, ProviderUntrusted or ProviderRefusedClient where the provider cannot be asked.
    """

    def begin(
        self, provider: ProviderId, scopes: tuple[str, ...], verifier: Secret[str], now: datetime
    ) -> Upstream | None:
        """Begin the provider's own device flow; None where it has none."""
        ...

    def ask(self, provider: ProviderId, upstream: Upstream, now: datetime) -> PersonTokens | NotYet:
        """Ask whether the person has agreed. Raises TokenRefused for tokens that cannot be believed."""
        ...

    def refresh(self, provider: ProviderId, token: Secret[str]) -> PersonTokens | None:
        """Trade a refresh token, for no ID token; None where the provider does not honour it any more."""
        ...

    def revoke(self, provider: ProviderId, token: Secret[str]) -> bool:
        """Tell that a token is not wanted any more (RFC 7009); whether the provider takes that."""
        ...
