"""People in a real browser, at the real broker, with the real Check-in stand-in and Keystone behind it."""

import os
import re
import signal
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from chromium import PHONE, chromium, fill_in, new_person
from playwright.sync_api import Browser, Page

from p3idp.lab import supervision
from p3idp.lab.handle import LabHandle
from p3idp.settings.secret_ref import known_secrets

SESSION = "__Host-p3idp"
HUB = """
  hub:
    title: The other hub
    issuers: [{issuer}]
    protocol: openid
    scopes: [openid, profile, email, voperson_id, eduperson_entitlement, entitlements, eduperson_assurance]
    authorization_ttl: 8h
    issuing_clients: [p3idp]
    claims:
      subject: voperson_id
      entitlements: [entitlements, eduperson_entitlement]
      assurance: eduperson_assurance
"""


@pytest.fixture(scope="module")
def browser(site: LabHandle) -> Iterator[Browser]:
    with chromium(site.urls.broker, site.urls.checkin, site.urls.hub) as running:
        yield running


def sign_in(site: LabHandle, page: Page, login: str) -> None:
    page.goto(site.urls.broker_url)
    page.get_by_role("link", name="EGI Check-in").click()
    fill_in(page, login)
    page.wait_for_url(site.urls.broker_url + "/access")


def column(page: Page, heading: str) -> str:
    return page.locator("section", has=page.get_by_role("heading", name=heading)).inner_text()


def test_alice_sees_her_project_in_both_columns_and_looks_again_without_a_password(
    site: LabHandle, browser: Browser
) -> None:
    with new_person(browser) as page:
        sign_in(site, page, "alice")
        assert page.get_by_role("heading", level=1).inner_text() == "Alice Example"
        policy, keystone = column(page, "What the policy gives you"), column(page, "What Keystone holds now")
        for part in (
            "p3 in domain egi",
            "member",
            "EGI Applications on Demand",
            "group:vo.access.egi.eu:role=vm_operator",
        ):
            assert part in policy
        assert "p3 in domain egi" in keystone
        assert "member" in keystone
        assert "differ" not in page.inner_text("main")
        before = page.context.cookies(site.urls.broker_url)
        page.get_by_role("link", name="Look again").click()
        page.wait_for_url(site.urls.broker_url + "/access")
        assert page.context.cookies(site.urls.broker_url) != before, "it is a session of its own"
        assert "p3" in column(page, "What Keystone holds now")


def test_bob_reads_why_not_and_whom_to_ask_and_keystones_log_has_his_request(site: LabHandle, browser: Browser) -> None:
    with new_person(browser) as page:
        with page.expect_response(re.compile("/login/egi/callback")) as callback:
            sign_in(site, page, "bob")
        text = page.inner_text("main")
        assert "You have no access here yet." in text
        assert "EGI Check-in did not say that you are a member of any group" in text
        assert "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator" in text
        assert page.locator('a[href="mailto:applications-platform-support@example.org"]').count() == 1
        assert page.locator('a[href="mailto:cloud-support@example.org"]').count() >= 1
    # Keystone logs logins that it refuses; with that line it names the request that led there.
    request_id = callback.value.headers["x-request-id"]
    for log in ("keystone", "broker"):
        assert request_id in site.layout.log(log).read_text(), log
    assert request_id in str(_ledger(site))


@pytest.mark.parametrize(
    ("login", "reads"),
    [("erin", "malformed"), ("dave", "60 entitlements"), ("taro", "山田 太郎")],
)
def test_everyone_fits_on_a_phone(site: LabHandle, browser: Browser, login: str, reads: str) -> None:
    with new_person(browser, phone=True) as page:
        sign_in(site, page, login)
        assert reads in page.inner_text("main")
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_signing_out_ends_the_session_and_the_old_cookie_is_refused(site: LabHandle, browser: Browser) -> None:
    with new_person(browser) as page:
        sign_in(site, page, "alice")
        [old] = [cookie for cookie in page.context.cookies() if cookie["name"] == SESSION]
        assert (old["secure"], old["httpOnly"], old["sameSite"], old["path"]) == (True, True, "Lax", "/")
        page.get_by_role("button", name="Sign out").click()
        page.get_by_role("status").wait_for()
        assert not [cookie for cookie in page.context.cookies() if cookie["name"] == SESSION]
        page.context.add_cookies([old])
        page.goto(site.urls.broker_url + "/access")
        assert page.url == site.urls.broker_url + "/"


