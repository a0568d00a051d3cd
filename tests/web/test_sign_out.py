"""Signing out, and forms in general: only our own page's form does anything."""

import pytest
from flask.testing import FlaskClient
from webkit import BASE, Door, get
from werkzeug.test import TestResponse

from p3idp.core.login.session import SessionId
from p3idp.web.cookies import SESSION
from p3idp.web.form_token import FIELD, form_token


@pytest.fixture
def door() -> Door:
    return Door()


@pytest.fixture
def browser(door: Door) -> FlaskClient:
    signed_in = door.browser()
    door.sign_in(signed_in)
    return signed_in


def post(browser: FlaskClient, form: dict[str, str], **headers: str) -> TestResponse:
    return browser.post("/logout", base_url=BASE, data=form, headers=headers)


def own_form(door: Door) -> dict[str, str]:
    [session_id] = door.sessions.held
    return {FIELD: form_token(session_id)}


def test_signing_out_ends_the_session_here_and_in_the_browser(door: Door, browser: FlaskClient) -> None:
    old = next(cookie.value for cookie in browser._cookies.values() if cookie.key == SESSION)
    reply = post(browser, own_form(door), Origin=BASE)
    assert (reply.status_code, reply.location) == (303, "/?signed_out=1")
    assert not door.sessions.held
    assert "You are signed out here." in get(browser, "/", signed_out="1").text
    browser.set_cookie(SESSION, old, domain="broker.example.org", secure=True)
    assert get(browser, "/access").status_code == 303, "the old cookie opens nothing"


def test_the_page_carries_the_form_that_works(door: Door, browser: FlaskClient) -> None:
    assert own_form(door)[FIELD] in get(browser, "/access").text


@pytest.mark.parametrize(
    ("form", "headers"),
    [
        ({}, {}),
        ({FIELD: ""}, {}),
        ({FIELD: form_token(SessionId("A" * 43))}, {}),
        ({FIELD: "é"}, {}),
        ("own", {"Origin": "https://evil.example"}),
        ("own", {"Origin": "null"}),
        ("own", {"Origin": BASE + ".evil.example"}),
    ],
    ids=["no token", "empty", "another session's", "not ASCII", "other site", "null origin", "look-alike origin"],
)
def test_a_foreign_form_does_nothing(
    door: Door, browser: FlaskClient, form: dict[str, str] | str, headers: dict[str, str]
) -> None:
    given = own_form(door) if form == "own" else form
    assert isinstance(given, dict)
    assert post(browser, given, **headers).status_code == 403
    assert door.sessions.held


def test_reading_the_address_does_not_sign_out(door: Door, browser: FlaskClient) -> None:
    assert get(browser, "/logout").status_code == 405
    assert door.sessions.held


def test_signing_out_twice_is_fine(door: Door, browser: FlaskClient) -> None:
    form = own_form(door)
    assert post(browser, form).status_code == 303
    assert post(browser, form).status_code == 303
