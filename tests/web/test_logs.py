"""Logs: JSON, under the request's id, and without any secret; the canaries show that this is so."""

import json
import logging

import pytest
import structlog
from webkit import Door, get

from p3idp.adapters.logs import configure_logs, redact
from p3idp.adapters.logs.redact import MASK, Redactor

JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJlLXNpZ25hdHVyZQ"
FERNET = "gAAAAABnQMGkX2Zha2UtdG9rZW4tZm9yLXRlc3Rz_abc-def0123456789=="
SESSION = "p0V3kq1Wk0zXxF3sW8aJt5cQh2N7mB9uYd4eRgT6vLw"
LITERAL = "adm1n pass"
SECRETS = {
    "a JWT": JWT,
    "a Fernet token": FERNET,
    "a session id": SESSION,
    "a bearer token": "opaque.token-123",
    "a code": "SplxlOBeZQQYbYS6WxSbIA",
    "a client secret": "s3cr3t-of-the-client",
    "the admin's password": LITERAL,
}
LINES = {
    "a JWT": "token {0} was refused",
    "a Fernet token": "POST /v3/auth/tokens -> {0}",
    "a session id": "opening {0}",
    "a bearer token": "headers: Authorization: Bearer {0}",
    "a code": "GET /login/egi/callback?code={0}&state={0} HTTP/1.1",
    "a client secret": "body {{'client_secret': '{0}', 'grant_type': 'x'}}",
    "the admin's password": "said {0}!",
}


@pytest.fixture(autouse=True)
def _restore_logging() -> "object":
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def _said(capsys: pytest.CaptureFixture[str]) -> str:
    out, err = capsys.readouterr()
    for line in err.splitlines():
        json.loads(line)
    assert not out
    return err


def _say_everything() -> None:
    """Every secret: in words, in a value, under a telling name, through the standard library, in a traceback."""
    log = structlog.get_logger("test")
    for name, secret in SECRETS.items():
        line = LINES[name].format(secret)
        log.info(line, value=line, deep={"list": [line]}, password=secret, access_token=secret)
        logging.getLogger("library").warning("%s", line)
        try:
            raise ValueError(line)
        except ValueError:
            log.exception("failed")


def test_no_secret_is_logged_in_any_way(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs("info", [LITERAL])
    _say_everything()
    said = _said(capsys)
    assert MASK in said
    assert [name for name, secret in SECRETS.items() if secret in said] == []


def test_the_canaries_sing_when_redaction_is_off(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redact.Redactor, "__call__", lambda self, logger, method, event: event)
    configure_logs("info", [LITERAL])
    _say_everything()
    said = _said(capsys)
    assert [name for name, secret in SECRETS.items() if secret not in said] == []


@pytest.mark.parametrize(
    "text",
    [
        "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",
        "req-0a1b2c3d-0000-4000-8000-0123456789ab",
        "d9e5e98b33003e450eb92eb90f2180197064a7dd7811bdf70c8e04f8387e8d1e@egi.eu",
        "https://aai.egi.eu/auth/realms/egi",
        "the code of the community; a state of affairs: fine",
        "status_code 200",
    ],
)
def test_what_is_no_secret_stays_readable(text: str) -> None:
    assert Redactor().text(text) == text


@pytest.mark.parametrize(
    "secret",
    ["gAAAAABabcdefghijklmnop", "eyJhbGciOiJub25lIn0.e30.", SESSION, "-----BEGIN PRIVATE KEY-----\nMIIabc\nx"],
)
def test_a_secret_is_known_by_its_form_alone(secret: str) -> None:
    assert Redactor().text(f"here {secret} it is").startswith(f"here {MASK}")
    assert secret not in Redactor().text(f"here {secret} it is")


def test_a_password_in_an_address_and_a_cookie_in_a_dump_are_masked() -> None:
    assert Redactor().text("postgresql://p3idp:hunter2@db/p3idp") == f"postgresql://p3idp:{MASK}@db/p3idp"
    assert "abc" not in Redactor().text("{'Cookie': '__Host-p3idp=abc; other=abc'}")
    assert "abc" not in Redactor().text("Set-Cookie: __Host-p3idp=abc; Path=/")


def test_names_that_tell_and_numbers_that_do_not() -> None:
    event = {"password": "x", "set_cookie": "y", "status_code": 200, "tokens": 3, "client_secret": "z", "error": "e"}
    assert Redactor()(None, "", event) == {
        "password": MASK, "set_cookie": MASK, "status_code": 200, "tokens": 3, "client_secret": MASK, "error": "e"
    }  # fmt: skip


def test_one_request_is_one_line_with_its_id_and_without_its_query(capsys: pytest.CaptureFixture[str]) -> None:
    door = Door()
    configure_logs("info")
    reply = get(door.browser(), "/login/egi/callback", code="SplxlOBeZQQYbYS6WxSbIA", state="af0ifjsldkj")
    said = _said(capsys)
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["request_id"] for line in lines} == {reply.headers["X-Request-Id"]}
    [access] = [line for line in lines if line["event"] == "request"]
    assert (access["page"], access["status"]) == ("/login/<provider>/callback", 400)
    assert "SplxlOBe" not in said
    assert "af0ifj" not in said
