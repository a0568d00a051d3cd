"""Judge an identity provider from outside: its discovery document, its keys, its clock, its answer to our clients.

Owns these rules; fetching is an adapter's matter, and believing tokens is core/login's.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta

from p3idp.core.exchange.published import CommandLineClient
from p3idp.core.login.metadata import origin_of
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.findings import Finding, fail, ok, skipped, warn

CLOCK_WARN = timedelta(seconds=5)
CLOCK_FAIL = timedelta(seconds=30)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "userinfo_endpoint")
# RFC 7518 section 3.3 asks for 2048 bits: 256 bytes of modulus, 342 characters of base64url.
_RSA_CHARACTERS = 342


def judge_discovery(provider: IdentityProvider, issuer: str, document: Mapping[str, object]) -> Iterator[Finding]:
    """What the discovery document of one issuer says (OIDC Discovery 1.0 section 3)."""
    subject = f"{provider.id} ({issuer})"
    published = document.get("issuer")
    if published == issuer:
        yield ok("discovery-issuer", subject, "The provider calls itself what the policy calls it.")
    else:
        yield fail("discovery-issuer", subject, f"The provider calls itself {published!r}.")
    if provider.by_keys:
        yield _endpoints(subject, issuer, document, ("jwks_uri",))
        return
    yield _endpoints(subject, issuer, document)
    yield _offers("pkce", subject, document, "code_challenge_methods_supported", ("S256",))
    yield _offers("code-flow", subject, document, "response_types_supported", ("code",))
    yield _offers("scopes", subject, document, "scopes_supported", provider.scopes)


def _endpoints(subject: str, issuer: str, document: Mapping[str, object], names: Sequence[str] = _ENDPOINTS) -> Finding:
    home = origin_of(issuer)
    published = {name: str(document.get(name) or "missing") for name in names}
    wrong = [f"{name} is {url}" for name, url in published.items() if home is None or origin_of(url) != home]
    if wrong:
        return fail("provider-endpoints", subject, "; ".join(wrong) + ".")
    return ok("provider-endpoints", subject, "All endpoints are https and on the issuer's own host.")


def _offers(
    check: str, subject: str, document: Mapping[str, object], key: str, wanted: Sequence[str]
) -> Finding:  # fmt: skip
    offered = document.get(key)
    if not isinstance(offered, list):
        return warn(check, subject, f"The provider does not say: {key} is not published.")
    # A parametric scope such as entitlements:<URN> is published by its first part.
    lacking = [name for name in wanted if name not in offered and name.split(":", 1)[0] not in offered]
    if lacking:
        return fail(check, subject, f"The provider does not offer {', '.join(lacking)}.")
    return ok(check, subject, f"The provider offers {', '.join(wanted)}.")


def judge_keys(provider: IdentityProvider, document: Mapping[str, object]) -> Finding:
    """Whether the key set holds a key that p3idp would believe (RFC 7517)."""
    keys = document.get("keys")
    published = [key for key in keys if isinstance(key, Mapping)] if isinstance(keys, list) else []
    usable = [key for key in published if _usable(key)]
    if usable:
        return ok("signing-keys", provider.id, f"{len(usable)} of {len(published)} published keys verify tokens.")
    return fail("signing-keys", provider.id, f"None of {len(published)} published keys can verify a token.")


def _usable(key: Mapping[str, object]) -> bool:
    if key.get("use", "sig") != "sig":
        return False
    if key.get("kty") == "RSA":
        return len(str(key.get("n", ""))) >= _RSA_CHARACTERS
    return key.get("kty") == "EC" and key.get("crv") in ("P-256", "P-384", "P-521")


def judge_introspection_address(provider: IdentityProvider, ours: str, document: Mapping[str, object]) -> Finding:
    """Whether Apache will ask where the provider answers."""
    published = document.get("introspection_endpoint")
    if published == ours:
        return ok("introspection-address", provider.id, "Apache asks about tokens where the provider answers.")
    where = published or "no introspection endpoint"
    return fail("introspection-address", provider.id, f"Apache is told {ours}; the provider publishes {where}.")


def judge_introspection(
    provider: IdentityProvider, client: str, status: int, body: Mapping[str, object] | None
) -> Finding:
    """The answer to a client of ours that asked about a token which never was (RFC 7662 section 2.2)."""
    subject = f"{provider.id}, client {client}"
    if status == 200 and body is not None and body.get("active") is False:
        return ok("introspection-client", subject, "The provider answers this client about tokens.")
    if status == 200:
        return fail("introspection-client", subject, "The provider calls a token alive which never was.")
    return fail("introspection-client", subject, f"The provider refuses this client ({status}).")


def judge_command_line_client(client: CommandLineClient | None) -> Finding:
    """Whether the broker may tell people which client to sign in with."""
    if client is None:
        return skipped("command-line-client", "the broker", "The settings name no command_line_client at any provider.")
    if not client.is_listed:
        return fail("command-line-client", client.provider.id, client.trouble)
    return ok("command-line-client", client.provider.id, f"`p3idp login --broker` learns of the client {client.id}.")


def judge_clock(subject: str, offset: timedelta | None) -> Finding:
    """Whether a host's clock agrees with ours; ``offset`` is theirs minus ours, None where it does not say."""
    if offset is None:
        return skipped("clock", subject, "It sends no Date header.")
    if abs(offset) <= CLOCK_WARN:
        return ok("clock", subject, f"Its clock and ours agree within {CLOCK_WARN.total_seconds():.0f} s.")
    direction = "ahead of" if offset > timedelta(0) else "behind"
    judge = fail if abs(offset) > CLOCK_FAIL else warn
    return judge("clock", subject, f"Its clock is {abs(offset).total_seconds():.0f} s {direction} this host's.")
