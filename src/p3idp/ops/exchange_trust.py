"""Believe a subject token, once. Owns what a refusal of the verifier is called by those who take such tokens."""

from collections.abc import Callable
from datetime import datetime

from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import Policy
from p3idp.errors.exchange import ExchangeOff, ExchangeUnavailable, SubjectTokenOver, SubjectTokenRefused
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable, ProviderUntrusted, TokenRefused
from p3idp.errors.policy import PolicyInvalid
from p3idp.ports.checkin import AccessTokenVerifier

_OVER = ("expired", "inactive")
_OFF = ("no-clients",)
OFF = "Tokens of this identity provider are not exchanged here: the policy names no clients whose tokens may be."


def check_exchange_is_on(policy: Callable[[], Policy]) -> Policy:
    """The policy in force, where it names anybody whose tokens may be exchanged.

    Raises ExchangeUnavailable where it cannot be read, and ExchangeOff.
    """
    try:
        found = policy()
    except PolicyInvalid as exc:
        raise ExchangeUnavailable("The site's policy cannot be read now.", debug=exc.detail) from exc
    if not any(p.issuing_clients or p.audiences for p in found.site.identity_providers):
        raise ExchangeOff("Tokens are not exchanged here: the policy names no clients whose tokens may be.")
    return found


def verify_subject_token(
    verifier: AccessTokenVerifier, policy: Policy, token: RawToken, now: datetime
) -> VerifiedClaims:
    """The claims of a token that may be exchanged.

    Raises SubjectTokenRefused, SubjectTokenOver, ExchangeOff or ExchangeUnavailable.
    """
    try:
        claims = verifier.verify_access_token(token, now)
    except TokenRefused as exc:
        debug = f"{exc.reason}: {exc.debug}"
        if exc.reason in _OFF:
            raise ExchangeOff(OFF, debug=debug) from exc
        kind = SubjectTokenOver if exc.reason in _OVER else SubjectTokenRefused
        raise kind(f"The subject token was refused ({exc.reason}): {exc.detail}", debug=debug) from exc
    except (ProviderUnreachable, ProviderUntrusted, ProviderRefusedClient) as exc:
        raise ExchangeUnavailable("The identity provider cannot be asked about the token.", debug=exc.detail) from exc
    provider = policy.site.provider_of(claims.issuer)
    if provider is None or provider.id != claims.provider:
        raise SubjectTokenRefused("The subject token's issuer is not one of this site's.")
    # The verifier holds this line too; a token that any client may have got must not pass because one forgot.
    if not (provider.issuing_clients or provider.audiences):
        raise ExchangeOff(OFF)
    return claims
