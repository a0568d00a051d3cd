"""Keep my access current while I am away: the button, the trip to the provider, what is kept, and stopping it."""

from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from webkit import BASE, Door, get, leads_to, policy, provider, text_of

from p3idp.core.audit.event import Outcome
from p3idp.core.login.callback import Callback
from p3idp.core.login.session import SessionId
from p3idp.core.policy.model import ProviderId, Suspension
from p3idp.errors.offline import ConsentRefused
from p3idp.web.cookies import ATTEMPT
from p3idp.web.form_token import FIELD, form_token

ALICE = (ProviderId("egi"), "alice@egi.eu")


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def browser(door: Door) -> FlaskClient:
    signed_in = door.browser()
    door.sign_in(signed_in)
    return signed_in


def test_the_page_says_how_access_is_kept_current_and_offers_more(browser: FlaskClient) -> None:
    said = text_of(get(browser, "/access"))
    assert "Signing in keeps your access current, for 8 hours each time" in said
    assert "at least every 15 minutes whether you are still a member, for 365 days at most" in said
    assert "Keep my access current while I am away" in said


def test_where_no_key_is_named_nothing_is_offered_and_nothing_can_be_kept() -> None:
    door = Door(consents=False)
    browser = door.browser()
    door.sign_in(browser)
    page = get(browser, "/access")
    assert "Signing in keeps your access current, for 8 hours each time" in text_of(page)
    assert "/access/keep" not in page.text
    [session_id] = door.sessions.held
    for button in ("keep", "stop"):
        form = {FIELD: form_token(session_id)}
        assert browser.post(f"/access/{button}", base_url=BASE, data=form).status_code == 404


def test_the_button_leads_to_the_provider_by_a_page_that_a_form_may_end_on(door: Door, browser: FlaskClient) -> None:
    """Browsers hold redirects after a form against form-action, and a provider may send people on to other hosts."""
    reply = door.press(browser, "keep")
    assert (reply.status_code, reply.location) == (200, None)
    url = leads_to(reply)
    assert urlsplit(url).netloc == "egi.example.org"
    assert parse_qs(urlsplit(url).query)["for"] == ["consent"]
    assert reply.text.count(url.replace("&", "&amp;")) == 2, "and a link for who follows no refresh"
    assert "form-action 'self'" in reply.headers["Content-Security-Policy"]
    [cookie] = reply.headers.getlist("Set-Cookie")
    assert cookie.startswith(ATTEMPT)
    assert not door.consents.held
    assert not door.spent.spent or len(door.spent.spent) == 1, "only the sign-in was spent"


def test_who_agrees_comes_back_to_a_page_that_says_since_when_and_how_often(door: Door, browser: FlaskClient) -> None:
    reply = door.consent(browser)
    assert (reply.status_code, reply.location) == (303, "/access")
    [kept] = door.consents.held.values()
    assert (kept.provider, kept.subject, kept.issuer) == (*ALICE, "https://egi.example.org")
    assert (kept.consented_at, kept.asked_at) == (door.clock(), door.clock())
    said = text_of(get(browser, "/access"))
    assert "Since 22 November 2026 your access is kept current" in said
    assert "at least every 15 minutes" in said
    assert "Last asked 22 November 2026, 09:00 UTC" in said
    assert "Until 22 November 2027, or until you stop it" in said
    assert "Keep my access current" not in said
    assert "longer ago" not in said


def test_a_session_goes_on_as_it_was(door: Door, browser: FlaskClient) -> None:
    before = dict(door.sessions.held)
    reply = door.consent(browser)
    assert dict(door.sessions.held) == before
    assert "__Host-p3idp=" not in str(reply.headers)
    assert not [cookie for cookie in browser._cookies.values() if cookie.key.startswith(ATTEMPT)]


