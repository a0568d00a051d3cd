"""Judge an identity provider from outside: its discovery document, its keys, and its answer to our client.

Owns these rules; fetching is an adapter's matter, and believing tokens is core/login's.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from urllib.parse import urlsplit

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.findings import Finding, fail, ok, warn

CLOCK_WARN = timedelta(seconds=5)
CLOCK_FAIL = timedelta(seconds=30)
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri", "introspection_endpoint", "userinfo_endpoint")


def judge_discovery(provider: IdentityProvider, issuer: str, document: Mapping[str, object]) -> Iterator[Finding]:
    """What the discovery document of one issuer says (OIDC Discovery 1.0 section 3)."""
    subject = f"{provider.id} ({issuer})"
    yield _issuer(subject, issuer, document)
    yield _endpoints(subject, issuer, document)
    yield _offers(
        "pkce", subject, document, "code_challenge_methods_supported", ("S256",),
        "Sign-ins are not bound to the browser that began them where a client does not use PKCE.",
        "Turn PKCE with S256 on for the clients at the provider; everything p3idp generates sends it.",
    )  # fmt: skip
    yield _offers(
        "code-flow", subject, document, "response_types_supported", ("code",),
        "Signing in by the authorization code flow will not work.",
        "Check-in offers the code flow only; is this the right issuer?",
    )  # fmt: skip
    yield _offers(
        "scopes", subject, document, "scopes_supported", provider.scopes,
        "A scope that the provider does not know brings no claims: people arrive without entitlements.",
        "Correct the scopes of this provider in the policy's site file.",
    )  # fmt: skip


def _issuer(subject: str, issuer: str, document: Mapping[str, object]) -> Finding:
    published = document.get("issuer")
    if published == issuer:
        return ok("discovery-issuer", subject, "The provider calls itself what the policy calls it.")
    return fail(
        "discovery-issuer",
        subject,
        f"The provider calls itself {published!r}.",
        "Every token's issuer will differ from the policy's, to the letter; all of them are refused.",
        "Write the issuer into the policy exactly as the provider publishes it: slash, case and port count.",
    )


def _endpoints(subject: str, issuer: str, document: Mapping[str, object]) -> Finding:
    home = urlsplit(issuer)
    wrong = []
    for name in _ENDPOINTS:
        where = urlsplit(str(document.get(name, "")))
        if where.scheme != "https" or where.netloc != home.netloc:
            wrong.append(f"{name} is {document.get(name, 'missing')}")
    if not wrong:
        return ok("provider-endpoints", subject, "All endpoints are https and on the issuer's own host.")
    return fail(
        "provider-endpoints",
        subject,
        "; ".join(wrong) + ".",
        "p3idp sends no secret and no token to another host than the issuer's, so sign-ins are refused.",
        "Ask the provider's operators; a published endpoint on another host is how a false document begins.",
    )


def _offers(
    check: str,
    subject: str,
    document: Mapping[str, object],
    key: str,
    wanted: Sequence[str],
    means: str,
    remedy: str,
) -> Finding:
    offered = document.get(key)
    if not isinstance(offered, list):
        return warn(check, subject, f"The provider does not say ({key} is not published).", means, remedy)
    # A parametric scope such as entitlements:<URN> is published by its first part.
    lacking = [name for name in wanted if name not in offered and name.split(":", 1)[0] not in offered]
    if lacking:
        return fail(check, subject, f"The provider does not offer {', '.join(lacking)}.", means, remedy)
    return ok(check, subject, f"The provider offers {', '.join(wanted)}.")


def judge_keys(provider: IdentityProvider, usable: int, published: int) -> Finding:
    """Whether the key set holds a key that p3idp would believe."""
    if usable:
        return ok("signing-keys", provider.id, f"{usable} of {published} published keys can verify a token.")
    return fail(
        "signing-keys",
        provider.id,
        f"None of {published} published keys can verify a token.",
        "Every token is refused.",
        "The provider must publish an RSA key of at least 2048 bits or an EC key for signatures (use sig).",
    )


def judge_introspection_address(provider: IdentityProvider, ours: str, document: Mapping[str, object]) -> Finding:
    """Whether Apache will ask where the provider answers."""
    published = document.get("introspection_endpoint")
    if published == ours:
        return ok("introspection-address", provider.id, "Apache asks about tokens where the provider answers.")
    return fail(
        "introspection-address",
        provider.id,
        f"Generated configuration asks at {ours}; the provider publishes {published or 'no introspection endpoint'}.",
        "Every sign-in from a command line ends in a 401 at Apache.",
        f"Set introspection_url in [providers.{provider.id}] to the published address, and generate again.",
    )


def judge_clock(subject: str, offset: timedelta | None) -> Finding:
    """Whether a host's clock agrees with ours; ``offset`` is theirs minus ours, None where it did not say."""
    if offset is None:
        return warn("clock", subject, "It sends no Date header.", "A clock that is off cannot be seen here.", "")
    seconds = offset.total_seconds()
    drift = f"{abs(seconds):.0f} s {'ahead of' if seconds > 0 else 'behind'} this host"
    if abs(offset) <= CLOCK_WARN:
        return ok("clock", subject, f"Its clock and ours agree within {CLOCK_WARN.total_seconds():.0f} s.")
    judge = fail if abs(offset) > CLOCK_FAIL else warn
    return judge(
        "clock",
        subject,
        f"Its clock is {drift}.",
        "Tokens look expired or not yet valid, and people are sent away at random.",
        "Let NTP set the clock (`timedatectl` shows its state), here and there.",
    )
