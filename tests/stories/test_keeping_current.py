"""Alice lets the site ask about her while she is away, sees it, and stops it; nobody else can do it for her.

The last test plays the same with every log at its loudest and nothing taken out of it: no refresh token is said or
kept in the clear.
"""

import json
import logging
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import parse_qsl, urljoin, urlsplit

import httpx
import pytest
import structlog
from chromium import PHONE, chromium, fill_in, new_person
from playwright.sync_api import Browser, Page
from webkit import leads_to

from p3idp import wiring
from p3idp.adapters.logs import redact
from p3idp.core.audit.event import person
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.errors.login import ConsentEnded
from p3idp.lab.handle import LabHandle
from p3idp.ops.offline import GIVEN, Offline
from p3idp.ports.checkin import SignedIn, SignInAttempt, SignInClient
from p3idp.ports.offline import OfflineAccess, Refresher, Traded
from p3idp.web.app import build_app, web_parts
from p3idp.web.metrics import count_remembered

KEEP = "Keep my access current while I am away"


@pytest.fixture(scope="module")
def browser(site: LabHandle) -> Iterator[Browser]:
    with chromium(site.urls.broker, site.urls.checkin) as running:
        yield running


@pytest.fixture
def offline(site: LabHandle) -> Iterator[Offline]:
    """What the site keeps: nothing before and nothing afterwards, for others use the same lab."""
    found = wiring.wire_offline(site.settings)
    assert found is not None
    end_all(found)
    yield found
    end_all(found)


def end_all(offline: Offline) -> None:
    for access in offline.consents(wiring.now()).kept:
        offline.store.end(access.provider, access.subject)


def sign_in(site: LabHandle, page: Page, login: str) -> None:
    page.goto(site.urls.broker_url)
    page.get_by_role("link", name="EGI Check-in").click()
    fill_in(page, login)
    page.wait_for_url(site.urls.broker_url + "/access")


def section(page: Page) -> str:
    return page.locator("section", has=page.get_by_role("heading", name="While you are away")).inner_text()


def test_alice_keeps_her_access_current_sees_since_when_and_stops(
    site: LabHandle, browser: Browser, offline: Offline
) -> None:
    with new_person(browser) as page:
        sign_in(site, page, "alice")
        page.get_by_role("button", name=KEEP).click()
        page.wait_for_url("**/interaction/**")
        assert "offline_access" in page.inner_text("main")
        page.get_by_role("button", name="Allow").click()
        page.wait_for_url(site.urls.broker_url + "/access")
        assert "your access is kept current" in section(page)
        assert "at least every 15 minutes" in section(page)
        page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
        assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
        [kept] = offline.consents(wiring.now()).kept
        assert offline.ask(kept, wiring.now()).claims.subject == kept.subject
        page.get_by_role("button", name="Stop").click()
        page.wait_for_url("**/access?stopped=everywhere")
        assert "Stopped" in section(page)
        assert page.get_by_role("button", name=KEEP).is_visible()
    assert offline.consents(wiring.now()).kept == ()
    with pytest.raises(ConsentEnded):
        offline.ask(kept, wiring.now())
    with pytest.raises(ConsentEnded):
        offline.refresher.trade(kept)


def test_who_denies_at_the_provider_has_kept_nothing(site: LabHandle, browser: Browser, offline: Offline) -> None:
    with new_person(browser) as page:
        sign_in(site, page, "alice")
        page.get_by_role("button", name=KEEP).click()
        page.get_by_role("button", name="Deny").click()
        page.wait_for_url("**/login/egi/callback?*")
        assert "Nothing was kept" in page.inner_text("main")
        page.goto(site.urls.broker_url + "/access")
        assert page.get_by_role("button", name=KEEP).is_visible()
    assert offline.consents(wiring.now()).kept == ()


def test_bob_at_the_provider_cannot_consent_in_alices_session(
    site: LabHandle, browser: Browser, offline: Offline
) -> None:
    with new_person(browser) as page:
        sign_in(site, page, "alice")
        page.context.clear_cookies(path=re.compile("^/auth/"))  # alice leaves the provider, bob sits down
        page.get_by_role("button", name=KEEP).click()
        fill_in(page, "bob")
        page.wait_for_url("**/login/egi/callback?*")
        assert "Somebody else agreed at the identity provider" in page.inner_text("main")
        page.goto(site.urls.broker_url + "/access")
        assert page.get_by_role("heading", level=1).inner_text() == "Alice Example"
    assert offline.consents(wiring.now()).kept == ()


@dataclass
class Eavesdropper:
    """Stands between the service and its provider, and notes every token that passes."""

    client: SignInClient
    refresher: Refresher
    heard: dict[str, str] = field(default_factory=dict, repr=False)

    def authorization_url(self, attempt: SignInAttempt) -> str:
        return self.client.authorization_url(attempt)

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        return self.client.issuer_of(provider)

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        signed_in = self.client.redeem(attempt, code, now)
        self._note(attempt.purpose, signed_in.refresh_token and signed_in.refresh_token.reveal())
        return signed_in

    def trade(self, access: OfflineAccess) -> Traded:
        traded = self.refresher.trade(access)
        self._note("refreshed", traded.refresh_token.reveal())
        self._note("refreshed access", traded.access_token.reveal())
        return traded

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        return self.refresher.believe(access, traded, now)

    def revoke(self, access: OfflineAccess) -> bool:
        return self.refresher.revoke(access)

    def _note(self, what: str, token: str | None) -> None:
        if token:
            self.heard[what] = token


