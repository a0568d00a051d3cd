"""Answer a command line that polls, and one that refreshes. Owns when a provider is asked, and that tokens leave once.

However often a device polls, and at however many replicas: who claims it asks, at most once in the provider's interval.
Tokens that the provider gave are verified as the exchange does, stand in the ledger, and are handed on after the
device is gone; what cannot be handed on is given back to the provider. Nothing of a token is kept.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.audit.event import Actor, AuditEvent, Outcome, person
from p3idp.core.device.device import Device, Poll, hashed, polled, slower
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import IdentityProvider, Policy, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.access import LedgerDamaged, LedgerUnavailable
from p3idp.errors.device import (
    DeviceCodeOver,
    DeviceDenied,
    DeviceExpired,
    DeviceInterrupted,
    DevicePending,
    DeviceRefused,
    DeviceSlowDown,
    RefreshTokenOver,
)
from p3idp.errors.exchange import ExchangeError, ExchangeOff, ExchangeUnavailable, NoAccess
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable, KeystoneUserDisabled
from p3idp.errors.limits import TooMany
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable, ProviderUntrusted, TokenRefused
from p3idp.ops.device import provider_of_client, stored
from p3idp.ops.exchange import no_access
from p3idp.ops.exchange_trust import verify_subject_token
from p3idp.ops.logins import remember_nothing
from p3idp.ports.checkin import AccessTokenVerifier
from p3idp.ports.device import DeviceProvider, Devices, NotYet, PersonTokens
from p3idp.ports.environment import Clock
from p3idp.ports.keystone import FederatedLogin
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.limits import Limit, Limiter
from p3idp.ports.logins import Remember
from p3idp.ports.request import client_address, request_id

POLLS = Limit("device-polls", 1200)  # of one address: a hundred people behind one, each asking every five seconds
# What one address may have passed on to the provider, which is asked in our name: thirty bad refresh tokens, as at the
# exchange. Of a token that is taken back it never says whether it was one.
PASSED_ON = Limit("device-passed-on", 600)
BAD_REFRESH_COST, REVOKE_COST = 20, 5
_log = logging.getLogger(__name__)
_UNASKABLE = (ProviderUnreachable, ProviderUntrusted, ProviderRefusedClient)
_NOT_KNOWN = "The device code is not known, or was used."
_LOST = "The identity provider gave its answer to somebody who is gone; this sign-in cannot be finished."


@dataclass(frozen=True, slots=True)
class DeviceTokens:
    """The two grants of a command line that speaks to the broker alone."""

    policy: Callable[[], Policy]
    clients: Mapping[ProviderId, str]
    devices: Devices
    provider: DeviceProvider
    verifier: AccessTokenVerifier
    keystone: FederatedLogin
    ledger: LedgerWriter
    limiter: Limiter
    clock: Clock
    polls: Limit = POLLS
    remember: Remember = remember_nothing

    def poll(self, device_code: Secret[str], client: str) -> PersonTokens:
        """The person's tokens, once. Raises the errors of RFC 8628 section 3.5, ExchangeUnavailable and TooMany."""
        self.limiter.take(self.polls, client_address.get())
        now, device_id = self.clock(), hashed(device_code.reveal())
        with stored():
            met = self.devices.change(device_id, lambda found: _met(found, client, now))
            if met is None:
                raise DeviceCodeOver(_NOT_KNOWN)
            device, poll = met
            if poll is not Poll.ASK:
                raise _ends(poll, device)
            return self._asked(device, now)

    def refresh(self, token: Secret[str], client: str) -> PersonTokens:
        """Another access token for a refresh token. Raises RefreshTokenOver, PublicClientUnknown, ExchangeOff, …

        Sent once and never kept: where the provider does not answer (ExchangeUnavailable) nothing was done with it
        here.
        """
        self.limiter.take(PASSED_ON, client_address.get())
        provider = provider_of_client(self.policy(), self.clients, client)
        _check_open(provider)
        try:
            tokens = self.provider.refresh(provider.id, token)
        except (*_UNASKABLE, TokenRefused) as exc:
            raise _silent(exc) from exc
        if tokens is None:
            with suppress(TooMany):  # they have their answer; the next one of this address meets the limit
                self.limiter.take(PASSED_ON, client_address.get(), BAD_REFRESH_COST - 1)
            raise RefreshTokenOver("The identity provider ended this sign-in.")
        return tokens

    def revoke(self, token: Secret[str], client: str) -> None:
        """Tell the provider that a token is not wanted any more. Raises as ``refresh``."""
        self.limiter.take(PASSED_ON, client_address.get(), REVOKE_COST)
        provider = provider_of_client(self.policy(), self.clients, client)
        try:
            told = self.provider.revoke(provider.id, token)
        except _UNASKABLE as exc:
            raise _silent(exc) from exc
        if not told:
            raise ExchangeUnavailable("The identity provider does not take tokens back.")

    def _asked(self, device: Device, now: datetime) -> PersonTokens:
        """Ask the provider. Only who claimed the device is here."""
        if device.upstream is None:
            raise DeviceCodeOver(_NOT_KNOWN)
        try:
            answer = self.provider.ask(device.provider, device.upstream, now)
        except _UNASKABLE as exc:
            self._wait(device, more=device.upstream.interval)  # section 3.5: twice as long after silence
            raise _silent(exc) from exc
        except TokenRefused as exc:
            self._forget(device)
            told = f"What the identity provider gave cannot be believed ({exc.reason})."
            raise DeviceRefused(told, debug=f"{exc.reason}: {exc.debug}") from exc
        if isinstance(answer, PersonTokens):
            return self._handed_on(device, answer)
        if answer in (NotYet.PENDING, NotYet.SLOW_DOWN):
            self._wait(device, more=5 if answer is NotYet.SLOW_DOWN else 0)
            raise DevicePending("Nobody has agreed yet.")
        self._forget(device)
        raise self._over(device, answer, now)

    def _handed_on(self, device: Device, tokens: PersonTokens) -> PersonTokens:
        """The tokens, verified, written down, and with the device gone. Else they go back to the provider."""
        now = self.clock()
        try:
            self._check(device, tokens, now)
            if self.devices.change(device.id, lambda found: _taken(found, device)) is None:
                raise DeviceInterrupted(_LOST)
        except ExchangeUnavailable as exc:
            self._give_back(device, tokens)
            raise DeviceInterrupted("You agreed, and then something that is needed did not answer.") from exc
        except BaseException:
            self._give_back(device, tokens)
            raise
        return tokens

    def _check(self, device: Device, tokens: PersonTokens, now: datetime) -> None:
        """Whether this person may come in, by the exchange's own rules. Raises DeviceRefused, ExchangeUnavailable."""
        policy = self.policy()
        try:
            claims = verify_subject_token(self.verifier, policy, tokens.access_token, now)
        except ExchangeUnavailable:
            raise
        except ExchangeError as exc:
            raise DeviceRefused(exc.detail, debug=exc.debug) from exc
        self.remember(claims, now)
        try:
            self._may_come_in(policy, claims, tokens, now)
        except DeviceRefused as refusal:
            self._record(device, now, Outcome.FAILURE, claims, refusal.code)
            raise
        self._record(device, now, Outcome.SUCCESS, claims)

    def _may_come_in(self, policy: Policy, claims: VerifiedClaims, tokens: PersonTokens, now: datetime) -> None:
        decision = decide(policy, claims, now)
        if decision.refusal or not decision.access:
            told: NoAccess = no_access(policy, decision, claims)
            raise DeviceRefused(told.detail, hint=told.hint, debug=told.debug)
        try:
            self.keystone.login(policy.site.provider(claims.provider), tokens.access_token)
        except KeystoneUserDisabled as exc:
            raise DeviceRefused(
                "Your user at Keystone is disabled.", hint=exc.hint, debug=f"{exc.code} {exc.debug}"
            ) from exc
        except (FederatedLoginRefused, KeystoneUnreachable) as exc:
            # Each exchange asks Keystone again, and says what is wrong there.
            _log.info("Keystone did not say whether the user is enabled: %s", exc.detail)

    def _over(self, device: Device, answer: NotYet, now: datetime) -> ExchangeError:
        if answer is NotYet.DENIED:
            return DeviceDenied("The sign-in was refused at the identity provider.")
        if answer is NotYet.EXPIRED:
            return DeviceExpired("The code is over, and nobody used it.")
        if device.died:
            _log.warning("the provider's tokens for a sign-in on another device went to a process that died")
            with suppress(ExchangeUnavailable):
                self._record(device, now, Outcome.FAILURE, None, DeviceInterrupted.code)
        return DeviceInterrupted(_LOST)

    def _record(
        self, device: Device, now: datetime, outcome: Outcome, claims: VerifiedClaims | None, reason: str = ""
    ) -> None:
        """Write it down. Raises ExchangeUnavailable."""
        actor = person(claims.subject, claims.issuer) if claims else Actor("unknown", "unknown")
        details = {"client": device.client, "asked_from": device.address, "began_at": device.began_at.isoformat()}
        details["agreed_from"] = device.upstream.address if device.upstream else ""
        target = ("service/security/identity-provider", str(device.provider))
        event = AuditEvent("authenticate/device", outcome, actor, target, now, request_id.get(), reason, "", details)
        try:
            self.ledger.append(event)
        except (LedgerUnavailable, LedgerDamaged) as exc:
            told = "The sign-in could not be written down, so it was not made."
            raise ExchangeUnavailable(told, debug=exc.detail) from exc

    def _give_back(self, device: Device, tokens: PersonTokens) -> None:
        """Nobody gets these: the provider ends them, and the device is gone."""
        with suppress(P3idpError):
            self._forget(device)
        for token in filter(None, (tokens.refresh_token, tokens.access_token)):
            with suppress(P3idpError):
                self.provider.revoke(device.provider, token)

    def _wait(self, device: Device, *, more: int) -> None:
        now = self.clock()
        self.devices.change(device.id, lambda found: (_still(found, device, slower(found, now, more=more)), True))

    def _forget(self, device: Device) -> None:
        self.devices.change(device.id, lambda found: (_still(found, device, None), True))