def test_without_script_everything_is_there(site: LabHandle, browser: Browser) -> None:
    context = browser.new_context(java_script_enabled=False)
    try:
        page = context.new_page()
        page.goto(site.urls.broker_url)
        assert page.get_by_role("link", name="EGI Check-in").is_visible()
        assert page.locator("script").count() == 0
    finally:
        context.close()


@pytest.fixture
def second_provider(site: LabHandle) -> Iterator[None]:
    """The policy names one provider more, and the broker reads it; nothing else is touched."""
    file = site.settings.policy_dir / "site.yaml"
    before = file.read_text(encoding="utf-8")
    # The other cloud of the example signs its people in there: an issuer has one provider.
    differs, aside = site.settings.policy_dir / "environments", site.layout.state / "environments-aside"
    differs.rename(aside)
    file.write_text(before.rstrip("\n") + HUB.format(issuer=site.urls.hub_issuer), encoding="utf-8")
    try:
        _reload(site, "The other hub")
        yield
    finally:
        file.write_text(before, encoding="utf-8")
        aside.rename(differs)
        _reload(site, "Sign in with EGI Check-in")


def _reload(site: LabHandle, until_front_page_says: str) -> None:
    states = supervision.states(site.layout)
    assert states is not None
    os.kill(states["broker"].pid, signal.SIGHUP)
    deadline = time.monotonic() + 20
    with httpx.Client(verify=site.tls, trust_env=False) as http:
        # Several in a row: while old workers finish, both answer.
        seen = 0
        while seen < 4 and time.monotonic() < deadline:
            seen = seen + 1 if until_front_page_says in http.get(site.urls.broker_url).text else 0
            time.sleep(0.2)
    assert seen == 4


@pytest.mark.usefixtures("second_provider")
def test_a_second_provider_is_offered_and_works_by_configuration_alone(site: LabHandle, browser: Browser) -> None:
    with new_person(browser) as page:
        page.goto(site.urls.broker_url)
        assert page.get_by_role("link", name="EGI Check-in").is_visible()
        page.get_by_role("link", name="The other hub").click()
        fill_in(page, "alice")
        page.wait_for_url(site.urls.broker_url + "/access")
        assert "What The other hub said of you" in page.inner_text("main")
        assert site.urls.hub_issuer in page.inner_text("main")


def _ledger(site: LabHandle) -> list[tuple[object, ...]]:
    with sqlite3.connect(f"file:{_database(site)}?mode=ro", uri=True) as connection:
        return connection.execute("SELECT * FROM ledger").fetchall()


def _database(site: LabHandle) -> Path:
    return Path(site.settings.store.url.removeprefix("sqlite:///"))


def test_no_secret_of_a_sign_in_is_left_anywhere(site: LabHandle, browser: Browser) -> None:
    pages = []
    with new_person(browser) as page:
        with page.expect_response(re.compile("/login/egi/callback")) as callback:
            sign_in(site, page, "alice")
        pages.append(page.content())
        session = next(cookie["value"] for cookie in page.context.cookies() if cookie["name"] == SESSION)
        returned = dict(re.findall(r"(code|state)=([^&]+)", callback.value.url))
        # An error with the code in its query, too.
        page.goto(callback.value.url)
        pages.append(page.content())
    secrets = {*known_secrets(site.settings), session, *returned.values()}
    assert len(secrets) >= 6
    outputs = {log: site.layout.log(log).read_bytes() for log in ("broker", "keystone", "apache", "supervisord")}
    for suffix in ("", "-wal"):
        file = Path(f"{_database(site)}{suffix}")
        outputs[file.name] = file.read_bytes() if file.exists() else b""
    outputs |= {f"page {number}": text.encode() for number, text in enumerate(pages)}
    hits = [name for name, content in outputs.items() for secret in secrets if secret.encode() in content]
    assert hits == []
    for name in ("broker", "p3idp.sqlite", "p3idp.sqlite-wal", "page 0", "page 1"):
        assert not re.search(rb"eyJ[\w-]{10,}\.eyJ", outputs.get(name, b"")), f"a token in {name}"
    states = supervision.states(site.layout)
    assert states is not None
    told = b"".join(Path(f"/proc/{states['broker'].pid}/{what}").read_bytes() for what in ("cmdline", "environ"))
    assert b"serve" in told
    assert not any(secret.encode() in told for secret in secrets)
