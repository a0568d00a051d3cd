"""What ops need of an identity provider: verify tokens, and run a browser sign-in."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.secret import Secret


class AccessTokenVerifier(Protocol):
    """Believes or refuses access tokens."""

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        """Verify locally, then ask the issuer whether the token is alive and what it carries (RFC 7662).

        Raises TokenRefused with its reason; ProviderUnreachable, ProviderUntrusted or ProviderRefusedClient where
        the issuer cannot be asked, which says nothing about the token.
        """
        ...


class Purpose(StrEnum):
    """What a browser was sent to its provider for: to sign in, or to consent to be asked about while away."""

    SIGN_IN = "sign-in"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class SignInAttempt:
    """One sign-in that a browser began: what must come back, and what only this browser may redeem.

    ``verifier`` is the PKCE code verifier (RFC 7636); ``expires_at`` ends the attempt.
    """

    id: str
    provider: str
    state: str
    nonce: str
    verifier: str
    return_to: str
    expires_at: datetime
    purpose: Purpose = Purpose.SIGN_IN


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The end of a good sign-in: who, and the access token that Keystone is asked with (it stays on the server).

    ``refresh_token``: only of an attempt to consent, and only where the provider gave offline access.
    """

    claims: VerifiedClaims
    access_token: RawToken
    refresh_token: Secret[str] | None = None


class SignInClient(Protocol):
    """Speaks the authorization code flow with the providers the policy names."""

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """Where the browser goes: state, nonce, PKCE S256, the policy's scopes.

        To consent: the scope ``offline_access`` as well, and ``prompt=consent`` (OIDC Core 11).

        KeyError for a provider the policy does not name; may raise ProviderUnreachable, ProviderUntrusted.
        """
        ...

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        """Trade the code for tokens, once, and verify them all. Raises as ``verify_access_token`` does."""
        ...

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        """The issuer a callback of this provider must name, and whether it always names one (RFC 9207).

        core/login/callback.check_issuer compares. May raise ProviderUnreachable, ProviderUntrusted.
        """
        ...
