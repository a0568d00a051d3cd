"""Sign-ins on another device in memory, and a provider's device flow: the twins of database and Check-in, for tests."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from typing import TypeVar

from p3idp.core.device.device import REMEMBERED, Device, Upstream
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.exchange import ExchangeUnavailable
from p3idp.errors.login import ProviderUnreachable
from p3idp.ports.device import NotYet, PersonTokens

T = TypeVar("T")


@dataclass(slots=True)
class MemoryDevices:
    """Implements ports.device.Devices. ``held`` is in the order of arrival."""

    most: int = 10_000
    held: dict[str, Device] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, device: Device, now: datetime) -> bool:
        """See the port."""
        with self._lock:
            for old in list(self.held.values()):
                if now < old.until + REMEMBERED:
                    break  # all live equally long, so none after it is over either
                self._drop(old)
            if device.user_code in self.codes:
                return False
            if len(self.held) >= self.most:
                oldest = next((each for each in self.held.values() if each.is_anonymous), None)
                if oldest is None:
                    raise ExchangeUnavailable("Too many people are signing in on other devices just now.")
                self._drop(oldest)
            self.held[device.id], self.codes[device.user_code] = device, device.id
            return True

    def find(self, user_code: str) -> Device | None:
        """See the port."""
        return self.held.get(self.codes.get(user_code, ""))

    def change(self, device_id: str, step: Callable[[Device], tuple[Device | None, T]]) -> T | None:
        """See the port."""
        with self._lock:
            device = self.held.get(device_id)
            if device is None:
                return None
            following, told = step(device)
            if following is None:
                self._drop(device)
            else:
                self.held[device_id] = following
            return told

    def _drop(self, device: Device) -> None:
        del self.held[device.id], self.codes[device.user_code]


@dataclass(slots=True)
class MemoryDeviceProvider:
    """Implements ports.device.DeviceProvider. ``agreed``: whose tokens a device code gives; a code gives them once.

    ``says``: what is answered instead, one after the other; None among them is silence. Refresh tokens rotate.
    ``on_given`` happens after tokens were given, before whoever asked has them.
    """

    agreed: dict[str, str] = field(default_factory=dict)
    says: list[NotYet | None] = field(default_factory=list)
    down: bool = False
    on_given: Callable[[], None] | None = None
    interval: int = 5
    asked: list[str] = field(default_factory=list)
    began: list[tuple[str, ...]] = field(default_factory=list)
    revoked: list[str] = field(default_factory=list)
    refreshed: list[str] = field(default_factory=list)
    _spent: set[str] = field(default_factory=set)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def begin(
        self, provider: ProviderId, scopes: tuple[str, ...], verifier: Secret[str], now: datetime
    ) -> Upstream | None:
        """See the port."""
        self._answer()
        self.began.append(scopes)
        number = len(self.began)
        link = f"https://idp.test/device?user_code=IDP-{number}"
        return Upstream(Secret(f"upstream-{number}"), verifier, f"IDP-{number}", link, self.interval, now)

    def agree(self, number: int, login: str) -> None:
        """``login`` agrees to the device flow of this number."""
        self.agreed[f"upstream-{number}"] = login

    def ask(self, provider: ProviderId, upstream: Upstream, now: datetime) -> PersonTokens | NotYet:
        """See the port."""
        code = upstream.device_code.reveal()
        self.asked.append(code)
        if self.says:
            said = self.says.pop(0)
            if said is None:
                raise ProviderUnreachable("The identity provider does not answer.")
            return said
        self._answer()
        if code in self._spent:
            return NotYet.OVER
        if code not in self.agreed:
            return NotYet.PENDING
        self._spent.add(code)
        if self.on_given is not None:
            self.on_given()
        return self._tokens(self.agreed[code])

    def refresh(self, provider: ProviderId, token: Secret[str]) -> PersonTokens | None:
        """See the port."""
        self._answer()
        self.refreshed.append(token.reveal())
        if token.reveal() in self._spent or not token.reveal().startswith("refresh-"):
            return None
        self._spent.add(token.reveal())
        return replace(self._tokens(token.reveal().split("-")[-1]), id_token=None)

    def revoke(self, provider: ProviderId, token: Secret[str]) -> bool:
        """See the port."""
        self._answer()
        self.revoked.append(token.reveal())
        return True

    def _tokens(self, login: str) -> PersonTokens:
        refresh = Secret(f"refresh-{next(self._ids)}-{login}")
        access, identity = RawToken(Secret(f"token-{login}")), RawToken(Secret(f"id-token-{login}"))
        return PersonTokens(access, refresh, identity, 3600, "openid offline_access")

    def _answer(self) -> None:
        if self.down:
            raise ProviderUnreachable("The identity provider does not answer.")