def test_a_page_that_promises_more_than_happens_says_so(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    door.clock.forward(minutes=16)
    assert "It was last asked longer ago than that." in text_of(get(browser, "/access"))


def test_the_ledger_holds_who_consented_and_who_stopped_and_no_token(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    door.press(browser, "stop")
    given, ended = door.ledger.events[1:]
    assert (given.action, given.outcome, given.target[1]) == (
        "allow/consent",
        Outcome.SUCCESS,
        "alice@egi.eu@https://egi.example.org",
    )
    assert (ended.action, ended.reason, ended.details["ended"]) == ("revoke/consent", "stopped", "everywhere")
    assert given.actor == ended.actor
    assert given.request_id.startswith("req-")
    assert "refresh-token" not in repr(door.ledger.events)


def test_stopping_ends_it_here_and_at_the_provider(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    [kept] = door.consents.held.values()
    reply = door.press(browser, "stop")
    assert (reply.status_code, reply.location) == (303, "/access?stopped=everywhere")
    assert not door.consents.held
    assert door.provider.revoked == [kept.refresh_token.reveal()]
    said = text_of(browser.get(reply.location, base_url=BASE))
    assert "Stopped: EGI Check-in is not asked about you any more." in said
    assert "could not be told" not in said
    assert "Keep my access current while I am away" in said


def test_stopping_works_while_the_provider_is_down_and_says_what_remains(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    door.provider.down = True
    reply = door.press(browser, "stop")
    assert not door.consents.held
    assert "It could not be told of that" in text_of(browser.get(reply.location, base_url=BASE))


def test_nobody_is_told_that_it_stopped_while_it_is_kept(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    assert "Stopped" not in text_of(get(browser, "/access", stopped="everywhere"))


def test_what_was_kept_is_there_at_the_next_sign_in_and_for_nobody_else(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    again, bob = door.browser(), door.browser()
    door.sign_in(again)
    door.sign_in(bob, subject="bob@egi.eu")
    assert "your access is kept current" in text_of(get(again, "/access"))
    assert "your access is kept current" not in text_of(get(bob, "/access"))


def test_whom_another_provider_knows_by_the_same_name_is_somebody_else() -> None:
    door = Door(policy(provider(), provider("hub", "The hub")))
    alice, namesake = door.browser(), door.browser()
    door.sign_in(alice)
    door.sign_in(namesake, "hub")
    door.consent(namesake)
    assert [person[0] for person in door.consents.held] == ["hub"]
    assert "your access is kept current" not in text_of(get(alice, "/access"))


def test_who_disagrees_at_the_provider_has_kept_nothing(door: Door, browser: FlaskClient) -> None:
    answer = door.provider.agree(leads_to(door.press(browser, "keep")))
    del answer["code"]
    reply = get(browser, "/login/egi/callback", **answer, error="access_denied")
    assert reply.status_code == 403
    assert "Nothing was kept" in text_of(reply)
    assert not door.consents.held
    assert get(browser, "/access").status_code == 200, "and is signed in as before"


def test_a_provider_that_gives_no_refresh_token_is_named_as_the_reason(door: Door, browser: FlaskClient) -> None:
    door.provider.gives_offline = False
    reply = door.consent(browser)
    assert reply.status_code == 403
    assert "gave nothing with which it could be asked" in text_of(reply)
    assert not door.consents.held


@pytest.mark.parametrize("broken", ["ledger", "store"])
def test_what_cannot_be_written_down_or_kept_is_given_back(door: Door, browser: FlaskClient, broken: str) -> None:
    url = leads_to(door.press(browser, "keep"))
    if broken == "ledger":
        door.ledger.full = True
    else:
        door.consents.full = True
    reply = get(browser, "/login/egi/callback", **door.provider.agree(url))
    assert reply.status_code in (500, 503)
    assert not door.consents.held
    assert door.provider.revoked == ["refresh-token-of-code-2"]


def test_a_suspended_provider_is_not_asked_to_let_itself_be_asked(door: Door, browser: FlaskClient) -> None:
    url = leads_to(door.press(browser, "keep"))
    before = door.policy
    [egi] = before.site.identity_providers
    stopped = replace(egi, suspended=Suspension(date(2026, 11, 22), "They were broken into"))
    door.policy = replace(before, site=replace(before.site, identity_providers=(stopped,)))
    assert get(browser, "/login/egi/callback", **door.provider.agree(url)).status_code == 403
    assert door.press(browser, "keep").status_code == 403
    assert not door.consents.held


@pytest.mark.parametrize("button", ["keep", "stop"])
@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({FIELD: form_token(SessionId("A" * 43))}, {}),
        ("own", {"Origin": "https://evil.example"}),
        ("own", {"Origin": "null"}),
    ],
    ids=["no token", "another session's", "other site", "null origin"],
)
def test_a_foreign_form_does_nothing(
    door: Door, browser: FlaskClient, button: str, form: dict[str, str] | str, headers: dict[str, str]
) -> None:
    door.consent(browser)
    [session_id] = door.sessions.held
    given = {FIELD: form_token(session_id)} if form == "own" else form
    reply = browser.post(f"/access/{button}", base_url=BASE, data=given, headers=headers)
    assert reply.status_code == 403
    assert "Set-Cookie" not in reply.headers
    assert len(door.consents.held) == 1
    assert not door.provider.revoked


@pytest.mark.parametrize("button", ["keep", "stop"])
def test_reading_the_address_does_nothing(door: Door, browser: FlaskClient, button: str) -> None:
    door.consent(browser)
    assert get(browser, f"/access/{button}").status_code == 405
    assert len(door.consents.held) == 1


@pytest.mark.parametrize("button", ["keep", "stop"])
def test_without_a_session_there_is_nothing_to_press(door: Door, button: str) -> None:
    assert door.browser().post(f"/access/{button}", base_url=BASE).status_code == 403


def test_a_consent_that_ran_out_is_offered_again(door: Door, browser: FlaskClient) -> None:
    door.consent(browser)
    door.clock.forward(days=365)
    again = door.browser()
    door.sign_in(again)
    assert "Keep my access current while I am away" in text_of(get(again, "/access"))
    assert timedelta(days=365) == door.consents.lasts


@pytest.mark.parametrize(("who", "remembered"), [("alice@egi.eu", ["alice@egi.eu"]), ("bob@egi.eu", [])])
def test_what_a_kept_consent_brought_is_remembered_as_a_sign_in_is(
    door: Door, browser: FlaskClient, who: str, remembered: list[str]
) -> None:
    [(session, _)] = door.sessions.held.values()
    desk, seen = door.consent_desk(), list[str]()
    hearing = replace(desk.offline, remember=lambda claims, now: seen.append(claims.subject))
    attempt, url = desk.begin(session, "/access")
    answer = door.provider.agree(url, subject=who)
    with suppress(ConsentRefused):
        callback = Callback(answer["state"], answer["code"], issuer=answer["iss"])
        replace(desk, offline=hearing).finish("egi", attempt, callback, session)
    assert seen == remembered
