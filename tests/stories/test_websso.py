"""The same person gets in through Keystone's own websso: Apache and mod_auth_openidc, with no p3idp in between."""

from collections.abc import Iterator

import pytest
from chromium import chromium, fill_in, new_person
from playwright.sync_api import Browser, Page

from dashboard import PATH, standing_dashboard, websso_url
from keystone_checks import KeystoneChecks
from p3idp.lab.handle import LabHandle


@pytest.fixture(scope="module")
def browser(site: LabHandle) -> Iterator[Browser]:
    with chromium(site.urls.keystone, site.urls.broker) as running:
        yield running


@pytest.fixture(scope="module")
def dashboard(site: LabHandle) -> Iterator[list[str]]:
    """The tokens that arrive where the dashboard would be."""
    with standing_dashboard(site) as tokens:
        yield tokens


@pytest.fixture(scope="module")
def alice(site: LabHandle, browser: Browser, dashboard: list[str]) -> Iterator[Page]:
    """Alice's browser, signed in by way of websso and arrived at the dashboard."""
    with new_person(browser) as page:
        page.goto(websso_url(site))
        fill_in(page, "alice")
        page.get_by_role("heading", name="Welcome").wait_for()
        yield page


def test_alice_arrives_at_the_dashboard_with_a_token_for_her_project(
    site: LabHandle, alice: Page, dashboard: list[str], keystone: KeystoneChecks
) -> None:
    assert alice.url == site.urls.horizon_url + PATH
    assert keystone.projects(dashboard[0]) == ["p3"]
    person = keystone.describe(dashboard[0])["user"]
    assert person["OS-FEDERATION"]["identity_provider"] == {"id": "egi"}
    assert person["domain"]["name"] == "egi"


def test_the_address_by_protocol_alone_leads_to_the_same_person(
    site: LabHandle, alice: Page, dashboard: list[str], keystone: KeystoneChecks
) -> None:
    before = len(dashboard)
    alice.goto(websso_url(site, provider=None))
    alice.get_by_role("heading", name="Welcome").wait_for()
    assert len(dashboard) == before + 1
    assert keystone.describe(dashboard[0])["user"]["id"] == keystone.describe(dashboard[-1])["user"]["id"]


@pytest.mark.parametrize(
    "origin",
    [
        pytest.param("https://evil.example/auth/websso/", id="another host"),
        pytest.param("https://localhost/auth/websso/", id="another port"),
        pytest.param("{own}/auth/websso", id="no slash at the end"),
        pytest.param("{own}/auth/websso/more", id="more behind it"),
    ],
)
def test_a_token_goes_to_no_other_origin(site: LabHandle, alice: Page, dashboard: list[str], origin: str) -> None:
    before = list(dashboard)
    reply = alice.goto(websso_url(site, origin.format(own=site.urls.horizon_url)))
    assert reply is not None
    assert reply.status == 401
    assert 'name="token"' not in alice.content()
    assert dashboard == before


def test_bob_without_entitlements_does_not_get_in_and_is_led_to_the_reason(
    site: LabHandle, browser: Browser, dashboard: list[str]
) -> None:
    before = list(dashboard)
    with new_person(browser) as page:
        page.goto(websso_url(site))
        with page.expect_response(lambda reply: reply.status == 401) as refusal:
            fill_in(page, "bob")
        assert refusal.value.url.startswith(site.urls.keystone_url)
        page.get_by_role("link", name="Read why, and whom to ask").click()
        page.wait_for_url(f"{site.urls.broker_url}/access")
        page.get_by_role("heading", name="What would be needed").wait_for()
    assert dashboard == before
