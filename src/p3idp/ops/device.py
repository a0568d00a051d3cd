"""Sign in on another device: begin it for a command line, and let a person say yes or no. Owns both, not the polls.

Anybody may begin. So nothing is asked of the identity provider before somebody, in a browser, has typed the code and
said that it was them: a flood of beginnings never gets there.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from p3idp.core.device.device import LIFE, MOST_TRIES, Answer, Device, Upstream, hashed
from p3idp.core.device.user_code import make_user_code, read_user_code
from p3idp.core.policy.model import IdentityProvider, Policy, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.device import PublicClientUnknown, UserCodeRefused
from p3idp.errors.exchange import ExchangeOff, ExchangeUnavailable
from p3idp.errors.limits import TooMany
from p3idp.errors.login import ProviderUnreachable
from p3idp.ops.attempts import check_open
from p3idp.ports.device import DeviceProvider, Devices
from p3idp.ports.environment import Clock, TokenSource
from p3idp.ports.limits import Limit, Limiter
from p3idp.ports.request import client_address

OFFLINE = "offline_access"
_ALL = "all"
_UNKNOWN = "No sign-in is waiting with this code."
_log = logging.getLogger(__name__)


# How often an address may begin and type codes, and how often all together: a class of sixty behind one address gets
# in within a minute, and a wrong code costs as much as thirty right ones. ANSWERS bounds what reaches the identity
# provider. RFC 8628 section 5.1: with 34.6 bits, at most 10,000 open codes and 300 wrong ones in ten minutes, a
# guesser's chance to find any is one in eight thousand.
BEGUN = Limit("device-begun", 60)
TYPED, TYPED_BY_ALL = Limit("device-typed", 300, 600), Limit("device-typed-by-all", 9000, 600)
ANSWERS, ANSWERS_BY_ALL = Limit("device-answers", 60), Limit("device-answers-by-all", 300)
UNKNOWN_CODE_COST = 30


class Begun(NamedTuple):
    """What a command line gets: the secret that it polls with, and the device."""

    device_code: Secret[str]
    device: Device


@dataclass(frozen=True, slots=True)
class DeviceDesk:
    """Where devices begin, and people answer. ``clients``: the public client of each provider that has one."""

    policy: Callable[[], Policy]
    clients: Mapping[ProviderId, str]
    devices: Devices
    provider: DeviceProvider
    limiter: Limiter
    clock: Clock
    new_token: TokenSource

    def begin(self, client: str, scopes: tuple[str, ...], agent: str) -> Begun:
        """A new device. ``agent``: what asks calls itself. Raises TooMany, PublicClientUnknown, ExchangeOff and others.

        The policy's scopes are asked for whatever the client names, since everyone must ask for the same (a changed set
        of groups ends a person's other Keystone tokens); ``offline_access`` alone is the client's choice.
        """
        self.limiter.take(BEGUN, client_address.get())
        provider = provider_of_client(self.policy(), self.clients, client)
        if provider.suspended is not None:
            raise ExchangeOff(f"Signing in with {provider.title} is suspended for now.")
        asked = tuple(scope for scope in provider.scopes if scope != OFFLINE)
        wanted = (*asked, OFFLINE) if OFFLINE in scopes else asked
        for _ in range(3):
            begun = self._new(client, provider, wanted, agent)
            with stored():
                if self.devices.add(begun.device, begun.device.began_at):
                    return begun
        raise ExchangeUnavailable("No free code was found.", retry_after=5)

    def look(self, typed: str) -> Device:
        """The open device of a code as typed. Raises UserCodeRefused and TooMany."""
        address = client_address.get()
        self.limiter.take(TYPED, address)
        self.limiter.take(TYPED_BY_ALL, _ALL)
        code = read_user_code(typed)
        if code is None:
            raise UserCodeRefused(_UNKNOWN)  # nobody guesses with what can be no code: it costs one try
        device = self.devices.find(code)
        counted = self.devices.change(device.id, _tried) if device else None
        if counted is None or self.clock() >= counted.until:
            self._unknown(address)
            raise UserCodeRefused(_UNKNOWN)
        if counted.tries > MOST_TRIES:
            raise UserCodeRefused("This code was entered too often.", hint="Begin again at the other device.")
        return counted

    def refuse(self, typed: str) -> None:
        """The person did not begin this: nobody gets in by it. Raises as ``look``, and where it was answered before."""
        device = self.look(typed)
        if self.devices.change(device.id, _refused) is None:
            raise UserCodeRefused(_UNKNOWN)
        # Somebody may be sending codes to people. Not for the ledger: anybody can begin one and say no to it.
        _log.warning("somebody said no to a sign-in on another device that was begun from %s", device.address)

    def agree(self, typed: str, browser: str) -> tuple[Device, Upstream]:
        """The person began this: begin it at the identity provider, where they sign in. Raises as ``look``.

        ``browser``: what the person's browser can be known by; it may ask once more, and nobody else. Raises
        ProviderUnreachable and its kin, ProviderSuspended; then the person may try again.
        """
        device = self.look(typed)
        check_open(self.policy(), device.provider)
        if device.answer is Answer.YES and device.upstream and device.upstream.browser == hashed(browser):
            return device, device.upstream
        self.limiter.take(ANSWERS, client_address.get())
        self.limiter.take(ANSWERS_BY_ALL, _ALL)
        now = self.clock()
        if not self.devices.change(device.id, lambda found: _claimed(found, now)):
            raise UserCodeRefused("Somebody has answered this one already.")
        return device, self._sent(device, browser, now)

    def _sent(self, device: Device, browser: str, now: datetime) -> Upstream:
        upstream = None
        try:
            begun = self.provider.begin(device.provider, device.scopes, Secret(self.new_token()), now)
            address = client_address.get()
            upstream = replace(begun, browser=hashed(browser), address=address) if begun else None
        finally:
            stands = self.devices.change(device.id, lambda found: _with(found, upstream))
        if upstream is None:
            raise ProviderUnreachable("The identity provider offers no sign-in on another device.")
        if not stands:
            raise UserCodeRefused("Meanwhile this sign-in was stopped.", hint="Begin again at the other device.")
        return upstream

    def _new(self, client: str, provider: IdentityProvider, scopes: tuple[str, ...], agent: str) -> Begun:
        now, secret = self.clock(), self.new_token()
        device = Device(
            id=hashed(secret),
            user_code=make_user_code(self.new_token()),
            client=client,
            provider=provider.id,
            scopes=scopes,
            address=client_address.get(),
            agent=agent,
            began_at=now,
            until=now + LIFE,
            poll_at=now,
        )
        return Begun(Secret(secret), device)

    def _unknown(self, address: str) -> None:
        """A wrong code uses up many tries: whoever guesses is stopped soon, and whoever mistypes is not."""
        more = UNKNOWN_CODE_COST - 1
        for limit, key in ((TYPED, address), (TYPED_BY_ALL, _ALL)):
            with suppress(TooMany):  # they have their answer; the next one meets the limit
                self.limiter.take(limit, key, more)


@dataclass(frozen=True, slots=True)
class TotalsAlone:
    """Counts what all do together and nothing by address, where many people come from one: ports.limits.Limiter."""

    inner: Limiter

    def take(self, limit: Limit, key: str, cost: int = 1) -> None:
        """See the port."""
        if key == _ALL:
            self.inner.take(limit, key, cost)


@contextmanager
def stored() -> Iterator[None]:
    """A database that does not answer is, for whoever asks by OAuth, one of the things that are needed."""
    try:
        yield
    except LedgerUnavailable as exc:
        raise ExchangeUnavailable("The broker's database does not answer.", debug=exc.detail) from exc


def provider_of_client(policy: Policy, clients: Mapping[ProviderId, str], client: str) -> IdentityProvider:
    """The provider that this public client signs people in at. Raises PublicClientUnknown and ExchangeOff."""
    found = next((each for each in policy.site.identity_providers if client and clients.get(each.id) == client), None)
    if found is None:
        raise PublicClientUnknown("This client is not the one for the command line here.")
    if client not in found.issuing_clients and not found.audiences:
        raise ExchangeOff("Tokens of the command line's client are not honoured here: the policy does not list it.")
    return found


def _tried(device: Device) -> tuple[Device, Device]:
    counted = replace(device, tries=device.tries + 1)
    return counted, counted


def _refused(device: Device) -> tuple[Device, bool | None]:
    if device.answer is not Answer.NONE:
        return device, None
    return replace(device, answer=Answer.NO), True


def _claimed(device: Device, now: datetime) -> tuple[Device, bool]:
    if device.answer is not Answer.NONE or device.is_busy(now):
        return device, False
    return device.claimed(now), True


def _with(device: Device, upstream: Upstream | None) -> tuple[Device, bool]:
    """The device with what the provider began; a no that was said meanwhile stays one."""
    if device.answer is Answer.NO:
        return device.released(), False
    answer = Answer.YES if upstream else Answer.NONE
    return replace(device.released(), died=False, answer=answer, upstream=upstream), True
