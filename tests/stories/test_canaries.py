"""A whole real sign-in with every log at its loudest, and every secret of it known: none of them is said.

The service runs inside this test, so that the access token and Keystone's own tokens, which no browser ever sees, are
known too.
"""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import httpx
import pytest
import structlog
from chromium import chromium, fill_in, new_person

from p3idp import wiring
from p3idp.adapters.logs import redact
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.exchange.request import ACCESS_TOKEN, GRANT_TYPE
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider
from p3idp.lab.handle import LabHandle
from p3idp.ports.checkin import SignedIn, SignInAttempt, SignInClient
from p3idp.ports.keystone import FederatedLogin, KeystoneToken, ReachableProject
from p3idp.settings.secret_ref import known_secrets
from p3idp.web.app import build_app, web_parts
from p3idp.web.cookies import SESSION
from p3idp.web.metrics import count_remembered


@dataclass
class Eavesdropper:
    """Stands between the desk and its neighbours, and notes every secret that passes."""

    client: SignInClient
    keystone: FederatedLogin
    heard: dict[str, str] = field(default_factory=dict)

    def authorization_url(self, attempt: SignInAttempt) -> str:
        self.heard |= {"state": attempt.state, "nonce": attempt.nonce, "verifier": attempt.verifier}
        return self.client.authorization_url(attempt)

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        return self.client.issuer_of(provider)

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        signed_in = self.client.redeem(attempt, code, now)
        self.heard |= {"code": code, "access token": signed_in.access_token.reveal()}
        return signed_in

    def login(self, provider: IdentityProvider, token: RawToken) -> KeystoneToken:
        return self._noted("unscoped token", self.keystone.login(provider, token))

    def projects(self, token: KeystoneToken) -> tuple[ReachableProject, ...]:
        return tuple(self.keystone.projects(token))

    def scope_to(self, token: KeystoneToken, project: ReachableProject) -> KeystoneToken:
        return self._noted("scoped token", self.keystone.scope_to(token, project))

    def scope_until(self, token: KeystoneToken, project: ReachableProject, end: datetime, name: str) -> KeystoneToken:
        raise AssertionError("a sign-in makes no application credentials")

    def credentials(self, token: KeystoneToken) -> Sequence[ApplicationCredential]:
        return self.keystone.credentials(token)

    def lapses_at(self, token: KeystoneToken) -> datetime | None:
        return self.keystone.lapses_at(token)

    def _noted(self, what: str, token: KeystoneToken) -> KeystoneToken:
        self.heard[what] = token.value.reveal()
        return token


@pytest.fixture(autouse=True)
def _restore_logging() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = before
    structlog.reset_defaults()


def _sign_in(site: LabHandle) -> dict[str, str]:
    """Sign alice in through a service inside this process, its logs wide open; every secret of it by its name."""
    settings = site.settings
    wiring.wire_logs(settings.model_copy(update={"log": settings.log.model_copy(update={"level": "debug"})}))
    remember = wiring.wire_remembering(settings, count_remembered)
    parts = web_parts(settings, wiring.wire_policy(settings), remember, wiring.wire_limiter(settings))
    between = Eavesdropper(parts.desk.client, parts.desk.keystone)
    app = build_app(replace(parts, desk=replace(parts.desk, client=between, keystone=between)))
    browser = app.test_client()
    begun = browser.get("/login/egi", base_url=parts.base_url)
    with chromium(site.urls.broker, site.urls.checkin) as running, new_person(running) as page:
        page.route("**/login/egi/callback?*", lambda route: route.fulfill(body="here the service would answer"))
        page.goto(begun.location)
        fill_in(page, "alice")
        page.wait_for_url("**/login/egi/callback?*")
        arrived = page.url.partition("?")[2]
    ended = browser.get("/login/egi/callback", base_url=parts.base_url, query_string=arrived)
    assert ended.status_code == 303, ended.text
    browser.get("/access", base_url=parts.base_url)
    browser.get("/login/egi/callback", base_url=parts.base_url, query_string=arrived)
    cookie = next(value for value in ended.headers.getlist("Set-Cookie") if value.startswith(f"{SESSION}="))
    secrets = between.heard | {"session id": cookie.split(";")[0].partition("=")[2]}
    return secrets | {f"setting {number}": value for number, value in enumerate(known_secrets(settings))}


def _said_of(secrets: dict[str, str], text: str) -> list[str]:
    return sorted(name for name, secret in secrets.items() if secret in text)


def test_the_loudest_log_of_a_real_sign_in_holds_no_secret(site: LabHandle, capfd: pytest.CaptureFixture[str]) -> None:
    secrets = _sign_in(site)
    assert {"access token", "code", "state", "session id", "unscoped token", "scoped token"} <= secrets.keys()
    assert all(len(secret) > 5 for secret in secrets.values())
    for name, secret in secrets.items():
        logging.getLogger("somebody.else").warning("%s is %s", name, secret)
    said = "".join(capfd.readouterr())
    assert all(json.loads(line) for line in said.splitlines() if line.startswith("{"))
    assert "signed in" in said
    assert _said_of(secrets, said) == []
    # The sign-in was remembered, and that said nothing of whom or what.
    store = wiring.wire_logins(site.settings)
    assert store is not None
    kept = [login for login in store.recall(wiring.now()).logins if login.client == "p3idp"]
    assert kept
    assert [word for login in kept for word in login.entitlements if word in said] == []


def test_no_log_of_the_lab_holds_a_token_that_was_shown_at_a_door(site: LabHandle) -> None:
    tokens = {"p3idp-cli": site.token("alice"), "other-service": site.token("alice", client="other-service")}
    with httpx.Client(verify=site.tls, trust_env=False, timeout=60) as http:
        for token in tokens.values():
            form = {"grant_type": GRANT_TYPE, "subject_token_type": ACCESS_TOKEN, "subject_token": token}
            http.post(f"{site.urls.broker_url}/oauth/token", data=form)
            own = f"{site.urls.broker_url}/api/access"
            http.get(own, headers={"Authorization": f"Bearer {token}"})
            assert http.get(own, params={"access_token": token}).status_code == 400
            door = f"{site.urls.keystone_url}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
            http.post(door, headers={"Authorization": f"Bearer {token}"})
    # A part of a token is as telling as the token for whoever looks for one.
    claims = {name: token.split(".")[1] for name, token in tokens.items()}
    logs = sorted(site.layout.log("x").parent.glob("*.log"))
    assert {"apache.log", "broker.log", "checkin.log", "keystone.log"} <= {log.name for log in logs}
    assert {log.name: said for log in logs if (said := _said_of(claims, log.read_text(errors="replace")))} == {}


def test_the_same_search_finds_them_all_when_redaction_is_off(
    site: LabHandle, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(redact.Redactor, "__call__", lambda self, logger, method, event: event)
    wiring.wire_logs(site.settings)
    secrets = {f"setting {number}": value for number, value in enumerate(known_secrets(site.settings))}
    secrets |= {"access token": site.token("alice"), "session id": wiring.new_token()}
    for name, secret in secrets.items():
        structlog.get_logger("test").info("a canary", name=name, value=secret)
    assert _said_of(secrets, "".join(capfd.readouterr())) == sorted(secrets)
