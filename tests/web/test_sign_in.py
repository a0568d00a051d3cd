"""Signing in: what the browser carries, what the server keeps, and what happens when something is not right."""

from datetime import timedelta

import pytest
from webkit import OPERATOR, P3, Door, get, policy, provider

from p3idp.core.audit.event import Outcome
from p3idp.web.cookies import ATTEMPT, MOST_ATTEMPTS, SESSION


@pytest.fixture
def door() -> Door:
    return Door()


def test_one_provider_is_one_big_button(door: Door) -> None:
    page = get(door.browser(), "/").text
    assert 'href="/login/egi"' in page
    assert "Sign in with EGI Check-in" in page


def test_several_providers_are_a_choice() -> None:
    page = get(Door(policy(provider(), provider("hub", "The hub"))).browser(), "/").text
    assert 'href="/login/egi"' in page
    assert 'href="/login/hub"' in page
    assert "Where do you have an account?" in page


def test_signing_in_ends_on_the_access_page_with_a_session(door: Door) -> None:
    browser = door.browser()
    reply = door.sign_in(browser)
    assert (reply.status_code, reply.location) == (303, "/access")
    cookie = next(value for value in reply.headers.getlist("Set-Cookie") if value.startswith(f"{SESSION}="))
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/"):
        assert flag in cookie.split("; "), flag
    assert "Domain" not in cookie
    assert get(browser, "/access").status_code == 200


def test_an_attempt_cookie_is_short_lived_and_for_this_host_alone(door: Door) -> None:
    reply = get(door.browser(), "/login/egi")
    [cookie] = reply.headers.getlist("Set-Cookie")
    assert cookie.startswith(ATTEMPT)
    for flag in ("Secure", "HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=600"):
        assert flag in cookie.split("; "), flag
    assert "Domain" not in cookie


def test_nothing_is_stored_before_a_valid_callback(door: Door) -> None:
    browser = door.browser()
    for _ in range(20):
        door.begin(browser)
    assert not door.sessions.held
    assert not door.spent.spent
    assert not door.ledger.events


def test_many_unfinished_sign_ins_do_not_outgrow_a_cookie_jar(door: Door) -> None:
    browser = door.browser()
    for _ in range(30):
        door.begin(browser, return_to="/access?" + "a=b" * 20)
        door.clock.forward(seconds=1)
    held = [cookie for cookie in browser._cookies.values() if cookie.key.startswith(ATTEMPT)]
    assert len(held) == MOST_ATTEMPTS
    assert sum(len(cookie.key) + len(cookie.value) + 3 for cookie in held) < 4096


def test_of_several_attempts_each_can_be_finished(door: Door) -> None:
    browser = door.browser()
    first, second = door.begin(browser), door.begin(browser)
    for url in (first, second):
        reply = get(browser, "/login/egi/callback", **door.provider.agree(url))
        assert reply.status_code == 303


def test_a_completed_sign_in_takes_its_attempt_cookie_away(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    assert not [cookie for cookie in browser._cookies.values() if cookie.key.startswith(ATTEMPT)]


def test_the_ledger_holds_who_signed_in_and_what_the_policy_gave(door: Door) -> None:
    door.sign_in(door.browser())
    [event] = door.ledger.events
    assert (event.action, event.outcome) == ("authenticate/login", Outcome.SUCCESS)
    assert event.actor.id == "alice@egi.eu@https://egi.example.org"
    assert event.target == ("service/security/identity-provider", "egi")
    assert event.details["projects"] == [str(P3)]
    assert event.request_id.startswith("req-")


def test_tokens_that_are_refused_are_in_the_ledger_and_nobody_is_signed_in(door: Door) -> None:
    door.provider.refuses = "nonce"
    browser = door.browser()
    reply = door.sign_in(browser)
    assert reply.status_code == 401
    assert f"{SESSION}=" not in str(reply.headers)
    [event] = door.ledger.events
    assert (event.outcome, event.reason) == (Outcome.FAILURE, "nonce")
    assert not door.sessions.held


def test_the_access_token_is_asked_with_once_and_then_gone(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    assert door.keystone.calls == ["login", "projects", "credentials", "lapses_at", "scope_to"]
    [(session, _)] = door.sessions.held.values()
    assert "the-access-token" not in repr(session)
    get(browser, "/access")
    assert door.keystone.calls == ["login", "projects", "credentials", "lapses_at", "scope_to"]


def test_a_new_sign_in_ends_the_old_session(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    [before] = door.sessions.held
    door.sign_in(browser)
    [after] = door.sessions.held
    assert before != after


@pytest.mark.parametrize(
    ("minutes", "lives"), [([59, 59, 59], True), ([61], False), ([59] * 9, False)], ids=["used", "idle", "too old"]
)
def test_a_session_ends_when_idle_or_old(door: Door, minutes: list[int], lives: bool) -> None:
    browser = door.browser()
    door.sign_in(browser)
    for span in minutes:
        door.clock.forward(minutes=span)
        reply = get(browser, "/access")
    assert (reply.status_code == 200) is lives
    assert bool(door.sessions.held) is lives


def test_an_attempt_lasts_ten_minutes(door: Door) -> None:
    browser = door.browser()
    url = door.begin(browser)
    door.clock.now += timedelta(minutes=10, seconds=1)
    reply = get(browser, "/login/egi/callback", **door.provider.agree(url))
    assert reply.status_code == 400
    assert not door.provider.token_calls


def test_a_provider_that_does_not_answer_is_said_in_one_page(door: Door) -> None:
    door.provider.down = True
    reply = get(door.browser(), "/login/egi")
    assert reply.status_code == 503
    assert reply.headers["Retry-After"]
    assert "does not answer" in reply.text


def test_an_unknown_provider_has_no_page(door: Door) -> None:
    assert get(door.browser(), "/login/other").status_code == 404
    assert get(door.browser(), "/login/other/callback", state="a.b", code="c").status_code in (400, 404)


def test_a_provider_that_declined_leaves_a_neutral_page(door: Door) -> None:
    browser = door.browser()
    answer = door.provider.agree(door.begin(browser))
    answer |= {"error": "access_denied", "error_description": "<script>alert(1)</script>Evil words"}
    del answer["code"]
    reply = get(browser, "/login/egi/callback", **answer)
    assert reply.status_code == 403
    assert "Evil words" not in reply.text
    assert not door.sessions.held


def test_errors_are_json_for_programs(door: Door) -> None:
    reply = get(door.browser(), "/login/egi/callback", headers={"Accept": "application/json"}, state="x", code="y")
    assert reply.status_code == 400
    assert reply.json is not None
    error = reply.json["error"]
    assert error["code"] == "sign-in-refused"
    assert error["request_id"] == reply.headers["X-Request-Id"]


def test_a_person_with_a_second_project_sees_both(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser, entitlements=(OPERATOR, OPERATOR.replace("vo.access", "training")))
    page = get(browser, "/access").text
    assert "p3" in page
    assert "training" in page
