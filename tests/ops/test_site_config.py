"""The generated files: what they say for each release, where secrets lie, and that Apache is asked first."""

import os
import re
import stat
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from big_policy import texts
from site_world import HUB, AgreeingApache, policy, provider, settings, site_config

from p3idp.adapters.config_directory import FileDirectory
from p3idp.adapters.policy_files.texts import policy_from_texts
from p3idp.adapters.templates import JinjaRenderer
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.size import sent
from p3idp.errors.settings import SettingsInvalid
from p3idp.errors.site import ConfigurationRefused
from p3idp.ops.site_config import APACHE, CALLBACK, HORIZON, KEYSTONE, SiteConfig
from p3idp.ops.site_facts import site_facts

SECRET = "a-secret-value"


def apache(root: Path, version: str, **changes: object) -> str:
    return site_config(root, policy(provider(**changes))).render(version)[APACHE]


# What differs between releases: directive lines that must and must not be there.
@pytest.mark.parametrize(
    ("version", "there", "absent"),
    [
        ("2.4.12.3", ["OIDCPassClaimsAs environment"], ["OIDCPassAccessToken", "OIDCOAuthVerifyAudience"]),
        ("2.4.14.4", ["OIDCPassClaimsAs environment", "OIDCPassAccessToken Off"], ["OIDCOAuthVerifyAudience"]),
        ("2.4.15", ["OIDCPassClaimsAs environment none", "OIDCPassAccessToken Off"], ["OIDCOAuthVerifyAudience"]),
        ("2.4.16.2", ["OIDCPassClaimsAs environment none"], ["OIDCHTMLErrorTemplate", "OIDCOAuthVerifyAudience"]),
        ("2.4.19.2", ["OIDCPassClaimsAs environment none"], ["Require claim"]),
        (
            "2.4.20.3",
            [
                "OIDCPassClaimsAs environment none",
                'OIDCOAuthVerifyAudience "https://a.test"',
                'Require claim "azp:p3idp"',
            ],
            ["OIDCHTMLErrorTemplate"],
        ),
    ],
)
def test_each_release_is_told_what_it_understands(tmp_path: Path, version: str, there: list[str], absent: list[str]):
    lines = [line.strip() for line in apache(tmp_path, version, audiences=("https://a.test",)).splitlines()]
    for line in there:
        assert line in lines
    for word in absent:
        assert not [line for line in lines if line.startswith(word)]


@pytest.mark.parametrize("version", ["2.4.12.3", "2.4.20.3"])
def test_every_release_is_told_the_same_of_sign_in(tmp_path: Path, version: str):
    lines = {line.strip() for line in apache(tmp_path, version).splitlines()}
    assert {
        "OIDCResponseType code",
        "OIDCPKCEMethod S256",
        "OIDCClaimPrefix OIDC-",
        "OIDCClaimDelimiter ;",
        'OIDCScope "openid profile voperson_id eduperson_entitlement entitlements"',
        "OIDCOAuthTokenIntrospectionInterval 60",
        "<LimitExcept GET POST>",
        "Require all denied",
        "OIDCCacheShmEntrySizeMax 65536",
        'RequestHeader unset "OIDC-voperson_id" early',
        'RequestHeader unset "Remote-User" early',
        'Require claim "iss:https://idp.test/auth/realms/egi"',
        "<RequireNone>",
        'Require claim "cnf.jkt~."',
        'Require claim "cnf.x5t#S256~."',
        'Require claim "token_type~^(?i)dpop$"',
        "OIDCOAuthAcceptTokenAs header",  # a token in an address ends up in logs
        "AuthzSendForbiddenOnFailure On",
    } <= lines
    assert not [line for line in lines if line.lower().startswith("loglevel") and "debug" in line.lower()]


def test_without_named_clients_the_bearer_path_is_closed(tmp_path: Path):
    text = apache(tmp_path, "2.4.12.3", issuing_clients=())
    location = text.split('identity_providers/egi/protocols/openid/auth">')[1].split("</Location>")[0]
    assert location.split() == ["Require", "all", "denied"]
    assert "oauth20" not in text


def test_a_second_provider_has_secrets_of_its_own(tmp_path: Path):
    hub = provider("hub", HUB, keystone_url="https://keystone.test:5001/v3")
    files = site_config(tmp_path, policy(provider(), hub)).render()
    assert {"apache-secrets-egi.conf", "apache-secrets-hub.conf", "apache-secrets.conf"} <= set(files)
    assert files[APACHE].count("<VirtualHost") == 2
    assert f'OIDCProviderMetadataURL "{HUB}/.well-known/openid-configuration"' in files[APACHE]


def test_secrets_lie_in_private_files_alone(tmp_path: Path):
    out = tmp_path / "out"
    written = site_config(tmp_path).write(out)
    for name in written.files:
        mode = stat.S_IMODE((out / name).stat().st_mode)
        holds_it = SECRET in (out / name).read_text(encoding="utf-8")
        assert (mode, holds_it) == ((0o600, True) if name.startswith("apache-secrets") else (0o644, False)), name


