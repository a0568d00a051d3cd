"""One issuer: its configuration and keys as last seen, and the calls one makes to it.

Owns fetching discovery and JWKS, and whether a token's signature holds. Whose claims count is decided in core/login.
"""

import logging
from base64 import b64encode
from collections.abc import Callable, Mapping
from urllib.parse import quote_plus

from p3idp.adapters.checkin.keys import SigningKey, candidates, fit_keys, signed_by
from p3idp.adapters.checkin.refreshed import Ages, Refreshed
from p3idp.adapters.checkin.transport import Reply, Transport
from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.metadata import ProviderMetadata, check_issuer, read_metadata
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable

log = logging.getLogger(__name__)


class Issuer:
    """An issuer and our client there. Held for the life of the process, shared by its threads."""

    def __init__(
        self,
        url: str,
        client_id: str,
        client_secret: Callable[[], Secret[str]],
        transport: Transport,
        clock: Callable[[], float],
        ages: Ages | None = None,
        read: Callable[[Mapping[str, object], str], ProviderMetadata] = read_metadata,
    ) -> None:
        check_issuer(url)
        self.url, self.client_id = url, client_id
        self._client_secret, self._transport, self._read = client_secret, transport, read
        self._metadata = Refreshed(f"The configuration of {url}", self._fetch_metadata, clock, ages)
        self._keys = Refreshed(f"The key set of {url}", self._fetch_keys, clock, ages)

    def metadata(self) -> ProviderMetadata:
        """The provider's configuration, at most as old as its hard age. Raises ProviderUnreachable, …Untrusted."""
        return self._metadata.get()

    def check_known(self) -> None:
        """Raise ProviderUnreachable or ProviderUntrusted unless its configuration and keys are at hand."""
        self._keys.get()

    def check_signature(self, token: UnverifiedToken) -> Refusal | None:
        """Whether one of the issuer's keys signed the token; a token of an unknown key may cause one fetch."""
        keys = self._keys.get()
        if _any_signed(token, keys):
            return None
        # A wrong signature under a known kid is a forgery; only an unknown or unnamed key can be a new one.
        if not _is_known(token, keys) and self._keys.renew():
            keys = self._keys.get()
            if _any_signed(token, keys):
                return None
        if token.key_id is None or _is_known(token, keys):
            return Refusal(Reason.SIGNATURE, "The token's signature does not hold.")
        log.info("no key of %s has the kid %.80r", self.url, token.key_id)
        return Refusal(Reason.KID, "The token is signed with a key that the provider does not publish.")

    def ask(self, url: str, form: str, *, again: bool = False) -> Reply:
        """POST a form as our confidential client (client_secret_basic, RFC 6749 section 2.3.1).

        ``again``: sending it twice does no harm. Raises ProviderRefusedClient where the provider does not know us.
        """
        pair = f"{quote_plus(self.client_id)}:{quote_plus(self._client_secret().reveal())}"
        headers = {"Authorization": "Basic " + b64encode(pair.encode()).decode()}
        reply = self._transport.post(url, headers, form, again=again)
        if reply.status in {401, 403}:
            raise ProviderRefusedClient(f"The identity provider {self.url} refuses p3idp's client {self.client_id}.")
        return reply

    def look_up(self, url: str, access_token: Secret[str]) -> Reply:
        """GET as the person (RFC 6750 section 2.1)."""
        return self._transport.get(url, {"Authorization": f"Bearer {access_token.reveal()}"})

    def _fetch_metadata(self) -> ProviderMetadata:
        return self._read(self._document(self.url.rstrip("/") + "/.well-known/openid-configuration"), self.url)

    def _fetch_keys(self) -> tuple[SigningKey, ...]:
        return fit_keys(self._document(self.metadata().jwks_uri))

    def _document(self, url: str) -> dict[str, object]:
        reply = self._transport.get(url)
        if reply.status != 200:
            raise ProviderUnreachable(f"The identity provider answers with status {reply.status} at {url}.")
        return reply.json_object()


def _any_signed(token: UnverifiedToken, keys: tuple[SigningKey, ...]) -> bool:
    return any(signed_by(token, key) for key in candidates(keys, token))


def _is_known(token: UnverifiedToken, keys: tuple[SigningKey, ...]) -> bool:
    return token.key_id is not None and any(key.id == token.key_id for key in keys)
