"""Which provider gets which door, and what is refused on the way into the files."""

from dataclasses import replace
from pathlib import Path

import pytest
from site_world import HUB, policy, provider, settings

from p3idp.core.site.describe import describe
from p3idp.core.site.model import SiteFacts
from p3idp.core.site.versions import ModuleVersion
from p3idp.errors.site import ConfigurationRefused
from p3idp.ops.site_facts import site_facts

DEBIAN = ModuleVersion(2, 4, 12, 3)


@pytest.fixture
def facts(tmp_path: Path) -> SiteFacts:
    return replace(site_facts(policy(), settings(tmp_path)), install_dir="/etc/p3idp")


@pytest.fixture
def both(tmp_path: Path) -> SiteFacts:
    known = policy(provider(), provider("hub", HUB))
    return replace(site_facts(known, settings(tmp_path)), install_dir="/etc/p3idp")


def test_without_named_clients_tokens_are_not_taken(facts: SiteFacts):
    closed = describe(policy(provider(issuing_clients=(), audiences=())), facts, DEBIAN)
    assert not closed.hosts[0].token_login
    assert describe(policy(), facts, DEBIAN).hosts[0].token_login


def test_a_second_provider_with_an_address_of_its_own_gets_a_virtual_host(both: SiteFacts):
    hub = provider("hub", HUB, keystone_url="https://keystone.test:5001/v3")
    first, second = describe(policy(provider(), hub), both, DEBIAN).hosts
    assert (first.listen, second.listen) == ("192.0.2.1:5000", "192.0.2.1:5001")
    assert second.redirect_uri == "https://keystone.test:5001/v3/redirect_uri"
    assert second.opens_port


def test_a_second_name_on_one_port_listens_once(both: SiteFacts):
    hub = provider("hub", HUB, keystone_url="https://keystone-hub.test:5000/v3")
    first, second = describe(policy(provider(), hub), both, DEBIAN).hosts
    assert first.listen == second.listen
    assert [first.opens_port, second.opens_port] == [True, False]


def test_a_second_provider_without_an_address_is_named_as_unserved(both: SiteFacts):
    site = describe(policy(provider(), provider("hub", HUB)), both, DEBIAN)
    assert [p.id for p in site.unserved] == ["hub"]


def test_two_providers_at_one_address_are_refused(both: SiteFacts):
    hub = provider("hub", HUB, keystone_url="https://keystone.test:5000/v3")
    with pytest.raises(ConfigurationRefused, match="share"):
        describe(policy(provider(), hub), both, DEBIAN)


def test_a_path_in_front_of_v3_is_kept(facts: SiteFacts):
    host = describe(policy(), replace(facts, keystone_url="https://cloud.test/identity/v3"), DEBIAN).hosts[0]
    assert host.bearer_path == "/identity/v3/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
    assert host.redirect_uri == "https://cloud.test/identity/v3/redirect_uri"


@pytest.mark.parametrize(
    "change",
    [
        {"scopes": ('openid" \n Require all granted',)},
        {"scopes": ("two words",)},
        {"issuers": ("http://idp.test/auth/realms/egi",)},
        {"issuers": ('https://idp.test/"',)},
        {"issuing_clients": ('x"\nRequire all granted',)},
        {"audiences": ("a\\",)},
        {"protocol": "../auth"},
        {"id": "egi/../x"},
        {"title": "two\nlines"},
    ],
    ids=str,
)
def test_a_policy_cannot_bring_a_directive_of_its_own(facts: SiteFacts, change: dict[str, object]):
    with pytest.raises(ConfigurationRefused):
        describe(
            policy(provider(**change)),
            replace(facts, clients={str(change.get("id", "egi")): facts.clients["egi"]}),
            DEBIAN,
        )


@pytest.mark.parametrize(
    "change",
    [
        {"listen": "nowhere"},
        {"listen": '1.2.3.4:5000>\n"'},
        {"upstream": "http://127.0.0.1:5000"},
        {"upstream": "unix:relative|uwsgi://keystone"},
        {"tls_cert": '/a"\nSSLEngine off'},
        {"trusted_dashboards": ("https://dashboard.test/auth/websso",)},
        {"trusted_dashboards": ("http://dashboard.test/auth/websso/",)},
        {"callback_template": "relative.html"},
        {"keystone_url": "http://keystone.test:5000/v3"},
    ],
    ids=str,
)
def test_settings_cannot_either(facts: SiteFacts, change: dict[str, object]):
    with pytest.raises(ConfigurationRefused):
        describe(policy(), replace(facts, **change), DEBIAN)  # type: ignore[arg-type]  # a table of hostile values


def test_plain_http_is_for_programs_on_loopback(facts: SiteFacts):
    local = ("http://localhost:9990/auth/websso/",)
    assert describe(policy(), replace(facts, trusted_dashboards=local), DEBIAN).facts.trusted_dashboards == local


def test_a_provider_without_apaches_client_is_refused_with_the_setting_to_add(facts: SiteFacts):
    with pytest.raises(ConfigurationRefused, match="client Keystone's Apache is") as caught:
        describe(policy(), replace(facts, clients={}), DEBIAN)
    assert "keystone_client_id" in caught.value.hint


def test_an_older_module_than_any_we_know_is_refused(facts: SiteFacts):
    with pytest.raises(ConfigurationRefused, match="older"):
        describe(policy(), facts, ModuleVersion(2, 4, 9))
