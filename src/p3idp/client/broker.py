"""The broker in the identity provider's stead, for a command line that speaks to one server only.

Owns what is looked up at the broker (RFC 8414) and what is believed of it. It passes the provider's tokens on and has
verified them; its own certificate speaks for them here (OIDC Core 3.1.3.7, number 6), so the provider's keys are not
fetched. Everything else is checked as at the provider itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.client.clouds import Cloud
from p3idp.client.http import Answer, Web
from p3idp.client.identity import Identity
from p3idp.client.provider import Provider, error_of, look_up
from p3idp.core.login import kinds
from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.metadata import ProviderMetadata, origin_of
from p3idp.core.login.reasons import Refusal
from p3idp.core.login.rules import Expected, Rule, first_refusal
from p3idp.errors.login import ProviderUnreachable, ProviderUntrusted

PATH = "/.well-known/oauth-authorization-server"
_LONGEST_SAID = 1000


@dataclass(frozen=True, slots=True)
class BrokerProvider(Provider):
    """A provider whose tokens come by way of ``broker``."""

    broker: str = ""

    def identity(
        self, answer: Answer, now: datetime, rules: tuple[Rule, ...], nonce: str = "", old: Identity | None = None
    ) -> Identity:
        """See Provider; the identity remembers the way it came."""
        return replace(Provider.identity(self, answer, now, rules, nonce, old), via=self.broker)

    def _refusal(self, token: UnverifiedToken, expected: Expected, rules: tuple[Rule, ...]) -> Refusal | None:
        return first_refusal(kinds.ID_TOKEN_HEADER, token, expected) or first_refusal(rules, token, expected)


def look_up_broker(cloud: Cloud) -> BrokerProvider | None:
    """The cloud's broker, where it signs people in on other devices. Raises ProviderUnreachable, ProviderUntrusted."""
    if not cloud.broker:
        return None
    web, broker = Web(cloud.verify), cloud.broker.rstrip("/")
    if origin_of(broker) is None:
        return None
    answer = web.get(broker + PATH)
    if answer.status != 200:
        return None
    said = answer.json_object()
    if said.get("issuer") != broker:
        raise ProviderUntrusted(f"{broker} calls itself by another address.", hint="Use the broker's own address.")
    device, token, revoke = (
        _endpoint(said, name, broker)
        for name in ("device_authorization_endpoint", "token_endpoint", "revocation_endpoint")
    )
    if not device or not token:
        return None
    metadata = ProviderMetadata(cloud.issuer, "", token, "", None, None, False, revocation_endpoint=revoke)
    return BrokerProvider(web, cloud.client_id, metadata, device, frozenset(), broker=broker)


def refresher(cloud: Cloud, old: Identity) -> Provider:
    """Who is asked for another token: the broker for what came by it, where it still does that; else the provider.

    Raises ProviderUnreachable and its kin.
    """
    if old.via and cloud.broker.rstrip("/") == old.via and (found := look_up_broker(cloud)) is not None:
        return found
    return look_up(Web(cloud.verify), old.issuer, old.client_id)


def said_by_broker(answer: Answer) -> str:
    """Why the broker refuses, in its own words: a line that a terminal may show."""
    try:
        text = answer.json_object().get("error_description")
    except ProviderUnreachable:
        text = None
    plain = "".join(c if " " <= c <= "~" else "?" for c in text) if isinstance(text, str) else ""
    return plain[:_LONGEST_SAID] or f"The broker answers {error_of(answer)}."


def _endpoint(said: Mapping[str, object], name: str, broker: str) -> str | None:
    """An endpoint on the broker's own host: its metadata sends no secret elsewhere."""
    url = said.get(name)
    return url if isinstance(url, str) and origin_of(url) == origin_of(broker) else None
