"""`p3idp exchange` and the plugins, against a broker of paper: what is sent, what is printed, how each answer ends."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import parse_qs

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.session import Session

from p3idp.cli.main import run
from p3idp.client.exchanged import P3idp
from p3idp.client.plugin import P3idpLoader
from p3idp.core.exchange.request import KEYSTONE_TOKEN
from p3idp.errors.exchange import NoAccess, ProjectNotNamed

PROGRAM = Path(sys.executable).with_name("p3idp")
TOKEN = "header.body.signature"
GOOD = {
    "access_token": "gAAAA-keystone",
    "issued_token_type": KEYSTONE_TOKEN,
    "token_type": "N_A",
    "expires_in": 600,
    "expires_at": "2026-11-22T09:00:00Z",
    "scope": "project:p3@egi",
    "resource": "https://keystone.test/v3/projects/0a1b",
}


class PaperBroker:
    """Answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status, self.body, self.headers = 200, json.dumps(GOOD).encode(), {}
        self.asked: list[tuple[str, dict[str, list[str]]]] = []
        broker = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.do_POST()

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
                broker.asked.append((self.path, form))
                self.send_response(broker.status)
                for name, value in broker.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(broker.body)))
                self.end_headers()
                self.wfile.write(broker.body)

            def log_message(self, *_: object) -> None:
                """Silence."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def refuse(self, status: int, code: str, description: str = "No.", error: str = "invalid_request") -> None:
        self.status = status
        body = {"error": error, "error_description": description, "code": code, "request_id": "req-1"}
        self.body = json.dumps(body).encode()


@pytest.fixture
def broker() -> Iterator[PaperBroker]:
    paper = PaperBroker()
    yield paper
    paper.close()


@pytest.fixture
def elsewhere() -> Iterator[PaperBroker]:
    paper = PaperBroker()
    yield paper
    paper.close()


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def exchange(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The console script in this process (one each would cost most of a second), a token on its standard input."""

    def call(url: str, *options: str, token: str = TOKEN) -> Done:
        monkeypatch.setattr(sys, "argv", ["p3idp", "exchange", "--broker", url, "--token-file", "-", *options])
        monkeypatch.setattr(sys, "stdin", io.StringIO(token))
        with pytest.raises(SystemExit) as left:
            run()
        printed = capsys.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


def test_it_prints_the_token_alone(exchange: Callable[..., Done], broker: PaperBroker):
    done = exchange(broker.url, "--project", "a b@egi")
    assert (done.returncode, done.stdout, done.stderr) == (0, "gAAAA-keystone\n", "")
    ((path, form),) = broker.asked
    assert path == "/oauth/token"
    assert form["subject_token"] == [TOKEN]
    assert form["scope"] == ["project:a%20b@egi"]


@pytest.mark.parametrize(
    ("project", "scope"),
    [("p3", "project:p3"), ("p3@egi", "project:p3@egi"), ("me@home@egi", "project:me%40home@egi")],
)
def test_a_project_is_a_name_and_a_domain(exchange: Callable[..., Done], broker: PaperBroker, project: str, scope: str):
    exchange(broker.url, "--project", project)
    assert broker.asked[0][1]["scope"] == [scope]


def test_json_and_export_say_more(exchange: Callable[..., Done], broker: PaperBroker):
    told = json.loads(exchange(broker.url, "--json").stdout)
    assert told == {
        "auth_url": "https://keystone.test/v3",
        "expires_at": "2026-11-22T09:00:00+00:00",
        "project_id": "0a1b",
        "scope": "project:p3@egi",
        "token": "gAAAA-keystone",
    }
    lines = exchange(broker.url, "--export").stdout.splitlines()
    assert "export OS_AUTH_TYPE=v3p3idptoken" in lines
    assert "export OS_AUTH_URL=https://keystone.test/v3" in lines
    broker.body = json.dumps(GOOD | {"access_token": "$(touch${IFS}x)'"}).encode()
    assert "export OS_TOKEN='$(touch${IFS}x)'\"'\"''" in exchange(broker.url, "--export").stdout


@pytest.mark.parametrize(
    ("status", "code", "exit_status"),
    [
        (400, "exchange-subject-token-over", 3),
        (400, "exchange-subject-token-refused", 4),
        (400, "exchange-invalid-target", 4),
        (403, "exchange-off", 4),
        (503, "exchange-unavailable", 5),
        (429, "too-many-requests", 5),
        (500, "exchange-failed", 5),
    ],
)
def test_refusals_end_by_the_table(
    exchange: Callable[..., Done], broker: PaperBroker, status: int, code: str, exit_status: int
):
    broker.refuse(status, code)
    done = exchange(broker.url)
    assert (done.returncode, done.stdout) == (exit_status, "")
    assert code in done.stderr
    assert TOKEN not in done.stderr


