"""The listener that a browser comes back to: it takes its own answer once, and nothing else ends or disturbs it."""

import socket
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Thread

import pytest
import requests

from p3idp.client.flows.listener import Listener
from p3idp.client.identity import Identity
from p3idp.core.login.callback import Callback
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.sign_in import SignInDenied, SignInTimedOut

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MARY = Identity("https://op.test", "cli", "mary@op.test", "Mary <b>&", (), Secret("access"), NOON, NOON, None)


@dataclass
class Waiting:
    """A listener, the answers that reached the sign-in behind it, and how it ended."""

    listener: Listener
    finished: list[Callback] = field(default_factory=list)
    refusal: P3idpError | None = None

    def finish(self, callback: Callback) -> Identity:
        self.finished.append(callback)
        if self.refusal is not None:
            raise self.refusal
        return MARY

    def get(self, query: str, path: str = "/", **how: object) -> requests.Response:
        return requests.get(f"http://{self.listener.host}{path}?{query}", timeout=5, **how)


@pytest.fixture
def waiting() -> Iterator[Waiting]:
    world = Waiting(Listener())
    with world.listener.answering("the-state", world.finish):
        yield world


GOOD = "state=the-state&code=c1"


def test_the_right_answer_signs_in(waiting: Waiting):
    page = waiting.get(f"{GOOD}&iss=https://op.test&session_state=x")
    assert page.status_code == 200
    assert "Mary &lt;b&gt;&amp;" in page.text
    assert waiting.listener.wait(1) is MARY
    assert waiting.finished == [Callback("the-state", "c1", "", "https://op.test")]
    assert page.headers["Cache-Control"] == "no-store"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "script" not in page.text
    assert "Python" not in page.headers["Server"]


@pytest.mark.parametrize(
    ("query", "path", "headers"),
    [
        ("state=another&code=c1", "/", {}),
        ("code=c1", "/", {}),
        ("state=&code=c1", "/", {}),
        (f"{GOOD}&code=c2", "/", {}),
        (f"{GOOD}&state=the-state", "/", {}),
        (f"{GOOD}&iss=a&iss=b", "/", {}),
        (f"{GOOD}&error=access_denied", "/", {}),
        ("state=the-state", "/", {}),
        (f"state=the-state&code={'c' * 5000}", "/", {}),
        ("&".join(f"x{number}=1" for number in range(50)), "/", {}),
        (GOOD, "/favicon.ico", {}),
        (GOOD, "/callback", {}),
        (GOOD, "/", {"Host": "evil.example"}),
        (GOOD, "/", {"Host": "localhost"}),
    ],
    ids=[
        "state wrong", "state missing", "state empty", "code twice", "state twice", "iss twice", "code and error",
        "neither", "too long", "too many", "favicon", "other path", "rebound name", "no port",
    ],
)  # fmt: skip
def test_what_is_not_the_answer_changes_nothing(waiting: Waiting, query: str, path: str, headers: dict[str, str]):
    refused = waiting.get(query, path, headers=headers)
    assert refused.status_code in (400, 404)
    assert waiting.finished == []
    assert waiting.get(GOOD).status_code == 200
    assert waiting.listener.wait(1) is MARY


@pytest.mark.parametrize("method", ["POST", "PUT", "HEAD", "OPTIONS", "DELETE"])
def test_only_get_is_answered(waiting: Waiting, method: str):
    refused = requests.request(method, f"http://{waiting.listener.host}/?{GOOD}", timeout=5)
    assert refused.status_code >= 400
    assert "Access-Control-Allow-Origin" not in refused.headers
    assert waiting.finished == []


def test_an_answer_counts_once(waiting: Waiting):
    statuses: list[int] = []
    asking = [Thread(target=lambda: statuses.append(waiting.get(GOOD).status_code)) for _ in range(8)]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert sorted(statuses) == [200] + [400] * 7
    assert len(waiting.finished) == 1


def test_a_refusal_ends_the_sign_in_and_is_shown(waiting: Waiting):
    waiting.refusal = SignInDenied("The sign-in was <i>refused</i>.")
    page = waiting.get("state=the-state&error=access_denied")
    assert page.status_code == 400
    assert "&lt;i&gt;" in page.text
    with pytest.raises(SignInDenied):
        waiting.listener.wait(1)


def test_a_silent_connection_holds_nobody_up(waiting: Waiting):
    """Browsers open connections before they need them."""
    host, _, port = waiting.listener.host.partition(":")
    with socket.create_connection((host, int(port))):
        assert waiting.get(GOOD).status_code == 200


def test_it_is_on_this_machine_alone_and_gone_afterwards():
    listener = Listener()
    _, _, port = listener.host.partition(":")
    assert listener.address.startswith("http://127.0.0.1:")
    with listener.answering("s", lambda _: MARY):
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.2", int(port)), timeout=1)
        with pytest.raises(SignInTimedOut):
            listener.wait(0.05)
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", int(port)), timeout=1)


def test_nothing_of_an_answer_is_logged(waiting: Waiting, capfd: pytest.CaptureFixture[str]):
    waiting.get("state=the-state&code=canary-code")
    waiting.get("state=wrong&code=canary-code")
    said = capfd.readouterr()
    assert "canary" not in said.out + said.err
