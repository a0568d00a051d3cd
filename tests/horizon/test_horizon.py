"""The four steps of SDP Memo 069, figure 2: open Horizon, choose Check-in, sign in there, work in the project.

With P3IDP_PICTURES=1 each step is kept as a picture in docs/pictures.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from time import sleep

import pytest
from chromium import chromium, fill_in, new_person
from dashboard import websso_url
from keystone_checks import KeystoneChecks
from playwright.sync_api import Browser, Page, Request
from ways_in import A_SECOND, as_the_broker_does, by_command_line

from p3idp.lab.handle import LabHandle

PICTURES = Path(__file__).parents[2] / "docs" / "pictures"


@pytest.fixture(scope="module")
def browser(site: LabHandle) -> Iterator[Browser]:
    with chromium(site.urls.horizon) as running:
        yield running


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with new_person(browser) as page:
        page.set_viewport_size({"width": 1280, "height": 800})
        page.set_default_timeout(30_000)  # Horizon's first page takes its time
        yield page


def test_alice_goes_from_horizon_through_check_in_to_her_project(site: LabHandle, page: Page) -> None:
    page.goto(site.urls.horizon_url)
    how = page.get_by_label("Authenticate using")
    assert how.locator("option").all_inner_texts() == ["Keystone credentials", "EGI Check-in"]
    assert how.input_value() == "egi"  # what most people want is chosen already
    how.select_option("credentials")
    page.get_by_label("User Name").wait_for()
    _keep(page, "1-horizon")

    how.select_option("EGI Check-in")
    page.get_by_label("User Name").wait_for(state="hidden")
    how.focus()
    _keep(page, "2-choose")

    page.get_by_role("button", name="Sign In").click()
    page.wait_for_url(f"{site.urls.issuer.removesuffix('/auth/realms/egi')}/**")
    page.get_by_label("Login").fill("alice")
    page.get_by_label("Password").fill("alice")
    _keep(page, "3-sign-in")

    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{site.urls.horizon_url}/project/api_access/")
    assert page.locator(".context-project").first.inner_text() == "p3"
    assert page.locator(".user-name").first.inner_text() == _id_of(site, "alice")
    assert site.urls.keystone_url in page.get_by_role("row").filter(has_text="Identity").inner_text()
    assert page.locator(".alert-danger").count() == 0
    page.wait_for_load_state("networkidle")
    _keep(page, "4-project")


def test_bob_without_entitlements_reads_that_keystone_refused_and_where_the_reason_stands(
    site: LabHandle, page: Page
) -> None:
    _choose_check_in(site, page)
    with page.expect_response(lambda reply: reply.status == 401) as refusal:
        fill_in(page, "bob")
    assert refusal.value.url.startswith(site.urls.keystone_url)
    assert page.get_by_role("link", name="Read why, and whom to ask").count() == 1
    page.goto(f"{site.urls.horizon_url}/project/api_access/")
    assert "/auth/login/" in page.url


@pytest.mark.parametrize("origin", ["https://evil.example/auth/websso/", "https://127.0.0.1:{port}/auth/websso/"])
def test_a_horizon_that_keystone_does_not_trust_gets_no_token(site: LabHandle, page: Page, origin: str) -> None:
    page.goto(websso_url(site, origin.format(port=site.urls.horizon)))
    with page.expect_response(lambda reply: reply.status == 401) as refusal:
        fill_in(page, "alice")
    assert refusal.value.url.startswith(site.urls.keystone_url)
    assert "token" not in page.inner_text("body")


def test_broker_horizon_and_command_line_leave_each_others_tokens_alone(
    site: LabHandle, page: Page, keystone: KeystoneChecks
) -> None:
    posted: list[str] = []
    page.on("request", lambda request: posted.extend(_token_in(request)))
    ways = {"browser": as_the_broker_does(site, "dave")}
    sleep(A_SECOND)
    _choose_check_in(site, page)
    fill_in(page, "dave")
    page.wait_for_url(f"{site.urls.horizon_url}/project/api_access/")
    (ways["Horizon"],) = posted
    sleep(A_SECOND)
    ways["command line"] = by_command_line(site, "dave")
    sleep(A_SECOND)
    ways["browser again"] = as_the_broker_does(site, "dave")

    assert {way: keystone.is_valid(token) for way, token in ways.items()} == dict.fromkeys(ways, True)
    assert len({keystone.describe(token)["user"]["id"] for token in ways.values()}) == 1
    page.reload()
    assert page.url == f"{site.urls.horizon_url}/project/api_access/", "Horizon asks to sign in again"


def _choose_check_in(site: LabHandle, page: Page) -> None:
    page.goto(site.urls.horizon_url)
    page.get_by_label("Authenticate using").select_option("EGI Check-in")
    page.get_by_role("button", name="Sign In").click()
    page.get_by_label("Login").wait_for()


def _id_of(site: LabHandle, login: str) -> str:
    """What Check-in calls a person; Keystone, and so Horizon, call them the same."""
    people = {person["login"]: person for person in site.control().people()}
    return str(people[login]["voperson_id"])


def _token_in(request: Request) -> list[str]:
    """The token that Keystone's callback page posts to Horizon."""
    if request.method != "POST" or not request.url.endswith("/auth/websso/"):
        return []
    return [request.post_data_json["token"]]


def _keep(page: Page, step: str) -> None:
    if os.environ.get("P3IDP_PICTURES") == "1":
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"horizon-{step}.png")
