"""`p3idp serve`: the real gunicorn, over plain http on loopback, with neighbours that do not answer."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from cryptography.fernet import Fernet

from p3idp.cli.serve import listening
from p3idp.errors import P3idpError
from p3idp.errors.lab import PortTaken
from p3idp.errors.settings import SettingsInvalid
from p3idp.lab.layout import CHECKOUT

P3IDP = str(Path(sys.executable).with_name("p3idp"))
METRICS = {"Authorization": "Bearer a-token-for-readers"}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def write_settings(directory: Path, port: int, **changes: str) -> Path:
    """Settings whose Keystone and provider are ports that nobody listens at."""
    secrets = {"key": Fernet.generate_key().decode(), "secret": "a-client-secret", "metrics": "a-token-for-readers"}
    for name, value in secrets.items():
        (directory / name).write_text(value)
        (directory / name).chmod(0o600)
    web = {"base_url": f"http://localhost:{port}", "listen": f"127.0.0.1:{port}"} | changes
    policy = directory / "mappings"
    shutil.copytree(CHECKOUT / "mappings", policy)
    site = (policy / "site.yaml").read_text()
    (policy / "site.yaml").write_text(site.replace("localhost:19443", "localhost:9"))
    file = directory / "settings.toml"
    file.write_text(f"""
policy_dir = "{policy}"
lab = true
[keystone]
auth_url = "http://localhost:9/v3"
username = "admin"
password = {{ file = "secret" }}
[providers.egi]
client_id = "p3idp"
client_secret = {{ file = "secret" }}
[web]
base_url = "{web["base_url"]}"
listen = "{web["listen"]}"
cookie_key = {{ file = "key" }}
metrics_token = {{ file = "metrics" }}
[store]
url = "sqlite:///{directory}/p3idp.sqlite"
""")
    return file


@dataclass
class Service:
    """A service that runs: where, as which process, and what it said."""

    port: int
    process: "subprocess.Popen[bytes]"
    log: Path
    temporary: Path

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    def get(self, path: str, **headers: str) -> httpx.Response:
        return httpx.get(self.url + path, headers=headers, trust_env=False, timeout=10)

    def raw(self, *lines: str) -> str:
        """Send these lines as they stand; the whole answer."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as connection:
            connection.sendall("\r\n".join([*lines, "", ""]).encode("latin-1"))
            answer = b""
            while chunk := connection.recv(65536):
                answer += chunk
        return answer.decode()


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    directory, port = tmp_path_factory.mktemp("serve"), free_port()
    settings, temporary = write_settings(directory, port), directory / "tmp"
    temporary.mkdir()
    with (directory / "log").open("wb") as log:
        environment = os.environ | {"TMPDIR": str(temporary)}
        command = [P3IDP, "serve", "--settings", str(settings)]
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
    running = Service(port, process, directory / "log", temporary)
    try:
        wait_until_alive(running)
        yield running
    finally:
        process.terminate()
        process.wait(20)


def wait_until_alive(service: Service) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            if service.get("/healthz").status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(service.log.read_text())


def run_serve(settings: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([P3IDP, "serve", "--settings", str(settings)], capture_output=True, text=True, timeout=30)


def test_a_taken_port_is_one_clear_message(tmp_path: Path, service: Service) -> None:
    done = run_serve(write_settings(tmp_path, service.port))
    assert done.returncode == 1
    assert "port-taken" in done.stderr
    assert f"127.0.0.1:{service.port}: another process listens there already" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("listen", "error"),
    [
        ("nonsense", SettingsInvalid),
        (":8443", SettingsInvalid),
        ("127.0.0.1:99999", PortTaken),
        ("192.0.2.1:1", PortTaken),
    ],
)
def test_an_address_that_cannot_be_is_named(listen: str, error: type[P3idpError]) -> None:
    with pytest.raises(error, match=re.escape(listen)):
        listening(listen)


