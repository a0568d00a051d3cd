"""The authorization code flow with PKCE, from our side (RFC 6749 section 4.1, RFC 7636, OIDC Core 3.1).

Owns the two messages, which Authlib forms, and what must hold of the tokens that come back. State, cookie and callback
parameters belong to the web.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri, prepare_token_request
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from p3idp.adapters.checkin.transport import Reply
from p3idp.adapters.checkin.verifier import Trusted, believe
from p3idp.core.login import kinds
from p3idp.core.login.answers import same_subject
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected
from p3idp.core.login.tokens import RawToken
from p3idp.core.login.verified import verified_claims
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable
from p3idp.ports.checkin import Purpose, SignedIn, SignInAttempt

OFFLINE = "offline_access"


class CheckinSignIn:
    """Signs people in at the first issuer of each provider (port SignInClient)."""

    def __init__(self, trusted: Mapping[str, Trusted], base_url: str) -> None:
        self._trusted = trusted
        self._base_url = base_url.rstrip("/")

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """See the port."""
        trusted = self._trusted[attempt.provider]
        url: str = prepare_grant_uri(
            trusted.issuer.metadata().authorization_endpoint,
            client_id=trusted.issuer.client_id,
            response_type="code",
            redirect_uri=self._redirect_uri(attempt.provider),
            scope=" ".join(_scopes(trusted.provider, attempt)),
            state=attempt.state,
            nonce=attempt.nonce,
            code_challenge=create_s256_code_challenge(attempt.verifier),
            code_challenge_method="S256",
            **({"prompt": "consent"} if attempt.purpose is Purpose.CONSENT else {}),
        )
        return url

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        """See the port."""
        trusted = self._trusted[attempt.provider]
        reply = self._trade(trusted, attempt, code)
        tokens = _tokens(reply)
        id_token, access_token = (RawToken(Secret(tokens[name])) for name in ("id_token", "access_token"))
        expected = Expected(
            issuer=trusted.issuer.url,
            client_id=trusted.issuer.client_id,
            now=now,
            clients=frozenset({trusted.issuer.client_id}),
            nonce=attempt.nonce,
            access_token=tokens["access_token"],
        )
        signed_in = believe(id_token, trusted.issuer, expected, kinds.ID_TOKEN_HEADER, kinds.ID_TOKEN)
        access = believe(access_token, trusted.issuer, expected, kinds.ACCESS_TOKEN_HEADER, kinds.OWN_ACCESS_TOKEN)
        if (refusal := same_subject(access.claims, signed_in.claims)) is not None:
            raise refusal.as_error()
        answer = trusted.answers.about(access, now)
        profile = trusted.answers.profile(access_token, access)
        claims = verified_claims(trusted.provider, access.claims, answer, profile)
        return SignedIn(claims, access_token, _offline(reply) if attempt.purpose is Purpose.CONSENT else None)

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        """See the port."""
        issuer = self._trusted[provider].issuer
        return issuer.url, issuer.metadata().names_itself

    def _redirect_uri(self, provider: str) -> str:
        return f"{self._base_url}/login/{provider}/callback"

    def _trade(self, trusted: Trusted, attempt: SignInAttempt, code: str) -> Reply:
        form = prepare_token_request(
            "authorization_code",
            code=code,
            redirect_uri=self._redirect_uri(attempt.provider),
            code_verifier=attempt.verifier,
        )
        return trusted.issuer.ask(trusted.issuer.metadata().token_endpoint, form)


def _scopes(provider: IdentityProvider, attempt: SignInAttempt) -> Sequence[str]:
    """What to ask for: offline access never by the way, not even where the policy lists it."""
    asked = [scope for scope in provider.scopes if scope != OFFLINE]
    return [*asked, OFFLINE] if attempt.purpose is Purpose.CONSENT else asked


def _offline(reply: Reply) -> Secret[str] | None:
    """The refresh token, unless the provider says that it gave less than offline access (RFC 6749 section 5.1)."""
    answer = reply.json_object()
    token, scope = answer.get("refresh_token"), answer.get("scope", OFFLINE)
    given = isinstance(scope, str) and OFFLINE in scope.split()
    return Secret(token) if given and isinstance(token, str) and token else None


def _tokens(reply: Reply) -> dict[str, str]:
    """The two tokens of a token response (RFC 6749 section 5.1, OIDC Core 3.1.3.3)."""
    answer = reply.json_object()
    if reply.status == 400 and answer.get("error") == "invalid_client":
        raise ProviderRefusedClient("The identity provider refuses p3idp's client.")
    if reply.status == 400:
        raise Refusal(Reason.CODE_REFUSED, "The identity provider does not accept the sign-in any more.").as_error()
    if reply.status != 200:
        raise ProviderUnreachable(f"The identity provider's token endpoint answers with status {reply.status}.")
    kind = answer.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise Refusal(Reason.TOKEN_RESPONSE, "The identity provider gave no bearer token.").as_error()
    if not isinstance(answer.get("id_token"), str):
        raise Refusal(Reason.ID_TOKEN_MISSING, "The identity provider did not say who signed in.").as_error()
    if not isinstance(answer.get("access_token"), str):
        raise Refusal(Reason.TOKEN_RESPONSE, "The identity provider gave no access token.").as_error()
    return {name: str(answer[name]) for name in ("id_token", "access_token")}
