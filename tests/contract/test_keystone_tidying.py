"""Expired credentials of past exchanges are deleted, and nothing else, on a Keystone of paper."""

import json
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from p3idp.adapters.keystone.login import KeystoneLogin
from p3idp.core.exchange.naming import credential_name
from p3idp.core.policy.model import ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused
from p3idp.ports.keystone import KeystoneToken, ReachableProject

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
P3 = ReachableProject(ProjectRef("egi", "p3"), "0a1b")
SCOPED = KeystoneToken(Secret("scoped"), "u1", "alice", NOW, NOW, P3.ref, P3.id, ("member",), ("d1", "egi"))


def at(**before: float) -> str:
    """As Keystone writes a credential's end: without a zone."""
    return (NOW - timedelta(**before)).replace(tzinfo=None).isoformat(timespec="microseconds")


HELD = [
    {"id": "over", "name": credential_name("a"), "expires_at": at(minutes=1)},
    {"id": "alive", "name": credential_name("b"), "expires_at": at(minutes=-1)},
    {"id": "theirs", "name": "my-backup", "expires_at": at(minutes=1)},
    {"id": "endless", "name": credential_name("c"), "expires_at": None},
    {"id": "odd", "name": None, "expires_at": "soon"},
]


class PaperKeystone:
    """Makes credentials and tokens, and writes down every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str]] = []
        self.bodies: list[dict[str, object]] = []
        self.token_ends = NOW + timedelta(minutes=5)
        self.login = KeystoneLogin("https://keystone.test", None, 1.0)
        self.login._http._http = httpx.Client(transport=httpx.MockTransport(self.answer))
        self.drops = 0

    def answer(self, request: httpx.Request) -> httpx.Response:
        if self.drops:
            self.drops -= 1
            raise httpx.RemoteProtocolError("Server disconnected")
        path = request.url.path.removeprefix("/v3")
        self.calls.append((request.method, path.rsplit("/", 1)[-1]))
        if request.method == "POST":
            self.bodies.append(json.loads(request.content))
        if request.method == "DELETE":
            return httpx.Response(204)
        if path == "/auth/tokens":
            return httpx.Response(201, json=self.token(), headers={"X-Subject-Token": "ended"})
        if request.method == "GET":
            return httpx.Response(200, json={"application_credentials": HELD})
        return httpx.Response(201, json={"application_credential": {"id": "new", "secret": "s3cret"}})

    def token(self) -> dict[str, object]:
        domain = {"id": "d1", "name": "egi"}
        user = {"id": "u1", "name": "alice", "domain": domain}
        project = {"id": P3.id, "name": "p3", "domain": domain}
        ends, issued = self.token_ends.isoformat(), NOW.isoformat()
        return {"token": {"user": user, "project": project, "roles": [], "expires_at": ends, "issued_at": issued}}

    def deleted(self) -> list[str]:
        return [what for method, what in self.calls if method == "DELETE"]

    def exchange(self) -> KeystoneToken:
        return self.login.scope_until(SCOPED, P3, NOW + timedelta(minutes=5), credential_name("new"))


@pytest.fixture
def keystone() -> PaperKeystone:
    return PaperKeystone()


def test_only_expired_credentials_of_p3idp_are_deleted(keystone: PaperKeystone):
    keystone.exchange()
    assert keystone.deleted() == ["over"]


def test_tidying_is_not_done_at_every_exchange(keystone: PaperKeystone):
    for _ in range(3):
        keystone.exchange()
    assert [method for method, _ in keystone.calls].count("GET") == 1


def test_the_credential_is_restricted_and_has_only_the_roles_of_the_token(keystone: PaperKeystone):
    keystone.exchange()
    wanted = keystone.bodies[0]["application_credential"]
    assert isinstance(wanted, dict)
    assert wanted["unrestricted"] is False
    assert wanted["roles"] == [{"name": "member"}]
    assert wanted["expires_at"] == "2026-11-22T08:05:00.000000Z"


def test_a_token_that_outlives_its_credential_is_refused_and_ended(keystone: PaperKeystone):
    keystone.token_ends += timedelta(seconds=1)
    with pytest.raises(FederatedLoginRefused, match="did not keep"):
        keystone.exchange()
    assert keystone.deleted() == ["new"]


def test_a_connection_that_was_just_closed_is_tried_once_more(keystone: PaperKeystone):
    keystone.drops = 1
    assert keystone.exchange().value.reveal() == "ended"


def test_no_secret_shows(keystone: PaperKeystone):
    assert "ended" not in repr(keystone.exchange())