@pytest.mark.parametrize("secret", ['a"b', "a\\b", "exec:/bin/sh", "two\nlines", "${x}"])
def test_a_secret_that_apache_would_misread_is_refused_and_not_shown(tmp_path: Path, secret: str):
    with pytest.raises(ConfigurationRefused) as caught:
        site_config(tmp_path, secret=secret).write(tmp_path / "out")
    assert secret not in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_what_apache_refuses_is_not_written(tmp_path: Path):
    class Refusing(AgreeingApache):
        def check(self, files: object, main: str, placed_at: str) -> None:
            raise ConfigurationRefused("AH00526: Syntax error")

    with pytest.raises(ConfigurationRefused, match="AH00526"):
        site_config(tmp_path, apache=Refusing()).write(tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_apache_the_version_must_be_said(tmp_path: Path):
    config = site_config(tmp_path, apache=AgreeingApache(None))
    with pytest.raises(ConfigurationRefused) as caught:
        config.write(tmp_path / "out")
    assert "--module-version" in caught.value.hint
    assert not config.write(tmp_path / "out", module_version="2.4.12.3", check=False).checked


def test_another_version_than_the_installed_one_cannot_pass_as_checked(tmp_path: Path):
    config = site_config(tmp_path)
    with pytest.raises(ConfigurationRefused, match="cannot be checked here"):
        config.write(tmp_path / "out", module_version="2.4.20.3")
    assert config.write(tmp_path / "out", module_version="2.4.20.3", check=False).files


def test_keystone_conf_trusts_the_dashboard_to_the_letter(tmp_path: Path):
    text = site_config(tmp_path, site={"trusted_dashboards": ["http://localhost:9990/auth/websso/"]}).render()[KEYSTONE]
    assert re.findall("^trusted_dashboard = (.*)$", text, re.M) == [
        "https://dashboard.test/auth/websso/",
        "http://localhost:9990/auth/websso/",
    ]
    assert "methods = password,token,openid,mapped,application_credential" in text
    assert "[openid]\n" in text


def test_keystone_conf_names_further_methods_once(tmp_path: Path):
    text = site_config(tmp_path, site={"keystone_auth_methods": ["ec2credential", "token"]}).render()[KEYSTONE]
    assert "methods = password,token,openid,mapped,application_credential,ec2credential\n" in text


def test_the_callback_page_needs_nothing_from_elsewhere_and_works_without_script(tmp_path: Path):
    files = site_config(tmp_path).render()
    page = files[CALLBACK]
    assert not re.search(r"(src|href)=|https?:|@import|\son\w+=", page)
    assert page.count("$") == page.count("$host") + page.count("$token") == 2  # string.Template of Keystone
    assert '<button type="submit">' in page.split("<script>")[0]
    assert re.search(r"script-src 'sha256-[A-Za-z0-9+/=]{44}'.*form-action https://dashboard.test;", files[APACHE])


def test_the_callback_page_is_what_its_hash_says(tmp_path: Path):
    import base64
    import hashlib

    files = site_config(tmp_path).render()
    for tag in ("script", "style"):
        inline = re.search(f"<{tag}>(.*?)</{tag}>", files[CALLBACK], re.S)
        assert inline
        digest = base64.b64encode(hashlib.sha256(inline[1].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in files[APACHE]


def test_horizons_settings_are_python_whatever_a_title_holds(tmp_path: Path):
    title = """O'Neill "AAI" {x}"""
    text = site_config(tmp_path, policy(provider(title=title))).render()[HORIZON]
    names: dict[str, object] = {}
    exec(text, names)
    assert names["WEBSSO_CHOICES"] == (("credentials", "Keystone credentials"), ("egi", title))
    assert names["WEBSSO_IDP_MAPPING"] == {"egi": ("egi", "openid")}
    assert names["SESSION_COOKIE_SECURE"] is True


def test_settings_that_lack_something_name_it(tmp_path: Path):
    from p3idp.ops.site_facts import site_facts

    with pytest.raises(SettingsInvalid, match="tls_key, crypto_passphrase"):
        site_facts(policy(), settings(tmp_path, site={"tls_key": None, "crypto_passphrase": None}))


@pytest.mark.parametrize("given", ["https://keystone.test:5000", "https://keystone.test:5000/v3/"])
def test_horizon_is_told_keystones_address_with_its_version(tmp_path: Path, given: str):
    known = settings(tmp_path)
    known = known.model_copy(update={"keystone_section": known.keystone.model_copy(update={"auth_url": given})})
    facts = site_facts(policy(), known)
    text = SiteConfig(policy(), facts, JinjaRenderer(), AgreeingApache(), FileDirectory).render()[HORIZON]
    assert "OPENSTACK_KEYSTONE_URL = 'https://keystone.test:5000/v3'" in text


def test_nobody_else_can_put_files_beside_the_generated_ones(tmp_path: Path):
    """Apache reads them as root; links that lie in wait are replaced, not followed."""
    before = os.umask(0)
    try:
        out = tmp_path / "site"
        FileDirectory(out).write({"a.conf": "secret"}, frozenset({"a.conf"}))
        assert out.stat().st_mode & 0o777 == 0o755
        for name in (".a.conf.new", "a.conf"):
            (out / name).unlink(missing_ok=True)
            (out / name).symlink_to(tmp_path / "elsewhere")
        FileDirectory(out).write({"a.conf": "secret"}, frozenset({"a.conf"}))
    finally:
        os.umask(before)
    assert not (tmp_path / "elsewhere").exists()
    assert (out / "a.conf").stat().st_mode & 0o777 == 0o600


def test_keystone_is_told_to_take_a_large_mapping_in_one_request(tmp_path: Path):
    assert "max_request_body_size" not in site_config(tmp_path).render()[KEYSTONE]
    known = policy(provider())
    many = policy_from_texts(texts(60, known.site.identity_providers[0].issuers[0]))
    text = site_config(tmp_path, replace(known, communities=many.communities)).render()[KEYSTONE]
    limit = int(re.search(r"^max_request_body_size = (\d+)$", text, re.MULTILINE)[1])
    rules = compile_mapping(many, many.site.identity_providers[0], datetime(2026, 11, 22, tzinfo=UTC)).rules
    assert 2 * sent(rules) <= limit <= 8 * sent(rules)
