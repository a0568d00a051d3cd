"""The token endpoint over HTTP: RFC 6749's and RFC 8693's forms, and nothing of the inside in any answer."""

import json
from urllib.parse import urlencode

import pytest
from exchange_world import World, a_form
from flask import Flask
from flask.testing import FlaskClient

from p3idp.core.exchange.request import GRANT_TYPE, KEYSTONE_TOKEN
from p3idp.errors.settings import SettingsInvalid
from p3idp.web.exchange import METADATA_PATH, PATH, exchange_blueprint
from p3idp.web.oauth_form import MOST_BYTES

FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def client(world: World) -> FlaskClient:
    app = Flask("test")
    app.register_blueprint(exchange_blueprint(world.exchange, "https://broker.test/"))
    return app.test_client()


def post(client: FlaskClient, form=None, content_type: str = FORM, **kwargs):
    body = urlencode(a_form() if form is None else form) if not isinstance(form, bytes) else form
    return client.post(PATH, data=body, content_type=content_type, **kwargs)


def test_a_good_answer_is_in_rfc_8693s_form_and_not_to_be_kept(client: FlaskClient):
    reply = post(client)
    assert reply.status_code == 200
    assert reply.mimetype == "application/json"
    assert reply.headers["Cache-Control"] == "no-store"
    assert reply.json.pop("access_token").startswith("keystone-token-")
    assert reply.json | {"access_token": "…"} == {
        "access_token": "…",
        "issued_token_type": KEYSTONE_TOKEN,
        "token_type": "N_A",
        "expires_in": 1799,
        "expires_at": "2026-11-22T08:30:00Z",
        "scope": "project:p3@egi",
        "resource": "https://keystone.test/v3/projects/id-of-p3-in-egi",
    }
    assert "X-Subject-Token" not in reply.headers


def test_a_refusal_names_error_description_code_and_request(client: FlaskClient):
    reply = post(client, a_form("token-bob"))
    assert reply.status_code == 400
    assert reply.headers["Cache-Control"] == "no-store"
    assert set(reply.json) == {"error", "error_description", "code", "request_id"}
    assert (reply.json["error"], reply.json["code"]) == ("invalid_request", "exchange-no-access")


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE", "HEAD"])
def test_other_methods_are_not_taken(client: FlaskClient, method: str):
    reply = client.open(PATH, method=method, query_string=urlencode(a_form()))
    assert reply.status_code == 405
    assert reply.headers["Allow"] == "POST"


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""])
def test_other_content_types_are_refused(client: FlaskClient, content_type: str):
    reply = post(client, content_type=content_type)
    assert (reply.status_code, reply.json["error"]) == (400, "invalid_request")


def test_a_content_type_with_a_charset_is_taken(client: FlaskClient):
    assert post(client, content_type=FORM + "; charset=utf-8").status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"grant_type",
        b"\xff\xfe",
        b"grant_type=%ff",
        b"a=1&" * 60 + b"a=1",
        b"subject_token=" + b"x" * MOST_BYTES,
    ],
    ids=["empty", "no-value", "binary", "not-utf-8", "many-fields", "huge"],
)
def test_a_body_that_is_no_form_is_refused(client: FlaskClient, world: World, body: bytes):
    reply = post(client, body)
    assert (reply.status_code, reply.json["error"]) == (400, "invalid_request")
    assert world.tokens.asked == []


def test_parameters_in_the_address_are_refused(client: FlaskClient, world: World):
    reply = post(client, query_string="subject_token=token-alice")
    assert (reply.status_code, reply.json["error"]) == (400, "invalid_request")
    assert world.tokens.asked == []


def test_a_description_holds_only_what_rfc_6749_allows(client: FlaskClient, world: World):
    world.tokens.reasons["bad"] = 'sign"ature\\\nSet-Cookie: x=é'
    reply = post(client, a_form("bad"))
    assert not set(reply.json["error_description"]) & set('"\\\n\ré')
    assert reply.json["error_description"].isascii()


@pytest.mark.parametrize("error", [RuntimeError, SettingsInvalid], ids=["a defect", "an error for administrators"])
def test_trouble_inside_is_told_in_no_word_of_the_insides(client: FlaskClient, world: World, monkeypatch, error):
    def broken(*_):
        raise error("token-alice at /srv/secret/place")

    monkeypatch.setattr(type(world.keystone), "login", broken)
    reply = post(client)
    assert (reply.status_code, reply.json["error"]) == (500, "server_error")
    assert "secret" not in reply.text
    assert "token-alice" not in reply.text
    assert "Traceback" not in reply.text


def test_temporary_trouble_says_when_to_try_again(client: FlaskClient, world: World):
    world.keystone.down = True
    reply = post(client)
    assert (reply.status_code, reply.json["error"]) == (503, "temporarily_unavailable")
    assert int(reply.headers["Retry-After"]) > 0


def test_the_metadata_says_where_and_how(client: FlaskClient):
    metadata = json.loads(client.get(METADATA_PATH).text)
    assert metadata["issuer"] == "https://broker.test"
    assert metadata["token_endpoint"] == "https://broker.test/oauth/token"
    assert metadata["grant_types_supported"] == [GRANT_TYPE]