def test_what_to_try_is_said_once_and_in_the_words_of_this_command(exchange: Callable[..., Done], broker: PaperBroker):
    broker.refuse(400, ProjectNotNamed.code, f"It reaches: project:p3@egi. {ProjectNotNamed.hint}")
    said = exchange(broker.url).stderr
    assert "--project" in said
    assert "scope or resource" not in said
    broker.refuse(400, NoAccess.code, f"Nothing for you. {NoAccess.hint}")
    assert exchange(broker.url).stderr.splitlines() == [
        "Error (broker-refused): Nothing for you. (exchange-no-access, req-1)",
        f"What to try: {NoAccess.hint}",
    ]


def test_a_broker_cannot_paint_the_terminal(exchange: Callable[..., Done], broker: PaperBroker):
    broker.refuse(400, "x", "\x1b[2Jgone\r\nand more")
    assert "\x1b[2J" not in exchange(broker.url).stderr


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (200, b"<html>", {}),
        (200, b"[]", {}),
        (200, b"{}", {}),
        (200, json.dumps(GOOD | {"issued_token_type": "other"}).encode(), {}),
        (404, b"not here", {}),
    ],
    ids=["html", "list", "empty", "other type", "404"],
)
def test_what_is_no_broker_is_unreachable(
    exchange: Callable[..., Done], broker: PaperBroker, status: int, body: bytes, headers: dict[str, str]
):
    broker.status, broker.body, broker.headers = status, body, headers
    done = exchange(broker.url)
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed_with_the_token(
    exchange: Callable[..., Done], broker: PaperBroker, elsewhere: PaperBroker, status: int
):
    broker.status, broker.headers = status, {"Location": f"{elsewhere.url}/oauth/token"}
    assert exchange(broker.url).returncode == 5
    assert elsewhere.asked == []


def test_a_proxy_of_the_environment_does_not_come_between(
    exchange: Callable[..., Done], broker: PaperBroker, elsewhere: PaperBroker, monkeypatch: pytest.MonkeyPatch
):
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, elsewhere.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    assert exchange(broker.url).returncode == 0
    assert elsewhere.asked == []


@pytest.mark.parametrize("url", ["http://broker.example.org", "ftp://x", "broker.example.org", "https://[::", ""])
def test_a_token_does_not_travel_in_clear(exchange: Callable[..., Done], url: str):
    done = exchange(url)
    assert done.returncode == 2
    assert "broker-unsafe" in done.stderr


@pytest.mark.parametrize("text", ["", "  \n", "two words"])
def test_an_empty_or_odd_token_is_refused_here(exchange: Callable[..., Done], broker: PaperBroker, text: str):
    done = exchange(broker.url, token=text)
    assert done.returncode == 2
    assert broker.asked == []


def test_there_is_no_option_for_a_token():
    shown = subprocess.run([PROGRAM, "exchange", "--help"], capture_output=True, text=True, check=True).stdout
    assert "--token-file" in shown
    assert "--token " not in shown
    assert {option.name for option in P3idpLoader().get_options()}.isdisjoint({"token", "access-token"})


def test_the_plugin_says_what_the_broker_said(broker: PaperBroker, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("MY_TOKEN", TOKEN)
    plugin = P3idp("https://keystone.test/v3", broker=broker.url, access_token_env="MY_TOKEN", project_id="0a1b")
    broker.refuse(400, "exchange-no-access", "The policy gives you no project.")
    with pytest.raises(exceptions.AuthorizationFailure, match="gives you no project"):
        plugin.get_access(Session())
    assert broker.asked[0][1]["resource"] == ["https://keystone.test/v3/projects/0a1b"]
    broker.refuse(503, "exchange-unavailable")
    with pytest.raises(exceptions.ConnectFailure):
        plugin.get_access(Session())


@pytest.mark.parametrize(
    "options",
    [
        {"project_id": "x"},
        {"access_token_env": "X", "access_token_file": "y", "project_id": "x"},
        {"access_token_env": "X"},
        {"access_token_env": "X", "project_id": "x", "project_name": "y"},
    ],
    ids=["no token", "two tokens", "no project", "two projects"],
)
def test_the_plugin_refuses_unclear_options(options: dict[str, str]):
    with pytest.raises(exceptions.OptionError):
        P3idp("https://keystone.test/v3", broker="https://b.test", **options)
