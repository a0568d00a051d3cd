"""Signing in on another device, over HTTP: what programs and people are told, and what is there at all."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from device_world import CLIENT, DeviceWorld, begin, page, poll, post, press
from flask.testing import FlaskClient
from structlog.testing import capture_logs
from webkit import BASE, Door, get, text_of

from p3idp.core.exchange.request import ACCESS_TOKEN, GRANT_TYPE
from p3idp.errors.access import LedgerUnavailable
from p3idp.web.app import build_app, token_doors
from p3idp.web.device_token import DEVICE_GRANT, PATH, REFRESH_GRANT, REVOKE_PATH
from p3idp.web.exchange import METADATA_PATH


@pytest.fixture
def world() -> DeviceWorld:
    return DeviceWorld()


@pytest.fixture
def client(world: DeviceWorld) -> FlaskClient:
    return world.app().test_client()


def test_the_metadata_names_what_there_is(client: FlaskClient):
    body = get(client, METADATA_PATH).get_json()
    assert body["device_authorization_endpoint"] == f"{BASE}/oauth/device_authorization"
    assert body["revocation_endpoint"] == f"{BASE}/oauth/revoke"
    assert body["grant_types_supported"] == [GRANT_TYPE, DEVICE_GRANT, REFRESH_GRANT]


def test_without_a_client_for_the_command_line_there_is_nothing_of_it(world: DeviceWorld):
    app = build_app(Door().parts, token_doors(world.exchange.exchange, None, BASE))
    client = app.test_client()
    body = get(client, METADATA_PATH).get_json()
    assert (body["grant_types_supported"], "device_authorization_endpoint" in body) == ([GRANT_TYPE], False)
    assert post(client, PATH, {"client_id": CLIENT}).status_code == 404
    assert get(client, "/device").status_code == 404
    refused = post(client, "/oauth/token", {"grant_type": DEVICE_GRANT, "client_id": CLIENT, "device_code": "x"})
    assert refused.get_json()["error"] == "unsupported_grant_type"


def test_a_device_gets_all_that_rfc_8628_wants(client: FlaskClient):
    reply = post(client, PATH, {"client_id": CLIENT, "scope": "openid"})
    body = reply.get_json()
    assert body["verification_uri"] == f"{BASE}/device"
    assert body["verification_uri_complete"] == f"{BASE}/device?user_code={body['user_code']}"
    assert (body["expires_in"], body["interval"]) == (600, 5)
    assert len(body["device_code"]) == 43
    assert reply.headers["Cache-Control"] == "no-store"


def test_tokens_come_in_oauths_form_and_nobody_keeps_them(client: FlaskClient, world: DeviceWorld):
    shown = begin(client, scope="offline_access")
    browser = client.application.test_client()
    press(browser, press(browser, page(browser), user_code=shown.user_code), answer="yes")
    world.provider.agree(1, "alice")
    reply = poll(client, shown)
    body = reply.get_json()
    assert body.keys() == {"access_token", "refresh_token", "id_token", "token_type", "expires_in", "scope"}
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3600)
    assert (reply.headers["Cache-Control"], reply.headers["Pragma"]) == ("no-store", "no-cache")
    again = {"grant_type": REFRESH_GRANT, "client_id": CLIENT, "refresh_token": body["refresh_token"]}
    refreshed = post(client, "/oauth/token", again).get_json()
    assert refreshed["access_token"] == "token-alice"
    assert "id_token" not in refreshed
    over = post(client, "/oauth/token", again)
    assert (over.status_code, over.get_json()["error"]) == (400, "invalid_grant")
    ended = post(client, REVOKE_PATH, {"client_id": CLIENT, "token": refreshed["refresh_token"]})
    assert (ended.status_code, world.provider.revoked) == (200, [refreshed["refresh_token"]])


@pytest.mark.parametrize("path", ["/oauth/token", REVOKE_PATH])
def test_a_silent_provider_is_told_as_such(client: FlaskClient, world: DeviceWorld, path: str):
    world.provider.down = True
    form = {"client_id": CLIENT, "token": "r", "grant_type": REFRESH_GRANT, "refresh_token": "refresh-0-alice"}
    reply = post(client, path, form)
    assert (reply.status_code, reply.get_json()["error"]) == (503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


def test_a_database_that_is_away_is_told_as_such(client: FlaskClient, world: DeviceWorld):
    shown = begin(client)

    def away(*_: object) -> None:
        raise LedgerUnavailable("The disk is full.")

    broken = SimpleNamespace(add=away, change=away, find=away)
    world.desk, world.tokens = replace(world.desk, devices=broken), replace(world.tokens, devices=broken)
    client = world.app().test_client()
    for reply in (post(client, PATH, {"client_id": CLIENT}), poll(client, shown)):
        assert (reply.status_code, reply.get_json()["error"]) == (503, "temporarily_unavailable")
        assert "disk" not in reply.text
    assert press(client, page(client), user_code=shown.user_code).status_code == 503


def test_why_somebody_may_not_come_in_is_for_them_and_not_for_the_log(client: FlaskClient, world: DeviceWorld):
    held = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operatr#aai.egi.eu"
    world.exchange.arrive("carol", {}, entitlements=(held,))
    shown = begin(client)
    browser = client.application.test_client()
    press(browser, press(browser, page(browser), user_code=shown.user_code), answer="yes")
    world.provider.agree(1, "carol")
    exchange = {"grant_type": GRANT_TYPE, "subject_token": "token-carol", "subject_token_type": ACCESS_TOKEN}
    with capture_logs() as logs:
        replies = (poll(client, shown), post(client, "/oauth/token", exchange))
    for reply in replies:
        assert "vm_operatr" in reply.get_json()["error_description"]
    assert {line["error"] for line in logs if line["event"] == "refused"} == {"device-refused", "exchange-no-access"}
    assert "vm_operatr" not in str(logs)


def test_what_a_program_calls_itself_is_text(client: FlaskClient):
    reply = client.post(PATH, data={"client_id": CLIENT}, base_url=BASE,
                        headers={"User-Agent": "<b>you</b>\x7f {{7*7}} " + "x" * 200})  # fmt: skip
    confirm = press(client, page(client), user_code=reply.get_json()["user_code"])
    assert "<b>you" not in confirm.text
    assert "<b>you</b>? {{7*7}} xxx" in confirm.text.replace("&lt;", "<").replace("&gt;", ">").replace("<wbr>", "")
    assert "x" * 81 not in confirm.text


def test_the_pages_cookie_is_ours_alone_and_no_page_may_be_framed(client: FlaskClient):
    first = page(client)
    (cookie,) = first.headers.getlist("Set-Cookie")
    said = set(cookie.split("; ")[1:])
    assert cookie.startswith("__Host-p3idp-device=")
    assert said == {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"}
    shown = begin(client)
    confirm = press(client, first, user_code=shown.user_code)
    for each in (first, confirm, press(client, confirm, answer="yes")):
        assert each.headers["X-Frame-Options"] == "DENY"
        assert "frame-ancestors 'none'" in each.headers["Content-Security-Policy"]
        assert each.headers["Cache-Control"] == "no-store"
        assert each.headers["Referrer-Policy"] == "same-origin"


def test_the_page_says_what_saying_yes_means(client: FlaskClient):
    shown = begin(client, "192.0.2.77", scope="offline_access")
    said = text_of(press(client, page(client), user_code=shown.user_code))
    words = (
        "Did you start this?",
        shown.user_code,
        "192.0.2.77",
        CLIENT,
        "openid and entitlements",
        "until it signs out",
    )
    assert [word for word in words if word not in said] == []
