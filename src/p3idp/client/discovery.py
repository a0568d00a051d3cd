"""What a broker says about itself, so that nobody types an issuer. Owns the reading of its metadata (RFC 9728).

A broker that says nothing is no error: then the user's own configuration must.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from p3idp.client.clouds import OFFLINE, SCOPES, Cloud
from p3idp.client.http import Web
from p3idp.core.login.metadata import origin_of
from p3idp.errors.client import BrokerUnreachable
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import ClientConfigInvalid, CloudUnknown

PATH = "/.well-known/oauth-protected-resource"
# Members of ours beside RFC 9728's: the public client to sign in with, and Keystone's address and names.
_OURS = {
    "client_id": "p3idp_client_id",
    "auth_url": "openstack_auth_url",
    "identity_provider": "openstack_identity_provider",
    "protocol": "openstack_protocol",
}


def completed(cloud: Cloud, web: Web) -> Cloud:
    """The cloud with what its broker says where nothing else is known. Raises CloudUnknown where too little is."""
    said = what_it_says(web, cloud.broker.rstrip("/")) if cloud.broker else {}
    found: dict[str, Any] = {name: getattr(cloud, name) or text for name, text in texts_of(said).items()}
    full = replace(
        cloud,
        scopes=_scopes(cloud.scopes or _names(said.get("scopes_supported")) or SCOPES),
        **found,
    )
    missing = [name for name in ("issuer", "client_id") if not getattr(full, name)]
    if missing and not full.is_complete:
        whose = f"the broker {cloud.broker} does not say them" if cloud.broker else "no broker is named that could say"
        raise CloudUnknown(f"For the cloud {cloud.name} these are not known: {', '.join(missing)}; {whose}.")
    return full


def texts_of(said: Mapping[str, object]) -> dict[str, str]:
    """What a broker says, by our names; empty where it does not."""
    issuers = said.get("authorization_servers")
    first = issuers[0] if isinstance(issuers, list) and issuers and isinstance(issuers[0], str) else ""
    return {"issuer": first, **{name: _text(said, member) for name, member in _OURS.items()}}


def what_it_says(web: Web, broker: str) -> Mapping[str, object]:
    """The broker's metadata as it is; empty where it has none. Raises CloudUnknown where it is no broker, and kin."""
    if origin_of(broker) is None:
        raise ClientConfigInvalid(f"The broker {broker!r} is not a plain https address.")
    try:
        answer = web.get(broker + PATH)
    except ProviderUnreachable as exc:
        raise BrokerUnreachable(f"The broker cannot be asked: {exc.detail}") from exc
    if answer.status == 404:
        return {}
    document = answer.json_object()
    if answer.status != 200 or document.get("resource") != broker:
        raise CloudUnknown(f"{broker} is no broker, or calls itself by another address.")
    return document


def _scopes(names: tuple[str, ...]) -> tuple[str, ...]:
    """With a refresh token, so that one sign-in lasts."""
    return names if OFFLINE in names else (*names, OFFLINE)


def _names(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list) and all(isinstance(name, str) for name in value) else ()


def _text(said: Mapping[str, object], name: str) -> str:
    value = said.get(name)
    return value if isinstance(value, str) and value.isprintable() else ""
