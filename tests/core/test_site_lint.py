"""Each known trap in a configuration file has a check that names it; what p3idp generates has none of them."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from site_world import HUB, policy, provider, site_config

from p3idp.core.site.apache_text import SourceFile, read_apache
from p3idp.core.site.catalogue import CHECKS
from p3idp.core.site.findings import Finding, Status
from p3idp.core.site.lint_apache import lint_apache
from p3idp.core.site.lint_keystone import Expected, lint_keystone, read_keystone
from p3idp.core.site.versions import parse_version
from p3idp.ops.site_config import APACHE, KEYSTONE

Spoil = Callable[[str], str]
DASHBOARD = "https://dashboard.test/auth/websso/"


def lint(text: str, version: str = "2.4.12.3", files: Mapping[str, SourceFile] | None = None) -> dict[str, Finding]:
    def included(name: str) -> tuple[SourceFile, ...]:
        return (files[name],) if files and name in files else ()

    directives = read_apache(SourceFile("apache.conf", text), included)
    found = list(lint_apache(directives, [provider()], parse_version(version)))
    assert {finding.check for finding in found} <= set(CHECKS)
    assert len({finding.check for finding in found}) == len(found), "one finding a check"
    return {finding.check: finding for finding in found}


def replacing(old: str, new: str) -> Spoil:
    def spoil(text: str) -> str:
        assert old in text
        return text.replace(old, new)

    return spoil


def adding(line: str) -> Spoil:
    return replacing("    ProxyTimeout 120\n", f"    ProxyTimeout 120\n    {line}\n")


@pytest.mark.parametrize("version", ["2.4.12.3", "2.4.15", "2.4.19.2", "2.4.19.3"])
def test_generated_configuration_has_no_trap(tmp_path: Path, version: str):
    text = site_config(tmp_path).render(version)[APACHE]
    wrong = [f for f in lint(text, version).values() if f.status is not Status.OK]
    # The releases that cannot require a claim on a bearer path are warned about, and nothing else is.
    assert [f.check for f in wrong] == (["apache-foreign-clients"] if version == "2.4.19.2" else [])


def test_the_newest_release_is_warned_of_its_escapes_alone(tmp_path: Path):
    found = lint(site_config(tmp_path).render("2.4.20.3")[APACHE], "2.4.20.3")
    assert [f.check for f in found.values() if f.status is not Status.OK] == ["apache-delimiter"]


@pytest.mark.parametrize(
    ("spoil", "check", "status"),
    [
        (replacing("OIDCResponseType code", "OIDCResponseType id_token"), "apache-response-type", Status.FAIL),
        (replacing("    OIDCPKCEMethod S256\n", ""), "apache-pkce", Status.FAIL),
        (replacing(" eduperson_entitlement entitlements", ""), "apache-scopes", Status.FAIL),
        (replacing("    OIDCClaimDelimiter ;\n", ""), "apache-delimiter", Status.FAIL),
        (replacing("OIDCClaimPrefix OIDC-", "OIDCClaimPrefix OIDC_CLAIM_"), "apache-claim-prefix", Status.FAIL),
        (replacing("PassClaimsAs environment", "PassClaimsAs headers"), "apache-pass-claims", Status.FAIL),
        (replacing("PassClaimsAs environment", "PassClaimsAs environment none"), "apache-pass-claims", Status.FAIL),
        (replacing("PassClaimsAs environment", "PassClaimsAs both"), "apache-pass-claims", Status.WARN),
        (replacing("Interval 60", "Interval 0"), "apache-introspection-interval", Status.FAIL),
        (replacing("Interval 60", "Interval 3600"), "apache-introspection-interval", Status.WARN),
        (replacing("OIDCOAuthIntrospectionEndpoint ", "OIDCOAuthVerifyJwksUri "), "apache-introspection", Status.FAIL),
        (replacing("LogLevel warn", "LogLevel warn auth_openidc:debug"), "apache-debug-log", Status.FAIL),
        (replacing("LogLevel warn", "LogLevel trace2"), "apache-debug-log", Status.FAIL),
        (replacing("OIDCCacheEncrypt On\n", ""), "apache-token-log", Status.FAIL),
        (replacing("LimitRequestFieldSize 65535\n", ""), "apache-sizes", Status.FAIL),
        (replacing("OIDCCacheShmEntrySizeMax 65536\n", ""), "apache-sizes", Status.FAIL),
        (adding("OIDCOAuthIntrospectionEndpoint http://idp.test/introspect"), "apache-plain-http", Status.FAIL),
        (adding("OIDCPKCEMethod plain"), "apache-contradiction", Status.FAIL),
        (adding("OIDCPKCEMethod S256"), "apache-contradiction", Status.WARN),
        (replacing("OIDCSSLValidateServer On", "OIDCSSLValidateServer Off"), "apache-tls-verified", Status.FAIL),
        (replacing("/redirect_uri\"\n    OIDCR", "/auth/tokens\"\n    OIDCR"), "apache-redirect-uri", Status.FAIL),
        (adding("OIDCHTMLErrorTemplate /x.html"), "apache-html-template", Status.WARN),
        (replacing("https://idp.test/auth/realms/egi/.well", f"{HUB}/.well"), "apache-provider", Status.FAIL),
        (replacing("Require claim \"azp", "Require claim \"sub"), "apache-foreign-clients", Status.WARN),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)  # fmt: skip
def test_a_trap_in_apaches_configuration_is_named(tmp_path: Path, spoil: Spoil, check: str, status: Status):
    text = site_config(tmp_path).render()[APACHE]
    assert check not in {f.check for f in lint(text).values() if f.status is not Status.OK}
    finding = lint(spoil(text))[check]
    assert finding.status is status
    assert finding.found
    assert finding.means
    assert finding.remedy


def test_latin1_on_a_new_release_is_named(tmp_path: Path):
    text = site_config(tmp_path).render("2.4.12.3")[APACHE]
    assert lint(text, "2.4.16")["apache-pass-claims"].status is Status.FAIL


def test_secrets_that_everybody_may_read_are_named_and_not_shown():
    inner = SourceFile("/etc/secrets.conf", 'OIDCClientSecret "hush"\n', open_to_others=True)
    text = f'<VirtualHost *:1>\nOIDCProviderMetadataURL "{provider().issuers[0]}/x"\nInclude "s"\n</VirtualHost>'
    finding = lint(text, files={"s": inner})["apache-secrets"]
    assert finding.status is Status.FAIL
    assert "/etc/secrets.conf" in finding.found
    assert "hush" not in str(finding)


def test_an_included_file_counts_where_it_is_included():
    inner = SourceFile("inner.conf", "OIDCPKCEMethod S256\n")
    text = f"<VirtualHost *:1>\nOIDCProviderMetadataURL {provider().issuers[0]}/x\nInclude i\n</VirtualHost>"
    assert lint(text, files={"i": inner})["apache-pkce"].status is Status.OK


def test_a_neighbours_virtual_host_is_not_ours():
    other = "<VirtualHost *:1>\nLogLevel debug\n</VirtualHost>\n"
    ours = f"<VirtualHost *:1>\nOIDCProviderMetadataURL {provider().issuers[0]}/x\n</VirtualHost>"
    assert lint(other + ours)["apache-debug-log"].status is Status.OK


def test_a_file_that_includes_itself_ends():
    again = SourceFile("again.conf", "Include again\nLogLevel warn\n")
    assert lint(f"OIDCProviderMetadataURL {provider().issuers[0]}/x\nInclude again", files={"again": again})


@pytest.mark.parametrize("text", ["</Location>", '<Location "x', "Directive 'unclosed", "\\\n\\", "<>", "\x00"])
def test_odd_text_is_read_without_falling_over(text: str):
    read_apache(SourceFile("odd", text), lambda name: ())


def keystone(text: str, exists: bool | None = True) -> dict[str, Finding]:
    expected = Expected(("openid",), (DASHBOARD,))
    found = list(lint_keystone(read_keystone("keystone.conf", text), expected, lambda path: exists))
    assert {finding.check for finding in found} <= set(CHECKS)
    return {finding.check: finding for finding in found}


def test_generated_keystone_conf_has_no_trap(tmp_path: Path):
    found = keystone(site_config(tmp_path).render()[KEYSTONE])
    assert {f.status for f in found.values()} == {Status.OK}


@pytest.mark.parametrize(
    ("spoil", "check", "status"),
    [
        (replacing("/auth/websso/", "/auth/websso"), "trusted-dashboard", Status.FAIL),
        (replacing("dashboard.test", "127.0.0.1"), "trusted-dashboard", Status.FAIL),
        (replacing("= OIDC-iss", "= HTTP_OIDC_ISS"), "remote-id-attribute", Status.FAIL),
        (replacing("remote_id_attribute", "#"), "remote-id-attribute", Status.FAIL),
        (replacing("token,openid,", "token,"), "auth-methods", Status.FAIL),
        (replacing(",application_credential", ""), "auth-methods", Status.FAIL),
        (replacing("methods = ", "methods = external,"), "auth-methods", Status.WARN),
        (replacing("debug = false", "debug = true"), "keystone-debug", Status.FAIL),
        (replacing("insecure_debug = false", "insecure_debug = True"), "keystone-debug", Status.FAIL),
        (replacing("assertion_prefix = OIDC-", ""), "assertion-prefix", Status.WARN),
    ],
)
def test_a_trap_in_keystone_conf_is_named(tmp_path: Path, spoil: Spoil, check: str, status: Status):
    finding = keystone(spoil(site_config(tmp_path).render()[KEYSTONE]))[check]
    assert finding.status is status
    assert finding.means


@pytest.mark.parametrize(("exists", "status"), [(True, Status.OK), (False, Status.FAIL), (None, Status.SKIPPED)])
def test_a_callback_template_that_is_not_there_is_named(tmp_path: Path, exists: bool | None, status: Status):
    assert keystone(site_config(tmp_path).render()[KEYSTONE], exists)["callback-template"].status is status


def test_the_last_of_two_values_holds_and_dashboards_add_up():
    read = read_keystone(
        "x", "[federation]\ntrusted_dashboard = a/\ntrusted_dashboard: b/\n[auth]\nmethods = a\n  ,b\n"
    )
    assert read.all("federation", "trusted_dashboard") == ("a/", "b/")
    assert read.last("auth", "methods") == "a,b"


def test_two_sites_policies_do_not_share_a_virtual_host(tmp_path: Path):
    hub = provider("hub", HUB, keystone_url="https://keystone.test:5001/v3")
    text = site_config(tmp_path, policy(provider(), hub)).render()[APACHE]
    assert {f.status for f in lint(text).values()} == {Status.OK}
