"""One authorization request of ours (RFC 6749 section 4.1, RFC 7636): its secrets, its address, its answer.

Owns what browser.py and paste.py have in common.
"""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from p3idp.client.env import new_token
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider
from p3idp.core.login.callback import Callback, check_issuer
from p3idp.errors.sign_in import SignInDenied, SignInFailed


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """What was asked, and the secrets that tie the answer to it."""

    provider: Provider
    scopes: Sequence[str]
    redirect_uri: str
    state: str
    nonce: str
    verifier: str

    @property
    def url(self) -> str:
        """Where the person's browser goes."""
        query = {
            "response_type": "code",
            "client_id": self.provider.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
            "state": self.state,
            "nonce": self.nonce,
            **challenge(self.verifier),
        }
        endpoint = self.provider.metadata.authorization_endpoint
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    def finish(self, callback: Callback, now: datetime) -> Identity:
        """Make an Identity of an answer whose state was right. Raises SignInRefused, SignInDenied or SignInFailed."""
        metadata = self.provider.metadata
        check_issuer(callback, metadata.issuer, always_named=metadata.names_itself)
        if callback.error == "access_denied":
            raise SignInDenied("The sign-in was refused in the browser.")
        if callback.error:
            plain = callback.error if callback.error.isascii() and callback.error.isprintable() else "unreadable"
            raise SignInFailed(f"The identity provider refused the request ({plain[:60]}).")
        form = {
            "grant_type": "authorization_code",
            "code": callback.code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": self.verifier,
        }
        return self.provider.redeem(form, now, self.nonce)


def new_request(provider: Provider, scopes: Sequence[str], redirect_uri: str) -> AuthorizationRequest:
    """A request with fresh secrets."""
    return AuthorizationRequest(provider, scopes, redirect_uri, new_token(), new_token(), new_token())


def challenge(verifier: str) -> dict[str, str]:
    """The S256 challenge of a verifier (RFC 7636 section 4.2)."""
    digest = urlsafe_b64encode(sha256(verifier.encode("ascii")).digest()).rstrip(b"=").decode("ascii")
    return {"code_challenge": digest, "code_challenge_method": "S256"}
