"""Attacks on consenting to be asked about while away: who agrees, for whom, where. Pages and rules are real."""

from dataclasses import replace

import pytest
from battery import Attack
from flask.testing import FlaskClient
from webkit import BASE, Door, get, leads_to, policy, provider
from werkzeug.test import TestResponse

from p3idp.core.audit.event import Outcome
from p3idp.core.login.callback import Callback
from p3idp.ports.checkin import Purpose
from p3idp.web.app import build_app
from p3idp.web.cookies import ATTEMPT, SESSION

CALLBACK = "/login/egi/callback"


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def browser(door: Door) -> FlaskClient:
    signed_in = door.browser()
    door.sign_in(signed_in)
    door.provider.token_calls.clear()
    return signed_in


def nothing_kept(door: Door, reply: TestResponse, status: int = 400, *, asked: bool = False) -> bool:
    """Nothing is kept, nobody was signed in by it, and the token endpoint was only asked where it had to be."""
    as_before = f"{SESSION}=" not in str(reply.headers) and bool(door.provider.token_calls) is asked
    return reply.status_code == status and not door.consents.held and as_before


def attempt_cookie(browser: FlaskClient) -> tuple[str, str]:
    [found] = [cookie for cookie in browser._cookies.values() if cookie.key.startswith(ATTEMPT)]
    return found.key, found.value


def plant(browser: FlaskClient, cookie: tuple[str, str]) -> None:
    browser.set_cookie(*cookie, domain="broker.example.org", path="/", secure=True)


@pytest.mark.attack("R49")
def test_a_sign_in_never_ends_as_a_kept_consent(door: Door, browser: FlaskClient) -> None:
    """The provider answers an ordinary sign-in with everything a consent would bring."""
    url = door.begin(browser)
    reply = get(browser, CALLBACK, **door.provider.agree(url))
    assert reply.status_code == 303
    assert not door.consents.held
    assert not [event for event in door.ledger.events if event.action == "allow/consent"]


@pytest.mark.attack("R49")
def test_a_consent_never_ends_as_a_sign_in(door: Door, browser: FlaskClient, attack: Attack) -> None:
    """Whoever signed out on the way, or never was signed in where the answer arrives, is not signed in by it."""
    url = leads_to(door.press(browser, "keep"))
    browser.delete_cookie(SESSION, domain="broker.example.org", path="/")
    reply = get(browser, CALLBACK, **door.provider.agree(url))
    held = nothing_kept(door, reply) and get(browser, "/access").status_code == 303
    attack.saw("no session where the answer arrives", held, str(reply.status_code))
    assert held


@pytest.mark.attack("R49")
def test_both_desks_refuse_what_was_begun_for_the_other(door: Door, browser: FlaskClient, attack: Attack) -> None:
    """Where a page would send an answer to the wrong one."""
    [(session, _)] = door.sessions.held.values()
    desk = door.consent_desk()
    signing_in, url = door.desk.begin("egi", "/access")
    answer = door.provider.agree(url)
    callback = Callback(answer["state"], answer["code"], issuer=answer["iss"])
    attack.refused("a sign-in", lambda: desk.finish("egi", signing_in, callback, session), "purpose")
    consenting, url = desk.begin(session, "/access")
    answer = door.provider.agree(url)
    callback = Callback(answer["state"], answer["code"], issuer=answer["iss"])
    attack.refused("a consent", lambda: door.desk.finish("egi", consenting, callback), "purpose")
    assert (signing_in.purpose, consenting.purpose) == (Purpose.SIGN_IN, Purpose.CONSENT)
    assert not door.provider.token_calls
    assert not door.consents.held


@pytest.mark.attack("R49")
def test_without_the_offer_an_answer_to_a_consent_is_no_sign_in(door: Door, browser: FlaskClient) -> None:
    """The key was taken out of the settings while somebody was at their provider."""
    url = leads_to(door.press(browser, "keep"))
    cookie = attempt_cookie(browser)
    closed = build_app(replace(door.parts, consent=None)).test_client()
    plant(closed, cookie)
    assert nothing_kept(door, closed.get(CALLBACK, base_url=BASE, query_string=door.provider.agree(url)))


@pytest.mark.attack("R66")
@pytest.mark.parametrize("who", ["bob@egi.eu", "ALICE@egi.eu", "alice@egi.eu.evil", "alice"])
def test_somebody_else_at_the_provider_consents_to_nothing(door: Door, browser: FlaskClient, who: str) -> None:
    reply = door.consent(browser, subject=who)
    assert nothing_kept(door, reply, 403, asked=True)
    assert len(door.provider.revoked) == 1, "what they gave was given back"
    event = door.ledger.events[-1]
    assert (event.action, event.outcome, event.reason) == ("allow/consent", Outcome.FAILURE, "other-person")
    assert event.actor.id == f"{who}@https://egi.example.org"


