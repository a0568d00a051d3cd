"""Several threads talk to Keystone over one session: at one pace, without cookies, and each gets over a token's end."""

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import Unauthorized
from keystoneauth1.identity import v3

from p3idp.adapters.keystone import session as sessions
from p3idp.adapters.keystone.pace import Pace
from p3idp.adapters.keystone.session import make_session, password_auth
from p3idp.core.secret import Secret

URL = "https://keystone.test/v3"
TOKEN = {
    "token": {
        "methods": ["password"],
        "issued_at": "2026-11-22T09:00:00.000000Z",
        "expires_at": "2099-11-22T09:00:00.000000Z",
        "user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}},
    }
}


class Clock:
    """Time passes where somebody sleeps."""

    def __init__(self) -> None:
        self.now, self.slept = 100.0, []

    def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


def test_calls_are_evenly_apart():
    clock = Clock()
    pace = Pace(10, lambda: clock.now, clock.sleep)
    for _ in range(4):
        pace.wait()
    assert clock.slept == [0.1, 0.1, 0.1]
    clock.now += 5
    pace.wait()
    assert clock.slept == [0.1, 0.1, 0.1], "what was not used in a quiet time is not made up for either"


def test_several_threads_share_one_pace():
    slept: list[float] = []
    pace = Pace(10, lambda: 100.0, slept.append)
    with ThreadPoolExecutor(4) as crew:
        list(crew.map(lambda _: pace.wait(), range(8)))
    assert sorted(round(each, 6) for each in slept) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7]


def test_without_a_limit_nobody_waits():
    clock = Clock()
    Pace(0, lambda: clock.now, clock.sleep).wait()
    assert clock.slept == []


class Keystone(requests.adapters.BaseAdapter):
    """Its first token was revoked: it says so to so many callers at once."""

    def __init__(self, callers: int) -> None:
        super().__init__()
        self.tokens, self.together, self.cookies = 0, threading.Barrier(callers), []

    def send(self, request: requests.PreparedRequest, **_: object) -> requests.Response:
        self.cookies.append(request.headers.get("Cookie"))
        if request.url == f"{URL}/auth/tokens":
            self.tokens += 1
            time.sleep(0.005)  # meanwhile the others learn that theirs has ended
            return self._answer(request, 201, TOKEN, {"X-Subject-Token": f"token-{self.tokens}"})
        if request.headers["X-Auth-Token"] == "token-1":
            self.together.wait(10)
            return self._answer(request, 401, {})
        return self._answer(request, 200, {})

    def _answer(self, request, status, body, headers=None) -> requests.Response:
        answer = requests.Response()
        answer.status_code, answer.request, answer.url = status, request, request.url
        answer.headers.update({"Content-Type": "application/json", "Set-Cookie": "node=1", **(headers or {})})
        answer.raw = io.BytesIO(requests.compat.json.dumps(body).encode())
        return answer

    def close(self) -> None:
        """Nothing."""


def ask(callers: int) -> Keystone:
    """So many calls at once with a token that was revoked."""
    keystone = Keystone(callers)
    auth = password_auth(URL, "admin", "Default", Secret("x"), {"system_scope": "all"})
    session = make_session(auth, None, 5)
    session.session.mount("https://", keystone)
    adapter = Adapter(session, endpoint_override=URL)
    session.get_token()
    with ThreadPoolExecutor(callers) as crew:
        assert [reply.status_code for reply in crew.map(lambda _: adapter.get("/x"), range(callers))] == [200] * callers
    return keystone


def test_a_token_that_ends_under_several_calls_ends_none_of_them():
    for _ in range(5):
        assert 2 <= ask(4).tokens <= 5, "each asks for another at most once"


def test_no_cookie_goes_from_one_call_to_the_next():
    assert set(ask(2).cookies) == {None}


def test_the_proof_turns_red_with_keystoneauths_own_account(monkeypatch):
    monkeypatch.setattr(sessions, "_Password", v3.Password)
    with pytest.raises(Unauthorized):
        ask(4)
