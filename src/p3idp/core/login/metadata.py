"""A provider's published configuration as a value (OIDC Discovery 1.0 section 3), believed only where it is plausible.

Owns what the discovery document may say: our issuer, and endpoints over https on the issuer's own host and port.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from p3idp.errors.login import ProviderUntrusted


@dataclass(frozen=True, slots=True)
class ProviderMetadata:
    """Where a provider's endpoints are. ``names_itself``: it always sends ``iss`` in callbacks (RFC 9207)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    introspection_endpoint: str | None
    userinfo_endpoint: str | None
    names_itself: bool
    revocation_endpoint: str | None = None
    device_authorization_endpoint: str | None = None


def origin_of(url: str) -> tuple[str, str, int] | None:
    """Scheme, host and port of an absolute URL without user part or fragment; None for anything else."""
    try:
        parts = urlsplit(url)
        port = parts.port or 443
    except ValueError:
        return None
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        return None
    plain = url.isascii() and url.isprintable() and "\\" not in url and " " not in url
    return (parts.scheme, parts.hostname, port) if plain else None


def check_issuer(issuer: str) -> None:
    """Refuse an issuer that is not a plain https URL (OIDC Discovery 1.0 section 3). Raises ProviderUntrusted."""
    if origin_of(issuer) is None or "?" in issuer:
        raise ProviderUntrusted(
            f"The policy's issuer {issuer!r} is not a plain https URL.", hint="Use an https issuer."
        )


def read_metadata(document: Mapping[str, object], issuer: str) -> ProviderMetadata:
    """Read a discovery document for the issuer that the policy names. Raises ProviderUntrusted.

    What it says of algorithms is not read at all: those are ours to choose.
    """
    if document.get("issuer") != issuer:
        raise ProviderUntrusted(f"The provider at {issuer} publishes another issuer or none.")

    def required(name: str) -> str:
        return _endpoint(document.get(name), name, issuer)

    def optional(name: str) -> str | None:
        return required(name) if document.get(name) is not None else None

    metadata = ProviderMetadata(
        issuer=issuer,
        authorization_endpoint=required("authorization_endpoint"),
        token_endpoint=required("token_endpoint"),
        jwks_uri=required("jwks_uri"),
        introspection_endpoint=optional("introspection_endpoint"),
        userinfo_endpoint=optional("userinfo_endpoint"),
        names_itself=document.get("authorization_response_iss_parameter_supported") is True,
        revocation_endpoint=_offered(document.get("revocation_endpoint"), issuer),
        device_authorization_endpoint=_offered(document.get("device_authorization_endpoint"), issuer),
    )
    if metadata.introspection_endpoint is None and metadata.userinfo_endpoint is None:
        raise ProviderUntrusted(f"The provider at {issuer} has neither introspection nor userinfo.")
    return metadata


def read_signer(document: Mapping[str, object], issuer: str) -> ProviderMetadata:
    """The same for an issuer that signs tokens and is asked nothing else, as a CI system's. Raises ProviderUntrusted.

    Such an issuer publishes no endpoints but its keys; an endpoint that it did publish would not be used.
    """
    if document.get("issuer") != issuer:
        raise ProviderUntrusted(f"The issuer {issuer} publishes another issuer or none.")
    keys = _endpoint(document.get("jwks_uri"), "jwks_uri", issuer)
    return ProviderMetadata(issuer, "", "", keys, None, None, names_itself=False)


def _offered(value: object, issuer: str) -> str | None:
    """An endpoint that nothing depends on: one elsewhere is never used, and no reason to let nobody in."""
    fits = isinstance(value, str) and origin_of(value) is not None and origin_of(value) == origin_of(issuer)
    return str(value) if fits else None


def _endpoint(value: object, name: str, issuer: str) -> str:
    """An endpoint on the issuer's own scheme, host and port: discovery cannot send our secrets elsewhere."""
    if not isinstance(value, str) or origin_of(value) is None or origin_of(value) != origin_of(issuer):
        raise ProviderUntrusted(f"The {name} published at {issuer} is missing, not https, or on another host.")
    return value
