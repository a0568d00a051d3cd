"""A provider as the public client of the command line meets it: its device flow (RFC 8628), refreshing, revoking.

Owns the messages and what each answer means. Each is sent once: a provider that rotates refresh tokens, or gives the
tokens of a device code once, may have acted although its answer was lost.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlencode

from p3idp.adapters.checkin.provider import Issuer
from p3idp.adapters.checkin.transport import Reply, Transport
from p3idp.adapters.checkin.verifier import believe
from p3idp.core.device.device import INTERVAL, Upstream
from p3idp.core.login import kinds
from p3idp.core.login.metadata import origin_of
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable
from p3idp.ports.device import NotYet, PersonTokens

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_LONGEST_INTERVAL = 60
_LONGEST_SHOWN = 40
_LONGEST_LINK = 2048


@dataclass(frozen=True, slots=True)
class PublicClient:
    """The public client of the command line at one provider, and how that is reached."""

    issuer: Issuer
    transport: Transport
    client_id: str

    def send(self, url: str, fields: Mapping[str, str], *, again: bool = False) -> Reply:
        """POST a form as this client, which shows no credential."""
        return self.transport.post(url, {}, urlencode({**fields, "client_id": self.client_id}), again=again)


@dataclass(frozen=True, slots=True)
class CheckinDevice:
    """Implements ports.device.DeviceProvider for the providers that have a command line client."""

    clients: Mapping[ProviderId, PublicClient]

    def begin(
        self, provider: ProviderId, scopes: Sequence[str], verifier: Secret[str], now: datetime
    ) -> Upstream | None:
        """See the port."""
        client = self.clients[provider]
        endpoint = client.issuer.metadata().device_authorization_endpoint
        if endpoint is None:
            return None
        # PKCE is not in RFC 8628, and some providers insist on it where a client is set to it; others pass over it.
        digest = urlsafe_b64encode(sha256(verifier.reveal().encode()).digest()).rstrip(b"=").decode()
        asked = {"scope": " ".join(scopes), "code_challenge": digest, "code_challenge_method": "S256"}
        reply = client.send(endpoint, asked)
        if reply.status != 200:
            raise _no_token(reply, client)
        return _begun(reply.json_object(), client, verifier, now)

    def ask(self, provider: ProviderId, upstream: Upstream, now: datetime) -> PersonTokens | NotYet:
        """See the port."""
        client = self.clients[provider]
        secrets = {"device_code": upstream.device_code.reveal(), "code_verifier": upstream.verifier.reveal()}
        reply = client.send(client.issuer.metadata().token_endpoint, {"grant_type": GRANT, **secrets})
        if reply.status == 200:
            return self._believed(provider, _tokens(reply), now)
        error = reply.json_object().get("error")
        if error in set(NotYet):
            return NotYet(str(error))
        raise _no_token(reply, client)

    def _believed(self, provider: ProviderId, tokens: PersonTokens, now: datetime) -> PersonTokens:
        """These, or an error: then nobody gets them, and they go back."""
        try:
            return _believed(tokens, self.clients[provider], now)
        except P3idpError:
            for token in filter(None, (tokens.refresh_token, tokens.access_token)):
                with suppress(P3idpError):
                    self.revoke(provider, token)
            raise

    def refresh(self, provider: ProviderId, token: Secret[str]) -> PersonTokens | None:
        """See the port."""
        client = self.clients[provider]
        form = {"grant_type": "refresh_token", "refresh_token": token.reveal()}
        reply = client.send(client.issuer.metadata().token_endpoint, form)
        if reply.status == 200:
            # Whoever refreshes knows who they are. Checking an ID token here could fail when the old token is spent.
            return replace(_tokens(reply), id_token=None)
        if reply.status == 400 and reply.json_object().get("error") == NotYet.OVER:
            return None
        raise _no_token(reply, client)

    def revoke(self, provider: ProviderId, token: Secret[str]) -> bool:
        """See the port."""
        client = self.clients[provider]
        endpoint = client.issuer.metadata().revocation_endpoint
        return endpoint is not None and client.send(endpoint, {"token": token.reveal()}, again=True).status == 200


def _begun(answer: Mapping[str, object], client: PublicClient, verifier: Secret[str], now: datetime) -> Upstream:
    """The provider's own code (RFC 8628 section 3.2). Its link must be the provider's: people are sent there."""
    device, shown, link = (answer.get(name) for name in ("device_code", "user_code", "verification_uri"))
    complete = answer.get("verification_uri_complete", link)
    texts = (device, shown, complete)
    fits = all(isinstance(text, str) and text and text.isascii() and text.isprintable() for text in texts)
    sane = fits and len(str(shown)) <= _LONGEST_SHOWN and len(str(complete)) <= _LONGEST_LINK
    if not sane or origin_of(str(complete)) != origin_of(client.issuer.url):
        raise ProviderUnreachable("The identity provider's code for a device cannot be used.")
    seconds = answer.get("interval", INTERVAL)
    interval = min(max(1, seconds), _LONGEST_INTERVAL) if type(seconds) is int else INTERVAL
    return Upstream(Secret(str(device)), verifier, str(shown), str(complete), interval, now)


def _tokens(reply: Reply) -> PersonTokens:
    """What a good answer holds (RFC 6749 section 5.1), and nothing else of it."""
    answer = reply.json_object()
    kind, access, seconds = (answer.get(name) for name in ("token_type", "access_token", "expires_in"))
    if not isinstance(kind, str) or kind.lower() != "bearer" or not isinstance(access, str) or not access:
        raise Refusal(Reason.TOKEN_RESPONSE, "The identity provider gave no bearer token.").as_error()
    refresh, identity, scope = (answer.get(name) for name in ("refresh_token", "id_token", "scope"))
    return PersonTokens(
        access_token=RawToken(Secret(access)),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        id_token=RawToken(Secret(identity)) if isinstance(identity, str) and identity else None,
        expires_in=seconds if type(seconds) is int and seconds > 0 else None,
        scope=scope if isinstance(scope, str) else "",
    )


def _believed(tokens: PersonTokens, client: PublicClient, now: datetime) -> PersonTokens:
    """With an ID token that the provider signed for this client: whoever gets it here need not ask there."""
    if tokens.id_token is not None:
        access = tokens.access_token.reveal()
        expected = Expected(client.issuer.url, client.client_id, now, access_token=access)
        believe(tokens.id_token, client.issuer, expected, kinds.ID_TOKEN_HEADER, kinds.REFRESHED_ID_TOKEN)
    return tokens


def _no_token(reply: Reply, client: PublicClient) -> Exception:
    if reply.status in (400, 401, 403):
        said = reply.json_object().get("error")
        debug = f"It says {str(said)[:60]!r}."
        return ProviderRefusedClient(
            f"The identity provider {client.issuer.url} refuses the client {client.client_id}.",
            hint="Check command_line_client in the settings, and that it may use the device flow there.",
            debug=debug,
        )
    return ProviderUnreachable(f"The identity provider answers with status {reply.status}.")
