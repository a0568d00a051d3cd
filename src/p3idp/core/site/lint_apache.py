"""Find the known traps in an Apache configuration for mod_auth_openidc. Owns the walk, and the rules of every server:
what is said twice, logged, sent in plain text, left unverified, or too small. Rules of sign-in are lint_openidc.py's.
"""

from collections.abc import Callable, Iterator, Sequence

from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.apache_text import Directive
from p3idp.core.site.findings import Finding, fail, ok, warn
from p3idp.core.site.lint_openidc import BY_KEYS_RULES
from p3idp.core.site.lint_openidc import RULES as OPENIDC_RULES
from p3idp.core.site.server import Server, server_of
from p3idp.core.site.versions import ModuleVersion

_REPEATABLE = frozenset({
    *("requestheader", "header", "proxypass", "proxypassreverse", "require", "include", "includeoptional", "listen"),
    *("loadmodule", "setenv", "setenvif", "setenvifnocase", "rewriterule", "rewritecond", "alias", "define"),
    *("serveralias", "oidcredirecturlsallowed"),
})  # fmt: skip
_SECRET = frozenset({"oidcclientsecret", "oidcoauthclientsecret", "oidccryptopassphrase"})
_SIZES = (("LimitRequestFieldSize", 8190, 32768), ("OIDCCacheShmEntrySizeMax", 16928, 65536))
_NO_HOST = {
    False: "No virtual host has OIDCProviderMetadataURL of this provider.",
    True: "No virtual host takes this provider's tokens (AuthType oauth20).",
}
Rule = Callable[[Server], Finding | None]


def lint_apache(
    directives: Sequence[Directive], providers: Sequence[IdentityProvider], module: ModuleVersion | None
) -> Iterator[Finding]:
    """Judge the virtual host of each provider; one finding a rule that has something to say."""
    for provider in providers:
        server = server_of(provider, directives, module)
        if server is None:
            yield fail("apache-provider", provider.id, _NO_HOST[provider.by_keys])
            continue
        yield ok("apache-provider", provider.id, "A virtual host speaks to this provider.")
        rules = (*RULES, *(BY_KEYS_RULES if provider.by_keys else OPENIDC_RULES))
        yield from (found for rule in rules if (found := rule(server)) is not None)


def _said_once(server: Server) -> Finding:
    seen: dict[tuple[str, tuple[tuple[str, str], ...]], Directive] = {}
    doubled: list[str] = []
    contradicting: list[str] = []
    for directive in server.directives:
        first = seen.setdefault((directive.key, directive.sections), directive)
        if first is directive or directive.key in _REPEATABLE:
            continue
        pair = f"{directive.name} ({first.where} and {directive.where})"
        (doubled if first.arguments == directive.arguments else contradicting).append(pair)
    if contradicting:
        return fail("apache-contradiction", server.provider.id, f"Said twice, differently: {', '.join(contradicting)}.")
    if doubled:
        return warn("apache-contradiction", server.provider.id, f"Said twice: {', '.join(doubled)}.")
    return ok("apache-contradiction", server.provider.id, "No directive is said twice.")


def _quiet_log(server: Server) -> Finding:
    loud = [
        directive.where
        for directive in server.all("LogLevel")
        if any(word.rpartition(":")[2].lower().startswith(("debug", "trace")) for word in directive.arguments)
    ]
    if loud:
        return fail("apache-debug-log", server.provider.id, f"LogLevel debug at {', '.join(loud)}.")
    return ok("apache-debug-log", server.provider.id, "Nothing logs at level debug.")


def _https(server: Server) -> Finding:
    plain = [
        f"{directive.name} at {directive.where}"
        for directive in server.directives
        if directive.key.startswith("oidc") and any(a.startswith("http://") for a in directive.arguments)
    ]
    if plain:
        return fail("apache-plain-http", server.provider.id, f"Plain http: {', '.join(plain)}.")
    return ok("apache-plain-http", server.provider.id, "All addresses of the module are https.")


def _verified(server: Server) -> Finding:
    off = [
        directive.where
        for name in ("OIDCSSLValidateServer", "OIDCOAuthSSLValidateServer")
        for directive in server.all(name)
        if directive.arguments[:1] and directive.arguments[0].lower() == "off"
    ]
    if off:
        return fail("apache-tls-verified", server.provider.id, f"Certificates are not verified ({', '.join(off)}).")
    return ok("apache-tls-verified", server.provider.id, "The provider's certificate is verified.")


def _sizes(server: Server) -> Finding:
    small = []
    for name, default, least in _SIZES:
        if name.startswith("OIDC") and server.value("OIDCCacheType", "shm") != "shm":
            continue
        text = server.value(name, str(default))
        if not text.isdigit() or int(text) < least:
            small.append(f"{name} is {text} (wanted: {least} or more)")
    if small:
        return fail("apache-sizes", server.provider.id, "; ".join(small) + ".")
    return ok("apache-sizes", server.provider.id, "Headers and cache hold a person with many entitlements.")


def _closed_secrets(server: Server) -> Finding | None:
    holding = {d.place[0]: d.open_to_others for d in server.directives if d.key in _SECRET}
    if not holding:
        return None
    if any(holding.values()):
        found = ", ".join(sorted(name for name, is_open in holding.items() if is_open))
        return fail("apache-secrets", server.provider.id, f"Everybody may read {found}.")
    return ok("apache-secrets", server.provider.id, "Files with secrets are closed to others.")


def _html_template(server: Server) -> Finding | None:
    used = server.last("OIDCHTMLErrorTemplate")
    if used is None:
        return None
    return warn("apache-html-template", server.provider.id, f"OIDCHTMLErrorTemplate at {used.where}.")


RULES: tuple[Rule, ...] = (_said_once, _quiet_log, _https, _verified, _sizes, _closed_secrets, _html_template)
