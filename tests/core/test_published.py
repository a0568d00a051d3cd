"""What a broker says of itself: which provider and client, and what it keeps to itself."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from exchange_world import ISSUER, a_policy, a_provider

from p3idp.core.exchange.published import command_line_client, protected_resource
from p3idp.core.policy.model import IdentityProvider, ProviderId, Site

HUB = a_provider(id=ProviderId("hub"), issuers=("https://hub.test", "https://old.hub.test"), protocol="mapped",
                 issuing_clients=("hub-cli",), keystone_url="https://keystone.test:5001")  # fmt: skip
JOBS = a_provider(id=ProviderId("ci"), issuers=("https://ci.test",), audiences=("p3idp",), by_keys=True)


def site(*providers: IdentityProvider) -> Site:
    return replace(a_policy(a_provider()).site, identity_providers=providers or (a_provider(),))


def told(clients: Mapping[str, str], *providers: IdentityProvider) -> Mapping[str, object]:
    return protected_resource(site(*providers), clients, "https://broker.test/", "https://keystone.test")


def test_everything_that_a_sign_in_needs_is_told():
    assert told({"egi": "p3idp-cli"}) == {
        "resource": "https://broker.test",
        "resource_name": "Lab",
        "authorization_servers": [ISSUER],
        "scopes_supported": ["openid"],
        "bearer_methods_supported": ["header"],
        "p3idp_client_id": "p3idp-cli",
        "openstack_auth_url": "https://keystone.test/v3",
        "openstack_identity_provider": "egi",
        "openstack_protocol": "openid",
    }


@pytest.mark.parametrize(
    ("clients", "providers", "provider", "client"),
    [
        ({"egi": "p3idp-cli", "hub": "hub-cli"}, ("hub", "egi"), "hub", "hub-cli"),
        ({"egi": "p3idp-cli"}, ("hub", "egi"), "egi", "p3idp-cli"),
        ({"elsewhere": "x"}, ("hub", "egi"), "hub", None),
        ({"egi": "p3idp"}, ("egi",), "egi", None),
        ({"egi": "p3idp", "hub": "hub-cli"}, ("egi", "hub"), "egi", None),
        ({"ci": "p3idp-cli", "egi": "p3idp-cli"}, ("ci", "egi"), "egi", "p3idp-cli"),
        ({}, ("ci", "egi"), "egi", None),
        ({}, ("ci",), None, None),
    ],
    ids=["the policy's first of two", "the one with a client", "without a client the first", "a client not listed",
         "not listed, and no silent way to the next", "nobody signs in with keys", "nor is told of them", "nobody"],
)  # fmt: skip
def test_the_first_provider_with_a_client_is_told_and_only_a_client_that_the_policy_honours(
    clients: Mapping[str, str], providers: tuple[str, ...], provider: str | None, client: str | None
):
    known = {"egi": a_provider(), "hub": HUB, "ci": JOBS}
    document = told(clients, *(known[name] for name in providers))
    assert document.get("openstack_identity_provider") == provider
    assert document.get("p3idp_client_id") == client
    assert ("authorization_servers" in document) == (provider is not None)


def test_a_provider_with_an_address_of_its_own_at_keystone_is_told_with_it():
    assert told({"hub": "hub-cli"}, HUB)["openstack_auth_url"] == "https://keystone.test:5001/v3"


def test_audiences_do_not_make_a_client_one_of_the_policys():
    addressed = a_provider(issuing_clients=(), audiences=("p3idp",))
    assert "p3idp_client_id" not in told({"egi": "p3idp-cli"}, addressed)


def test_what_is_wrong_is_told_by_name():
    client = command_line_client(site(), {"egi": "p3idp"})
    assert client is not None
    assert not client.is_listed
    assert "p3idp as command_line_client at egi" in client.trouble
