"""A Keystone, or a front of it, that mixes people up: what it sets for one must not be shown for another."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from exchange_world import a_provider
from keystoneauth1 import exceptions
from keystoneauth1.session import Session
from requests import PreparedRequest, Response
from requests.adapters import BaseAdapter

from p3idp.adapters.keystone.login import KeystoneLogin
from p3idp.client.exchanged import KeystoneToken as TokenPlugin
from p3idp.core.exchange.naming import credential_name
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import ProjectRef
from p3idp.core.secret import Secret
from p3idp.ports.keystone import KeystoneToken, ReachableProject

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
P3 = ReachableProject(ProjectRef("egi", "p3"), "0a1b")
SCOPED = KeystoneToken(Secret("scoped"), "u1", "alice", NOW, NOW, P3.ref, P3.id, ("member",), ("d1", "egi"))


def keystone_that(answers: Callable[[httpx.Request], httpx.Response]) -> KeystoneLogin:
    login = KeystoneLogin("https://keystone.test", None, 1.0)
    login._http._http._transport = httpx.MockTransport(answers)
    return login


def token() -> dict[str, object]:
    domain = {"id": "d1", "name": "egi"}
    user, project = {"id": "u1", "name": "a", "domain": domain}, {"id": P3.id, "name": "p3", "domain": domain}
    return {"token": {"user": user, "project": project, "expires_at": NOW.isoformat(), "issued_at": NOW.isoformat()}}


@pytest.mark.attack("X30", "X31")
def test_a_cookie_set_for_one_person_is_not_shown_for_the_next() -> None:
    shown: list[str | None] = []

    def front(request: httpx.Request) -> httpx.Response:
        shown.append(request.headers.get("Cookie"))
        headers = {"X-Subject-Token": "t", "Set-Cookie": "mod_auth_openidc_session=of-the-first; Path=/"}
        return httpx.Response(201, json=token(), headers=headers)

    login = keystone_that(front)
    for person in ("alice", "bob"):
        login.login(a_provider(), RawToken(Secret(person)))
    assert shown == [None, None]


@pytest.mark.attack("X36")
@pytest.mark.parametrize("listed", [5, True, "x", {"a": 1}, [5, None, "x", {}]])
def test_a_list_of_credentials_that_is_none_costs_nobody_a_token(listed: object) -> None:
    def odd(request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"application_credentials": listed})
        if request.url.path.endswith("/auth/tokens"):
            return httpx.Response(201, json=token(), headers={"X-Subject-Token": "ended"})
        return httpx.Response(201, json={"application_credential": {"id": "new", "secret": "s3cret"}})

    made = keystone_that(odd).scope_until(SCOPED, P3, NOW + timedelta(minutes=5), credential_name("new"))
    assert made.value.reveal() == "ended"


class Redirecting(BaseAdapter):
    """Sends everybody from Keystone to another host, and notes what arrives there."""

    def __init__(self) -> None:
        super().__init__()
        self.elsewhere: list[str | None] = []

    def send(self, request: PreparedRequest, *_: object, **__: object) -> Response:  # type: ignore[override]
        reply = Response()
        reply.request, reply.url = request, str(request.url)
        if "evil" in str(request.url):
            self.elsewhere.append(request.headers.get("X-Auth-Token"))
            reply.status_code, reply._content = 200, json.dumps(token()).encode()
        else:
            reply.status_code, reply._content = 302, b""
            reply.headers["Location"] = "https://evil.test/v3/auth/tokens"
        return reply

    def close(self) -> None:
        """Nothing is open."""


@pytest.mark.attack("X36")
def test_the_plugin_takes_a_keystone_token_nowhere_else() -> None:
    session, adapter = Session(), Redirecting()
    session.session.mount("https://", adapter)
    with pytest.raises(exceptions.ClientException):
        TokenPlugin("https://keystone.test/v3", "gAAAA-a-token").get_access(session)
    assert adapter.elsewhere == []
