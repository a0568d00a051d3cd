"""Whichever way a person comes in, the tokens from the other ways stay valid.

Since Keystone 29 a login that brings another set of groups ends all earlier tokens of that person. So every client
asks the same scopes, the policy's. Dave shows it best: one of his two groups hangs on a claim with a scope of its own.
"""

from collections.abc import Iterator
from time import sleep

import pytest
from chromium import chromium, fill_in, new_person
from dashboard import standing_dashboard, websso_url
from keystone_checks import KeystoneChecks
from playwright.sync_api import Browser
from ways_in import A_SECOND, as_the_broker_does, by_command_line

from p3idp.lab.handle import LabHandle
from p3idp.lab.sign_in import SCOPES
from p3idp.wiring import wire_policy


@pytest.fixture(scope="module")
def browser(site: LabHandle) -> Iterator[Browser]:
    with chromium(site.urls.keystone) as running:
        yield running


def test_tokens_by_browser_by_dashboard_and_by_command_line_live_side_by_side(
    site: LabHandle, browser: Browser, keystone: KeystoneChecks
) -> None:
    ways = {"browser": as_the_broker_does(site, "dave")}
    sleep(A_SECOND)
    ways["dashboard"] = _by_dashboard(site, browser)
    sleep(A_SECOND)
    ways["command line"] = by_command_line(site, "dave")
    sleep(A_SECOND)
    ways["browser again"] = as_the_broker_does(site, "dave")
    assert {way: keystone.is_valid(token) for way, token in ways.items()} == dict.fromkeys(ways, True)
    assert len({keystone.describe(token)["user"]["id"] for token in ways.values()}) == 1


def test_signing_in_at_the_broker_ends_no_token(site: LabHandle, browser: Browser, keystone: KeystoneChecks) -> None:
    earlier = as_the_broker_does(site, "dave")
    sleep(A_SECOND)
    with new_person(browser) as page:
        page.goto(f"{site.urls.broker_url}/login/egi")
        fill_in(page, "dave")
        page.wait_for_url(f"{site.urls.broker_url}/access")
        assert "training" in page.inner_text("main")
    assert keystone.is_valid(earlier)


def test_a_client_that_asks_less_would_end_the_others_tokens(site: LabHandle, keystone: KeystoneChecks) -> None:
    """The control: without it, the tests above could pass on a Keystone that revokes nothing."""
    earlier = as_the_broker_does(site, "dave")
    fewer = " ".join(scope for scope in SCOPES.split() if scope != "eduperson_assurance")
    sleep(A_SECOND)
    assert keystone.federated_login(site.token("dave", scopes=fewer)).status_code == 201
    try:
        assert not keystone.is_valid(earlier)
    finally:
        as_the_broker_does(site, "dave")  # for whoever signs dave in next: his groups are whole again


def test_all_clients_ask_the_scopes_of_the_policy(site: LabHandle) -> None:
    scopes = wire_policy(site.settings).site.provider("egi").scopes
    assert set(SCOPES.split()) == set(scopes)
    assert f'OIDCScope "{" ".join(scopes)}"' in (site.layout.site / "apache.conf").read_text()


def _by_dashboard(site: LabHandle, browser: Browser) -> str:
    with standing_dashboard(site) as tokens, new_person(browser) as page:
        page.goto(websso_url(site))
        fill_in(page, "dave")
        page.get_by_role("heading", name="Welcome").wait_for()
    (token,) = tokens
    return token
