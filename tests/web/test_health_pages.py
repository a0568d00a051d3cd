"""/healthz, /readyz, /metrics, and what every response carries."""

import re

import pytest
from webkit import BASE, Door, get

from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.session import SessionsUnavailable
from p3idp.ops.health import Part
from p3idp.web.headers import is_strict_host


class Neighbour:
    """Something that is well until told otherwise, and counts how often it is asked."""

    def __init__(self, error: Exception) -> None:
        self.error, self.well, self.asked = error, True, 0

    def __call__(self) -> None:
        self.asked += 1
        if not self.well:
            raise self.error


@pytest.fixture
def database() -> Neighbour:
    return Neighbour(SessionsUnavailable("No database at db.internal.example."))


@pytest.fixture
def keystone() -> Neighbour:
    return Neighbour(KeystoneUnreachable("Keystone at 10.0.0.7 does not answer."))


@pytest.fixture
def door(database: Neighbour, keystone: Neighbour) -> Door:
    parts = (Part("database", database, True, "Nobody can sign in."), Part("keystone", keystone, False, "No column."))
    return Door(parts=parts, metrics_token="a-token-for-readers")


def test_alive_means_that_the_process_answers(door: Door, database: Neighbour) -> None:
    database.well = False
    assert get(door.browser(), "/healthz").status_code == 200


@pytest.mark.parametrize(
    ("database_well", "keystone_well", "status", "word"),
    [(True, True, 200, "ready"), (True, False, 200, "degraded"), (False, True, 503, "not-ready")],
)
def test_ready_names_what_is_not_well_and_what_that_means(
    door: Door,
    database: Neighbour,
    keystone: Neighbour,
    database_well: bool,
    keystone_well: bool,
    status: int,
    word: str,
) -> None:
    database.well, keystone.well = database_well, keystone_well
    reply = get(door.browser(), "/readyz")
    assert reply.json is not None
    assert (reply.status_code, reply.json["status"]) == (status, word)
    assert reply.json["parts"]["keystone"]["ok"] is keystone_well
    if not keystone_well:
        assert reply.json["parts"]["keystone"] == {
            "ok": False, "problem": "keystone-unreachable", "without_it": "No column."
        }  # fmt: skip
    assert "internal" not in reply.text, "addresses inside the site are not for everyone"
    assert "10.0.0.7" not in reply.text


def test_asking_often_does_not_ask_the_neighbours_often(door: Door, keystone: Neighbour) -> None:
    for _ in range(50):
        get(door.browser(), "/readyz")
    assert keystone.asked == 1
    door.clock.forward(seconds=6)
    get(door.browser(), "/readyz")
    assert keystone.asked == 2


@pytest.mark.parametrize("given", [None, "", "Bearer", "Bearer wrong", "Basic a-token-for-readers", "Bearer é"])
def test_numbers_are_for_who_holds_the_token(door: Door, given: str | None) -> None:
    headers = {} if given is None else {"Authorization": given}
    assert get(door.browser(), "/metrics", headers=headers).status_code == 404


def test_without_a_token_in_the_settings_there_are_no_numbers() -> None:
    door = Door()
    assert get(door.browser(), "/metrics", headers={"Authorization": "Bearer "}).status_code == 404


def test_numbers_have_few_labels_and_name_nobody(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    for path in ("/access", "/nothing/alice", "/login/alice", "/static/alice"):
        get(browser, path)
    browser.open("/", method="BREW", base_url=BASE)
    text = get(browser, "/metrics", headers={"Authorization": "Bearer a-token-for-readers"}).text
    assert 'p3idp_requests_total{method="GET",page="/access",status="2xx"}' in text
    assert 'p3idp_sign_ins_total{outcome="success",provider="egi"}' in text
    assert "alice" not in text
    assert "BREW" not in text


def test_every_answer_has_the_headers_that_protect_it(door: Door) -> None:
    for path in ("/", "/access", "/nothing", "/static/p3idp.css", "/healthz", "/login/egi", "/logout"):
        headers = get(door.browser(), path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Strict-Transport-Security"].startswith("max-age=31536000")
        assert headers["Referrer-Policy"] == "same-origin"


@pytest.mark.parametrize(
    ("url", "strict"),
    [
        ("https://a.example", True),
        ("http://a.example", False),
        ("https://localhost:1", False),
        ("https://[::1]", False),
    ],
)
def test_https_is_promised_for_a_name_of_ones_own(url: str, strict: bool) -> None:
    assert is_strict_host(url) is strict


def test_no_page_has_script_or_style_inside(door: Door) -> None:
    browser = door.browser()
    door.sign_in(browser)
    for path in ("/", "/access", "/nothing"):
        text = get(browser, path).text
        assert not re.search(r"<script|<style|\sstyle=|\son\w+=", text), path
        assert '<html lang="en">' in text


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("req-0a1b2c3d-0000-4000-8000-0123456789ab", True),
        ("req-0A1B2C3D-0000-4000-8000-0123456789AB", False),
        ("0a1b2c3d-0000-4000-8000-0123456789ab", False),
        ("req-0a1b2c3d-0000-4000-8000-0123456789ab evil", False),
        ("x" * 5000, False),
        ("", False),
    ],
)
def test_a_request_id_is_taken_over_only_in_its_strict_form(door: Door, given: str, kept: bool) -> None:
    answered = get(door.browser(), "/healthz", headers={"X-Request-Id": given}).headers["X-Request-Id"]
    assert (answered == given) is kept
    assert re.fullmatch(r"req-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", answered)


def test_what_goes_wrong_inside_is_one_plain_page(door: Door) -> None:
    def broken() -> None:
        raise RuntimeError("the password is hunter2")

    door.app.add_url_rule("/broken", view_func=broken)
    reply = get(door.browser(), "/broken")
    assert reply.status_code == 500
    assert "hunter2" not in reply.text
    assert "RuntimeError" not in reply.text
    assert reply.headers["X-Request-Id"] in reply.text
