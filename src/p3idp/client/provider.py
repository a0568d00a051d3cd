"""An identity provider as the command line meets it: its endpoints, its token endpoint's answers, its ID tokens.

Owns what is sent as a client (RFC 6749, 7009, 7636) and what makes an Identity of an answer.
"""

from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote_plus

from p3idp.client.http import Answer, Web, is_token
from p3idp.client.identity import Identity
from p3idp.core.login import kinds
from p3idp.core.login.compact import UnverifiedToken, take_apart
from p3idp.core.login.metadata import ProviderMetadata, origin_of, read_metadata
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected, Rule, first_refusal
from p3idp.core.login.times import moment
from p3idp.core.login.tokens import RawToken
from p3idp.core.login.values import shown_text
from p3idp.core.secret import Secret
from p3idp.errors.client import SignInNeeded
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted
from p3idp.errors.sign_in import ClientConfigInvalid, ClockWrong, SignInFailed

_CLOCK = (Reason.EXPIRED, Reason.IAT_FUTURE, Reason.IAT_OLD, Reason.NBF_FUTURE)
_LONGEST = 24 * 3600  # seconds


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that was looked up, and our client id there."""

    web: Web
    client_id: str
    metadata: ProviderMetadata
    device_endpoint: str | None
    offers: frozenset[str]
    client_secret: Secret[str] | None = None

    @property
    def issuer(self) -> str:
        """The issuer URL, to the letter."""
        return self.metadata.issuer

    def ask(self, form: Mapping[str, str]) -> Answer:
        """POST to the token endpoint as our client."""
        return self._post(self.metadata.token_endpoint, form)

    def _post(self, url: str, form: Mapping[str, str]) -> Answer:
        """As a public client, or with client_secret_basic (RFC 6749 section 2.3.1)."""
        if self.client_secret is None:
            return self.web.post(url, {**form, "client_id": self.client_id})
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self.client_secret.reveal())}"
        return self.web.post(url, form, {"Authorization": "Basic " + b64encode(pair.encode()).decode()})

    def redeem(self, form: Mapping[str, str], now: datetime, nonce: str = "") -> Identity:
        """Trade a code for who signed in. With ``nonce`` the ID token must carry it. Raises SignInFailed."""
        answer = self.ask(form)
        if answer.status != 200:
            raise SignInFailed(f"The identity provider does not take the sign-in ({error_of(answer)}).")
        return self.identity(answer, now, kinds.ID_TOKEN if nonce else kinds.REFRESHED_ID_TOKEN, nonce)

    def refresh(self, old: Identity, now: datetime, keep: Callable[[Identity], None] = lambda _: None) -> Identity:
        """Use the refresh token up for another access token (RFC 6749 section 6), and ``keep`` what came.

        Raises SignInNeeded where the provider does not honour it any more, ClockWrong and SignInFailed.
        """
        if old.refresh_token is None:
            raise SignInNeeded("The access token is over, and there is no refresh token.", hint=_AGAIN)
        answer = self.ask({"grant_type": "refresh_token", "refresh_token": old.refresh_token.reveal()})
        error = error_of(answer)
        if error == "invalid_grant":
            raise SignInNeeded("The identity provider ended your sign-in (invalid_grant).", hint=_AGAIN)
        if answer.status in (400, 401):  # of anything else the refresh token may outlive the cause
            raise SignInFailed(f"The identity provider does not renew your sign-in ({error}).", hint=_ANYWAY)
        if answer.status != 200:
            raise ProviderUnreachable(f"The identity provider answers a refresh with status {answer.status}.")
        try:
            identity = self.identity(answer, now, kinds.REFRESHED_ID_TOKEN, old=old)
        except ClockWrong:
            # The old refresh token is used up by now: without the new one a wrong clock would end the sign-in.
            keep(_turned(old, answer))
            raise
        keep(identity)
        return identity

    def identity(
        self, answer: Answer, now: datetime, rules: tuple[Rule, ...], nonce: str = "", old: Identity | None = None
    ) -> Identity:
        """Make an Identity of a token response (RFC 6749 section 5.1). Raises SignInFailed."""
        body = answer.json_object()
        access = body.get("access_token")
        if str(body.get("token_type")).lower() != "bearer" or not is_token(access):
            raise SignInFailed("The identity provider gave no bearer token.")
        raw = body.get("id_token")
        claims = self._believed(raw, access, nonce, now, rules) if isinstance(raw, str) else None
        if claims is None and old is None:
            raise SignInFailed("The identity provider did not say who signed in.")
        if old is not None and claims is not None and claims.get("sub") != old.subject:
            raise SignInFailed("The identity provider answered a refresh with somebody else's token.")
        refresh = body.get("refresh_token")
        kept = old.refresh_token if old else None  # RFC 6749 section 6: without a new one the old one stays
        scope = body.get("scope")
        return Identity(
            issuer=self.issuer,
            client_id=self.client_id,
            subject=str(claims["sub"]) if claims else old.subject if old else "",
            name=_name(claims) if claims else old.name if old else "",
            scopes=tuple(scope.split()) if isinstance(scope, str) else old.scopes if old else (),
            access_token=Secret(access),
            issued_at=now,
            ends_at=now + _life(body, access, now),
            refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else kept,
        )

    def revoke(self, token: Secret[str]) -> bool:
        """Tell the provider that a token is not wanted any more (RFC 7009); whether it could be told."""
        if self.metadata.revocation_endpoint is None:
            return False
        return self._post(self.metadata.revocation_endpoint, {"token": token.reveal()}).status == 200

    def _believed(
        self, raw: str, access: str, nonce: str, now: datetime, rules: tuple[Rule, ...]
    ) -> Mapping[str, object]:
        expected = Expected(self.issuer, self.client_id, now, nonce=nonce, access_token=access)
        token = take_apart(RawToken(Secret(raw)))
        if isinstance(token, Refusal):
            raise _unbelieved(token)
        refusal = self._refusal(token, expected, rules)
        if refusal is not None:
            raise _unbelieved(refusal)
        return token.claims

    def _refusal(self, token: UnverifiedToken, expected: Expected, rules: tuple[Rule, ...]) -> Refusal | None:
        from p3idp.client.signature import check_signature  # a command with a fresh cache verifies nothing

        return (
            first_refusal(kinds.ID_TOKEN_HEADER, token, expected)
            or check_signature(token, self.web.get(self.metadata.jwks_uri).json_object())
            or first_refusal(rules, token, expected)
        )


_AGAIN = "Sign in again: p3idp login"
_ANYWAY = "Try again in a moment; where it stays so, sign in again: p3idp login --again"


def look_up(web: Web, issuer: str, client_id: str, client_secret: Secret[str] | None = None) -> Provider:
    """Read the provider's published configuration; with a secret our client there is a confidential one.
    Raises ProviderUnreachable, ProviderUntrusted or …Invalid."""
    if origin_of(issuer) is None or "?" in issuer:
        raise ClientConfigInvalid(f"The issuer {issuer!r} is not a plain https address.")
    answer = web.get(issuer.rstrip("/") + "/.well-known/openid-configuration")
    if answer.status != 200:
        raise ProviderUntrusted(
            f"There is no OpenID provider at {issuer} (status {answer.status}).", hint="Check the issuer's address."
        )
    document = answer.json_object()
    device = document.get("device_authorization_endpoint")
    on_host = isinstance(device, str) and origin_of(device) == origin_of(issuer)
    grants = document.get("grant_types_supported")
    offers = frozenset(map(str, grants)) if isinstance(grants, list) else frozenset()
    return Provider(
        web, client_id, read_metadata(document, issuer), str(device) if on_host else None, offers, client_secret
    )


def error_of(answer: Answer) -> str:
    """The error's name in an answer (RFC 6749 section 5.2), harmless; never its description, which is anybody's."""
    try:
        name = answer.json_object().get("error")
    except ProviderUnreachable:
        name = None
    plain = isinstance(name, str) and 0 < len(name) <= 60 and name.isascii() and name.replace("_", "").isalnum()
    return str(name) if plain else f"status {answer.status}"


def _unbelieved(refusal: Refusal) -> SignInFailed:
    kind = ClockWrong if refusal.reason in _CLOCK else SignInFailed
    return kind(f"{refusal.detail} ({refusal.reason.value})")


def _turned(old: Identity, answer: Answer) -> Identity:
    """The old sign-in with the refresh token of an answer that is believed in nothing else."""
    refresh = answer.json_object().get("refresh_token")
    return replace(old, refresh_token=Secret(refresh)) if isinstance(refresh, str) and refresh else old


def _life(body: Mapping[str, object], access: str, now: datetime) -> timedelta:
    """How long the access token lives: ``expires_in``, else its ``exp``; nothing said counts as over at once."""
    seconds = body.get("expires_in")
    if isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0:
        return timedelta(seconds=min(seconds, _LONGEST))
    token = take_apart(RawToken(Secret(access)))
    return ending(token, now) - now if isinstance(token, UnverifiedToken) else timedelta(0)


def ending(token: UnverifiedToken, now: datetime) -> datetime:
    """When a token says that it ends; ``now`` where it does not say. Good for planning, and for nothing else."""
    end = moment(token.claims.get("exp"))
    return now + timedelta(seconds=min(max(0.0, end - now.timestamp()), _LONGEST)) if end else now


def stated_end(token: Secret[str]) -> datetime | None:
    """When an access token says that it ends, where it is one that can be read and says so. Good for planning too."""
    taken = take_apart(RawToken(token))
    end = moment(taken.claims.get("exp")) if isinstance(taken, UnverifiedToken) else None
    return datetime.fromtimestamp(end, UTC) if end else None


def _name(claims: Mapping[str, object]) -> str:
    return shown_text(claims, ("name", "preferred_username", "voperson_id", "sub"))