def test_a_key_that_is_none_ends_before_anything_listens(tmp_path: Path) -> None:
    settings = write_settings(tmp_path, free_port())
    (tmp_path / "key").write_text("not-a-fernet-key-but-secret")
    done = run_serve(settings)
    assert done.returncode == 2
    assert "web.cookie_key" in done.stderr
    assert "not-a-fernet-key" not in done.stderr
    assert "Traceback" not in done.stderr


def test_without_neighbours_it_is_degraded_and_says_what_that_means(service: Service) -> None:
    reply = service.get("/readyz")
    assert (reply.status_code, reply.json()["status"]) == (200, "degraded")
    found = reply.json()["parts"]
    assert found["database"]["ok"]
    assert found["keystone"]["problem"] == "keystone-unreachable"
    assert [part["problem"] for name, part in found.items() if name.startswith("provider egi")] == [
        "provider-unreachable"
    ]


def test_without_its_provider_signing_in_is_one_plain_page(service: Service) -> None:
    reply = service.get("/login/egi")
    assert reply.status_code == 503
    assert "Retry-After" in reply.headers
    assert reply.headers["X-Request-Id"] in reply.text


@pytest.mark.parametrize(
    "lines",
    [
        ("GET / HTTP/1.1", "Host: a", "Connection: close", "SCRIPT_NAME: /evil", "PATH_INFO: /access"),
        ("GET / HTTP/1.1", "Host: evil.example", "Connection: close", "X-Forwarded-Host: evil.example"),
        ("GET / HTTP/1.1", "Host: a", "Connection: close", "X-Forwarded-Proto: https", "Remote_User: admin"),
        ("GET / HTTP/1.1", "Host: a", "Connection: close", "OIDC_CLAIM_sub: admin", "X_ROLES: admin"),
    ],
)
def test_headers_of_proxies_and_look_alikes_change_nothing_on_the_wire(
    service: Service, lines: tuple[str, ...]
) -> None:
    answer = service.raw(*lines)
    assert answer.startswith("HTTP/1.1 200")
    assert "Sign in with EGI Check-in" in answer
    assert "evil" not in answer


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("GET /" + "a" * 9000 + " HTTP/1.1", "Host: a"), "414"),
        (("GET / HTTP/1.1", "Host: a", "X: " + "a" * 9000), "431|400"),
        (("GET / HTTP/1.1", "Host: a", *(f"X-{number}: a" for number in range(100))), "431|400"),
        (
            (
                "POST /logout HTTP/1.1",
                "Host: a",
                "Content-Length: 5",
                "Transfer-Encoding: chunked",
                "Connection: close",
            ),
            "400",
        ),
        (("POST /logout HTTP/1.1", "Host: a", "Content-Length: 99999999", "Connection: close"), "413|303|400"),
        (("BREW / HTTP/1.1", "Host: a", "Connection: close"), "405|400"),
    ],
    ids=["long line", "long header", "many headers", "two lengths", "long body", "odd method"],
)
def test_requests_out_of_bounds_are_refused_and_the_service_lives(
    service: Service, lines: tuple[str, ...], status: str
) -> None:
    assert re.match(rf"HTTP/1.1 ({status})", service.raw(*lines))
    assert service.get("/healthz").status_code == 200


def test_reloading_keeps_the_numbers_and_the_port(service: Service) -> None:
    before = _answered(service)
    service.process.send_signal(signal.SIGHUP)
    time.sleep(1.5)
    wait_until_alive(service)
    assert _answered(service) >= before, "numbers are of all workers, the ones that went included"
    assert "Traceback" not in service.log.read_text()


def _answered(service: Service) -> float:
    text = service.get("/metrics", **METRICS).text
    return sum(float(line.split()[-1]) for line in text.splitlines() if line.startswith("p3idp_requests_total{"))


def test_a_stop_leaves_nothing_behind(service: Service) -> None:
    """Last in this file: it ends the service."""
    service.process.terminate()
    assert service.process.wait(25) == 0
    assert list(service.temporary.glob("p3idp-metrics-*")) == []
    log = service.log.read_text()
    assert "a-client-secret" not in log
    assert "a-token-for-readers" not in log
    assert all(line.startswith("{") for line in log.splitlines()), "one JSON object a line"
