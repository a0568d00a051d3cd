"""One trip of a browser to its identity provider and back. Owns how one begins and when an answer may be looked at.

A trip has a purpose, sealed into what the browser carries: what was begun as a sign-in never ends as a kept consent,
nor the other way round. Nothing here calls the token endpoint.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from p3idp.core.login.callback import Callback, check_issuer, check_state
from p3idp.core.login.return_to import safe_return_to
from p3idp.core.policy.decide import provider_suspension
from p3idp.core.policy.model import Policy
from p3idp.core.policy.quoted import harmless
from p3idp.errors.login import SignInRefused
from p3idp.errors.session import PageNotFound, ProviderSuspended
from p3idp.ports.checkin import Purpose, SignInAttempt, SignInClient
from p3idp.ports.sessions import SpentAttempts

ATTEMPT_LIFETIME = timedelta(minutes=10)


def new_attempt(
    provider: str, return_to: str, now: datetime, new_token: Callable[[], str], purpose: Purpose
) -> SignInAttempt:
    """An attempt that nobody can guess."""
    attempt_id = new_token()[:16]
    return SignInAttempt(
        id=attempt_id,
        provider=provider,
        state=f"{attempt_id}.{new_token()}",  # so that the callback finds its attempt among several
        nonce=new_token(),
        verifier=new_token(),
        return_to=safe_return_to(return_to),
        expires_at=now + ATTEMPT_LIFETIME,
        purpose=purpose,
    )


def check_open(policy: Policy, provider: str) -> None:
    """Raise PageNotFound or ProviderSuspended unless people come in through this identity provider."""
    known = next((each for each in policy.site.sign_ins if each.id == provider), None)
    if known is None:
        raise PageNotFound("This site has no identity provider of that name.")
    if known.suspended is not None:
        told = harmless(provider_suspension(known))
        raise ProviderSuspended(f"{told[0].upper()}{told[1:]}.")


def check_attempt(
    client: SignInClient,
    spent: SpentAttempts,
    provider: str,
    attempt: SignInAttempt | None,
    callback: Callback,
    now: datetime,
    purpose: Purpose,
) -> SignInAttempt:
    """The attempt, where the answer belongs to it. Raises SignInRefused, ProviderUnreachable, SessionsUnavailable."""
    if attempt is None or attempt.provider != provider:
        raise SignInRefused("no-attempt", "This answer does not belong to a sign-in that this browser began.")
    if attempt.purpose is not purpose:
        raise SignInRefused("purpose", "This answer belongs to something else that this browser began.")
    check_state(callback, attempt.state)
    if now >= attempt.expires_at:
        raise SignInRefused("attempt-expired", "This sign-in took too long; it had to be done in ten minutes.")
    issuer, always_named = client.issuer_of(provider)
    check_issuer(callback, issuer, always_named=always_named)
    if spent.is_spent(attempt.id):
        raise SignInRefused("spent", "This sign-in was completed before.")
    return attempt
