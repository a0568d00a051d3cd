"""Believe or refuse tokens: form, header, signature, claims, and then the issuer's own word, in this order.

Owns the order; each step has its rules elsewhere (core/login) and raises TokenRefused with its reason.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.adapters.checkin.answers import TokenAnswers
from p3idp.adapters.checkin.provider import Issuer
from p3idp.adapters.checkin.transport import Transport
from p3idp.core.login import kinds
from p3idp.core.login.compact import UnverifiedToken, take_apart
from p3idp.core.login.metadata import read_metadata, read_signer
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected, Rule, first_refusal
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.login.verified import verified_claims
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret


@dataclass(frozen=True, slots=True)
class Trusted:
    """An issuer that the policy names: whose people it means, how to ask it, and what it answered lately."""

    provider: IdentityProvider
    issuer: Issuer
    answers: TokenAnswers


def trust(
    provider: IdentityProvider,
    client_id: str,
    client_secret: Callable[[], Secret[str]],
    transport: Transport,
    clock: Callable[[], float],
    cache_seconds: float,
) -> tuple[Trusted, ...]:
    """Every issuer of a provider, with our client there. Raises ProviderUntrusted for one that is not https."""
    read = read_signer if provider.by_keys else read_metadata
    issuers = (Issuer(url, client_id, client_secret, transport, clock, read=read) for url in provider.issuers)
    return tuple(Trusted(provider, issuer, TokenAnswers(issuer, cache_seconds, clock)) for issuer in issuers)


def believe(
    raw: RawToken, issuer: Issuer, expected: Expected, header: tuple[Rule, ...], claims: tuple[Rule, ...]
) -> UnverifiedToken:
    """Take a token apart and hold it against rules and keys. What comes back may be believed. Raises TokenRefused."""
    token = opened(raw)
    refusal = (
        first_refusal(header, token, expected)
        or issuer.check_signature(token)
        or first_refusal(claims, token, expected)
    )
    if refusal is not None:
        raise refusal.as_error()
    return token


def opened(raw: RawToken) -> UnverifiedToken:
    """Header and claims, unverified. Raises TokenRefused where there is nothing to read."""
    token = take_apart(raw)
    if isinstance(token, Refusal):
        raise token.as_error()
    return token


class CheckinVerifier:
    """Verifies the access tokens of all issuers the policy names (port AccessTokenVerifier)."""

    def __init__(self, trusted: tuple[Trusted, ...]) -> None:
        self._trusted: Mapping[str, Trusted] = {each.issuer.url: each for each in trusted}

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        """See the port. The unverified issuer chooses whose keys and rules apply, and is then verified itself."""
        trusted = self._trusted.get(opened(raw).issuer or "")
        if trusted is None:
            raise Refusal(Reason.ISSUER, "The token's issuer is not one that the policy names.").as_error()
        expected = Expected(
            issuer=trusted.issuer.url,
            client_id=trusted.issuer.client_id,
            now=now,
            clients=frozenset(trusted.provider.issuing_clients),
            audiences=frozenset(trusted.provider.audiences),
        )
        if trusted.provider.by_keys:
            signed = believe(raw, trusted.issuer, expected, kinds.ID_TOKEN_HEADER, kinds.SIGNED_TOKEN)
            return verified_claims(trusted.provider, signed.claims, {})
        token = believe(raw, trusted.issuer, expected, kinds.ACCESS_TOKEN_HEADER, kinds.ACCESS_TOKEN)
        return verified_claims(trusted.provider, token.claims, trusted.answers.about(token, now, expected))