def _met(device: Device, client: str, now: datetime) -> tuple[Device, tuple[Device, Poll] | None]:
    if device.client != client:
        return device, None  # somebody else's code; it stays as it is
    following, poll = polled(device, now)
    return following, (following, poll)


def _still(found: Device, mine: Device, following: Device | None) -> Device | None:
    """What I make of the device while the claim on it is mine; somebody else's work is left alone."""
    return following if found.busy_until == mine.busy_until else found


def _taken(found: Device, mine: Device) -> tuple[Device | None, bool | None]:
    return (None, True) if found.busy_until == mine.busy_until else (found, None)


def _ends(poll: Poll, device: Device) -> ExchangeError:
    if poll is Poll.TOO_FAST:
        return DeviceSlowDown(f"It was asked too soon; the interval is {device.interval} seconds now.")
    if poll is Poll.DENIED:
        return DeviceDenied("The sign-in was refused: somebody said that they had not begun it.")
    if poll is Poll.EXPIRED:
        return DeviceExpired("The code is over, and nobody used it.")
    return DevicePending("Nobody has agreed yet.")


def _check_open(provider: IdentityProvider) -> None:
    if provider.suspended is not None:
        raise ExchangeOff(f"Signing in with {provider.title} is suspended for now.")


def _silent(exc: P3idpError) -> ExchangeUnavailable:
    told = "The identity provider does not answer as it should."
    return ExchangeUnavailable(told, debug=f"{exc.detail} {exc.debug}", retry_after=exc.retry_after)