@pytest.mark.attack("R67")
def test_the_same_name_at_another_provider_consents_to_nothing() -> None:
    """Alice began it signed in from the one provider, and is signed in from the other when the answer arrives."""
    door = Door(policy(provider(), provider("hub", "The hub")))
    browser = door.browser()
    door.sign_in(browser, "hub")
    url = leads_to(door.press(browser, "keep"))
    door.sign_in(browser, "egi")
    door.provider.token_calls.clear()
    assert nothing_kept(door, get(browser, "/login/hub/callback", **door.provider.agree(url)))


@pytest.mark.attack("R51")
def test_an_answer_of_another_provider_keeps_nothing(attack: Attack) -> None:
    door = Door(policy(provider(), provider("hub", "The hub")))
    browser = door.browser()
    door.sign_in(browser)
    door.provider.token_calls.clear()
    answer = door.provider.agree(leads_to(door.press(browser, "keep")))
    for variant, path, changed in (
        ("at the other's callback", "/login/hub/callback", {}),
        ("naming the other", CALLBACK, {"iss": "https://hub.example.org"}),
        ("naming nobody", CALLBACK, {"iss": ""}),
    ):
        plant_again = attempt_cookie(browser)
        reply = get(browser, path, **{**answer, **changed})
        attack.saw(variant, nothing_kept(door, reply), str(reply.status_code))
        assert nothing_kept(door, reply), variant
        plant(browser, plant_again)
    assert get(browser, CALLBACK, **answer).status_code == 303, "the control: the true answer is taken"
    assert door.consents.held


@pytest.mark.attack("R49")
def test_a_used_state_keeps_nothing_again(door: Door, browser: FlaskClient, attack: Attack) -> None:
    url = leads_to(door.press(browser, "keep"))
    cookie, answer = attempt_cookie(browser), door.provider.agree(url)
    assert get(browser, CALLBACK, **answer).status_code == 303
    assert door.press(browser, "stop").status_code == 303
    door.provider.token_calls.clear()
    for variant, again in (("the same answer", answer), ("a fresh code", door.provider.agree(url))):
        plant(browser, cookie)
        reply = get(browser, CALLBACK, **again)
        attack.saw(variant, nothing_kept(door, reply), str(reply.status_code))
        assert nothing_kept(door, reply), variant


@pytest.mark.attack("R53")
def test_a_stolen_answer_is_worth_nothing_elsewhere(door: Door, browser: FlaskClient, attack: Attack) -> None:
    """Somebody saw the address that alice came back to, and opens it signed in as themselves, or as nobody."""
    answer = door.provider.agree(leads_to(door.press(browser, "keep")))
    mallory = door.browser()
    door.sign_in(mallory, subject="mallory@egi.eu")
    door.provider.token_calls.clear()
    for variant, thief in (("as nobody", door.browser()), ("as themselves", mallory)):
        reply = get(thief, CALLBACK, **answer)
        attack.saw(variant, nothing_kept(door, reply), str(reply.status_code))
        assert nothing_kept(door, reply), variant


@pytest.mark.attack("R53")
def test_a_planted_answer_keeps_nobodys_token_under_a_victims_name(door: Door, browser: FlaskClient) -> None:
    """Mallory consents in a browser of their own and has alice open the end of it, cookie and all."""
    mallory = door.browser()
    door.sign_in(mallory, subject="mallory@egi.eu")
    url = leads_to(door.press(mallory, "keep"))
    door.provider.token_calls.clear()
    plant(browser, attempt_cookie(mallory))
    reply = get(browser, CALLBACK, **door.provider.agree(url, subject="mallory@egi.eu"))
    assert nothing_kept(door, reply, 403, asked=True)
    assert len(door.provider.revoked) == 1


@pytest.mark.attack("R49")
def test_an_old_consent_attempt_keeps_nothing(door: Door, browser: FlaskClient) -> None:
    answer = door.provider.agree(leads_to(door.press(browser, "keep")))
    door.clock.forward(minutes=11)
    assert nothing_kept(door, get(browser, CALLBACK, **answer))


@pytest.mark.attack("R20")
def test_a_token_that_is_refused_keeps_nothing(door: Door, browser: FlaskClient) -> None:
    door.provider.refuses = "nonce"
    assert nothing_kept(door, door.consent(browser), 401, asked=True)


@pytest.mark.accept_control
def test_the_person_of_the_session_consents(door: Door, browser: FlaskClient) -> None:
    assert door.consent(browser).status_code == 303
    assert list(door.consents.held) == [("egi", "alice@egi.eu")]