@pytest.fixture
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def _agree(site: LabHandle, url: str, login: str) -> dict[str, str]:
    """Sign in and allow, as a browser would; the callback's parameters."""
    with httpx.Client(verify=site.tls, trust_env=False) as person:
        answer = person.get(url)
        while not answer.headers.get("location", "").startswith(site.urls.broker_url):
            if answer.is_redirect:
                answer = person.get(urljoin(str(answer.url), answer.headers["location"]))
            else:
                asked = {"decision": "allow"} if "Do you agree" in answer.text else {"login": login, "password": login}
                answer = person.post(answer.url, data=asked)
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def _on_disk(site: LabHandle) -> dict[str, str]:
    """Everything that the lab has on disk now, but what its providers keep of the tokens that they gave."""
    theirs = {site.layout.folder(name) for name in ("checkin", "hub")}
    files = [file for file in site.state_dir.rglob("*") if file.is_file() and not theirs & set(file.parents)]
    found = {str(file.relative_to(site.state_dir)): file.read_bytes().decode("latin-1") for file in files}
    assert {"p3idp.sqlite", "log/broker.log", "log/checkin.log", "log/keystone.log"} <= found.keys()
    return found


def _said_of(tokens: dict[str, str], places: dict[str, str]) -> dict[str, list[str]]:
    """Which tokens are told where."""
    told = {where: [what for what, token in tokens.items() if token in text] for where, text in places.items()}
    return {where: found for where, found in told.items() if found}


@pytest.mark.usefixtures("_restore_logging")
def test_no_refresh_token_reaches_a_log_the_ledger_or_the_database_in_the_clear(
    site: LabHandle, offline: Offline, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # Redaction would take most tokens out by their form: none may come so far.
    monkeypatch.setattr(redact.Redactor, "__call__", lambda self, logger, method, event: event)
    settings = site.settings
    wiring.wire_logs(settings.model_copy(update={"log": settings.log.model_copy(update={"level": "debug"})}))
    remember = wiring.wire_remembering(settings, count_remembered)
    parts = web_parts(settings, wiring.wire_policy(settings), remember, wiring.wire_limiter(settings))
    assert parts.consent
    between = Eavesdropper(parts.desk.client, parts.consent.offline.refresher)
    asking = replace(parts.consent.offline, refresher=between)
    desk = replace(parts.consent, client=between, offline=asking)
    browser = build_app(replace(parts, desk=replace(parts.desk, client=between), consent=desk)).test_client()
    begun = browser.get("/login/egi", base_url=parts.base_url)
    callback = f"{parts.base_url}/login/egi/callback"
    browser.get(callback, query_string=_agree(site, begun.location, "alice"))
    assert "sign-in" not in between.heard, "an ordinary sign-in brings none, whatever the provider gives"

    def press(button: str) -> str:
        page = browser.get("/access", base_url=parts.base_url).text
        form = re.search(rf'"/access/{button}">\s*<input type="hidden" name="(\w+)" value="(\w+)"', page)
        assert form
        reply = browser.post(f"/access/{button}", base_url=parts.base_url, data=dict([form.groups()]))
        return leads_to(reply) if button == "keep" else reply.location

    arrived = _agree(site, press("keep"), "alice")
    assert browser.get(callback, query_string=arrived).location == "/access"
    [kept] = asking.consents(wiring.now()).kept
    refreshed = asking.ask(kept, wiring.now())
    logging.getLogger("somebody.else").warning("%s and %r and %s", kept, refreshed, asking)
    places = _on_disk(site)
    assert any(kept.subject in text for where, text in places.items() if "p3idp.sqlite" in where), "in the ledger"
    with suppress(ConsentEnded):
        between.trade(kept)  # a used token: what the provider says of it is not to be quoted either
    assert press("stop").startswith("/access?stopped=")
    said = "".join(capfd.readouterr())
    assert "consent kept" in said
    assert "consent stopped" in said
    assert all(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    tokens = {**between.heard, "code": arrived["code"], "kept first": kept.refresh_token.reveal()}
    assert {"consent", "refreshed", "refreshed access"} <= tokens.keys()
    assert all(len(token) > 20 for token in tokens.values())
    places |= {f"afterwards {where}": text for where, text in _on_disk(site).items()} | {"this process": said}
    assert _said_of(tokens, places) == {}
    # The same search finds them all once they are said and written down.
    for token in tokens.values():
        logging.getLogger("somebody.else").warning("this is %s", token)
    giver = person(kept.subject, kept.issuer)
    asking.record(GIVEN, giver, kept, wiring.now(), details={"tokens": [*tokens.values()]})
    found = _said_of(tokens, {**_on_disk(site), "this process": "".join(capfd.readouterr())})
    assert found.pop("this process") == [*tokens]
    assert {what for where, told in found.items() if "p3idp.sqlite" in where for what in told} == {*tokens}
