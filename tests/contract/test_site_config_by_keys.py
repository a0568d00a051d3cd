"""What is generated for a provider that is verified by its keys: a virtual host of its own, without any secret."""

from pathlib import Path

import pytest
import trustme
from site_world import AgreeingApache, policy, provider, settings

from p3idp.adapters.apache.installed import InstalledApache
from p3idp.adapters.config_directory import FileDirectory
from p3idp.adapters.templates import JinjaRenderer
from p3idp.core.policy.model import ClaimNames
from p3idp.core.site.apache_text import SourceFile, read_apache
from p3idp.core.site.chain_provider import judge_discovery
from p3idp.core.site.findings import Status
from p3idp.core.site.lint_apache import lint_apache
from p3idp.core.site.versions import ModuleVersion
from p3idp.errors.site import ConfigurationRefused
from p3idp.ops.site_config import APACHE, HORIZON, SiteConfig
from p3idp.ops.site_facts import site_facts
from p3idp.settings import Settings

FORGE = "https://forge.example.org"
KEYS = f"{FORGE}/oauth/discovery/keys"
CI = provider(
    "ci", FORGE, claims=ClaimNames(entitlements=()), scopes=(), issuing_clients=(), audiences=("https://b.test/x",),
    keystone_url="https://keystone.test:5001", by_keys=True,
)  # fmt: skip


def generator(
    root: Path, ci: object = CI, jwks_url: str | None = KEYS, apache: object = None, **tls: str
) -> SiteConfig:
    given = settings(root, site=tls)
    own = given.providers["hub"].model_copy(update={"client_id": None, "client_secret": None, "jwks_url": jwks_url})
    own = own.model_copy(update={"keystone_client_id": None, "keystone_client_secret": None})
    known: Settings = given.model_copy(update={"providers": {"egi": given.providers["egi"], "ci": own}})
    both = policy(provider(), ci)  # type: ignore[arg-type]  # a changed one
    return SiteConfig(both, site_facts(both, known), JinjaRenderer(), apache or AgreeingApache(), FileDirectory)  # type: ignore[arg-type]  # as its port


@pytest.mark.parametrize("version", ["2.4.12.3", "2.4.19.1", "2.4.20.3"])
def test_it_has_a_host_of_its_own_that_asks_nobody(tmp_path: Path, version: str):
    files = generator(tmp_path).render(version)
    host = files[APACHE].split("# ---- Identity provider ci")[1]
    assert "<VirtualHost 192.0.2.1:5001>" in host
    lines = {line.strip() for line in host.splitlines()}
    assert {f'OIDCOAuthVerifyJwksUri "{KEYS}"', "AuthType oauth20", "OIDCOAuthRemoteUserClaim sub"} <= lines
    for word in ("Introspection", "OIDCClientID", "OIDCRedirectURI", "openid-connect", "apache-secrets", "OIDCScope"):
        assert not [line for line in lines if word in line and not line.startswith("#")], word
    assert "apache-secrets-ci.conf" not in files
    assert "ci" not in files[HORIZON].split("WEBSSO_CHOICES")[1].split(")\n)")[0].split('"')
    if version != "2.4.19.1":  # which cannot ask for a claim here; Keystone's mapping does
        assert {f'Require claim "iss:{FORGE}"', 'Require claim "aud:https://b.test/x"',
                'Require claim "typ~^(?!ID$)"',
                'Require claim "aud~^(?!(?:https://b[.]test/x)$)"'} <= lines  # fmt: skip


def test_other_providers_doors_are_closed_on_its_host(tmp_path: Path):
    text = generator(tmp_path).render()[APACHE]
    first, host = text.split("# ---- Identity provider ci")
    closed = host.split("<LocationMatch ")[1].split("</LocationMatch>")[0]
    assert "Require all denied" in closed
    assert "LocationMatch" not in first
    own = first.split('identity_providers/ci/protocols/openid/auth">')[1].split("</Location>")[0]
    assert own.split() == ["Require", "all", "denied"], "and its own on the others'"
    assert host.index("LocationMatch") < host.index('<Location "/v3/OS-FEDERATION/identity_providers/ci/'), (
        "later counts"
    )


def test_apache_accepts_it(tmp_path: Path):
    issued = trustme.CA().issue_cert("keystone.test")
    issued.cert_chain_pems[0].write_to_path(str(tmp_path / "server.pem"))
    issued.private_key_pem.write_to_path(str(tmp_path / "server.key"))
    tls = {"tls_cert": str(tmp_path / "server.pem"), "tls_key": str(tmp_path / "server.key")}
    assert generator(tmp_path, apache=InstalledApache(), **tls).write(tmp_path / "out").checked


@pytest.mark.parametrize("jwks_url", [None, "http://forge.example.org/keys", "https://forge.example.org/ke ys"])
def test_without_a_sound_address_of_its_keys_nothing_is_written(tmp_path: Path, jwks_url: str | None):
    with pytest.raises(ConfigurationRefused) as refused:
        generator(tmp_path, jwks_url=jwks_url).write(tmp_path / "out")
    assert "keys" in refused.value.detail
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("audience", ["a|b", "x)", "a+b", ".*?", "a b", "^", "$"])
def test_an_audience_that_is_a_pattern_is_refused(tmp_path: Path, audience: str):
    from dataclasses import replace

    with pytest.raises(ConfigurationRefused, match="audience"):
        generator(tmp_path, replace(CI, audiences=(audience,))).render()


def test_the_doctor_wants_no_more_of_it_than_its_keys():
    document = {"issuer": FORGE, "jwks_uri": KEYS}
    assert {found.status for found in judge_discovery(CI, FORGE, document)} == {Status.OK}
    elsewhere = {"issuer": FORGE, "jwks_uri": "https://elsewhere.example.org/keys"}
    assert Status.FAIL in {found.status for found in judge_discovery(CI, FORGE, elsewhere)}


def test_the_doctor_knows_its_virtual_host_and_how_it_verifies(tmp_path: Path):
    good = generator(tmp_path).render()[APACHE]

    def judged(text: str) -> dict[str, Status]:
        read = read_apache(SourceFile(APACHE, text), lambda pattern: [])
        return {found.check: found.status for found in lint_apache(read, [CI], ModuleVersion(2, 4, 12, 3))}

    assert set(judged(good).values()) == {Status.OK}
    keys = f'OIDCOAuthVerifyJwksUri "{KEYS}"'
    assert judged(good.replace(keys, ""))["apache-keys"] is Status.FAIL
    asking = 'OIDCOAuthIntrospectionEndpoint "https://forge.example.org/oauth/introspect"'
    assert judged(good.replace(keys, f"{keys}\n{asking}"))["apache-keys"] is Status.FAIL
    assert judged(good.replace("AuthType oauth20", "AuthType openid-connect")) == {"apache-provider": Status.FAIL}
