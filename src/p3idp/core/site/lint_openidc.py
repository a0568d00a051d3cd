"""Rules of sign-in in an Apache configuration: what the module asks of the provider, and what it hands to Keystone.

Owns one rule a trap; the walk over virtual hosts is lint_apache.py's.
"""

from collections.abc import Callable

from p3idp.core.site.findings import Finding, fail, ok, warn
from p3idp.core.site.server import Server

_LONG_INTERVAL = 300


def _scopes(server: Server) -> Finding:
    lacking = sorted(set(server.provider.scopes) - set(server.value("OIDCScope", "openid").split()))
    if lacking:
        return fail("apache-scopes", server.provider.id, f"OIDCScope lacks {', '.join(lacking)}.")
    return ok("apache-scopes", server.provider.id, "OIDCScope asks for all scopes of the policy.")


def _response_type(server: Server) -> Finding:
    value = server.value("OIDCResponseType", "code")
    if value != "code":
        return fail("apache-response-type", server.provider.id, f"OIDCResponseType is {value}.")
    return ok("apache-response-type", server.provider.id, "The code flow is asked for.")


def _pkce(server: Server) -> Finding:
    if server.value("OIDCPKCEMethod").upper() != "S256":
        return fail("apache-pkce", server.provider.id, "OIDCPKCEMethod S256 is missing.")
    return ok("apache-pkce", server.provider.id, "PKCE with S256 is on.")


def _delimiter(server: Server) -> Finding:
    value = server.value("OIDCClaimDelimiter", ",")
    if value != ";":
        return fail("apache-delimiter", server.provider.id, f"OIDCClaimDelimiter is {value!r}.")
    if server.can and server.can.escapes_delimiter:
        found = f"mod_auth_openidc {server.module} writes a backslash before a semicolon inside a value."
        return warn("apache-delimiter", server.provider.id, found)
    return ok("apache-delimiter", server.provider.id, "Values are joined by what Keystone splits at.")


def _prefix(server: Server) -> Finding:
    value = server.value("OIDCClaimPrefix", "OIDC_CLAIM_")
    if value != "OIDC-":
        return fail("apache-claim-prefix", server.provider.id, f"OIDCClaimPrefix is {value!r}.")
    return ok("apache-claim-prefix", server.provider.id, "Claims are called OIDC-….")


def _pass_claims(server: Server) -> Finding:
    check, subject = "apache-pass-claims", server.provider.id
    directive = server.last("OIDCPassClaimsAs")
    way, *encoding = directive.arguments if directive else ("both",)
    if way in ("headers", "none"):
        return fail(check, subject, f"OIDCPassClaimsAs is {way}: Keystone finds no OIDC-… variables.")
    if server.can and server.can.encoding_none and encoding != ["none"]:
        return fail(check, subject, f"mod_auth_openidc {server.module} turns what latin1 lacks into question marks.")
    if server.can and not server.can.encoding_none and encoding == ["none"]:
        return fail(
            check, subject, f"mod_auth_openidc {server.module} does not know the encoding none: Apache will not start."
        )
    if way == "both":
        return warn(check, subject, "Claims are passed as headers too, which a client can forge.")
    return ok(check, subject, "Claims are passed as variables, which no client can send.")


def _introspection(server: Server) -> Finding:
    if not server.bearer_locations:
        return ok("apache-introspection", server.provider.id, "No path takes bearer tokens.")
    if server.value("OIDCOAuthIntrospectionEndpoint"):
        return ok("apache-introspection", server.provider.id, "The provider is asked about bearer tokens.")
    found = "Bearer tokens are taken without OIDCOAuthIntrospectionEndpoint: by their signature alone"
    audience = ", whoever they are for." if not server.last("OIDCOAuthVerifyAudience") else "."
    return fail("apache-introspection", server.provider.id, found + audience)


def _keys(server: Server) -> Finding:
    if server.value("OIDCOAuthIntrospectionEndpoint"):
        return fail("apache-keys", server.provider.id, "OIDCOAuthIntrospectionEndpoint is set, and counts instead.")
    if not server.value("OIDCOAuthVerifyJwksUri"):
        return fail("apache-keys", server.provider.id, "OIDCOAuthVerifyJwksUri is missing.")
    return ok("apache-keys", server.provider.id, "Bearer tokens are verified by the provider's keys.")


def _interval(server: Server) -> Finding | None:
    if not server.value("OIDCOAuthIntrospectionEndpoint"):
        return None
    check, subject = "apache-introspection-interval", server.provider.id
    text = server.value("OIDCOAuthTokenIntrospectionInterval", "0")
    seconds = int(text) if text.lstrip("-").isdigit() else 0
    if seconds == 0:
        return fail(check, subject, "OIDCOAuthTokenIntrospectionInterval is 0 (or not given): until the token expires.")
    if seconds > _LONG_INTERVAL:
        return warn(check, subject, f"Answers are believed for {seconds} s.")
    return ok(
        check, subject, f"Answers are believed for {seconds} s." if seconds > 0 else "Each request is asked about."
    )


def _cache_names(server: Server) -> Finding | None:
    """Caches other than shared memory are encrypted unless somebody says otherwise."""
    if not server.bearer_locations:
        return None
    usual = "Off" if server.value("OIDCCacheType", "shm") == "shm" else "On"
    if server.value("OIDCCacheEncrypt", usual).lower() != "on":
        return fail("apache-token-log", server.provider.id, "OIDCCacheEncrypt is off (or not given).")
    return ok("apache-token-log", server.provider.id, "The cache knows tokens by their hashes.")


def _foreign_clients(server: Server) -> Finding | None:
    if not server.bearer_locations:
        return None
    named = any(
        directive.location in server.bearer_locations
        and directive.arguments[:1] == ("claim",)
        and any(argument.startswith(("azp:", "aud:", "client_id:")) for argument in directive.arguments[1:])
        for directive in server.all("Require")
    )
    if named:
        return ok("apache-foreign-clients", server.provider.id, "Only tokens of named clients or audiences pass.")
    found = "Tokens of every client of the provider pass: nothing requires azp or aud."
    return warn("apache-foreign-clients", server.provider.id, found)


def _redirect_uri(server: Server) -> Finding | None:
    uri = server.value("OIDCRedirectURI")
    if any(part in uri for part in ("/OS-FEDERATION/", "/auth/tokens")):
        return fail("apache-redirect-uri", server.provider.id, f"OIDCRedirectURI {uri} is an address of Keystone's.")
    return ok("apache-redirect-uri", server.provider.id, "The redirect address is none of Keystone's.") if uri else None


RULES: tuple[Callable[[Server], Finding | None], ...] = (
    _scopes,
    _response_type,
    _pkce,
    _delimiter,
    _prefix,
    _pass_claims,
    _introspection,
    _interval,
    _cache_names,
    _foreign_clients,
    _redirect_uri,
)
# Where nobody signs in, and the provider is not asked.
BY_KEYS_RULES: tuple[Callable[[Server], Finding | None], ...] = (
    _delimiter,
    _prefix,
    _pass_claims,
    _keys,
    _cache_names,
    _foreign_clients,
)
