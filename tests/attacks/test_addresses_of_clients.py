"""Which address a request is counted under (X32): the connection's, or that of the PROXY line of a proxy we know.

The real gunicorn as `p3idp serve` sets it up, asked over sockets. Nobody listens where its provider and Keystone are:
the tokens here are refused for their form, before anybody would be asked.
"""

import json
import shutil
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPResponse
from pathlib import Path
from urllib.parse import urlencode

import pytest
from battery import Attack
from cryptography.fernet import Fernet

from p3idp.core.exchange.request import ACCESS_TOKEN, GRANT_TYPE
from p3idp.errors.settings import SettingsInvalid
from p3idp.lab.layout import CHECKOUT
from p3idp.settings import load_settings

P3IDP = str(Path(sys.executable).with_name("p3idp"))
PROXY = "127.0.0.2"  # ours; Linux has all of 127/8, so that one machine can be a proxy and a stranger
BAD = 3  # bad tokens that an address may send within a minute here
HERE = "127.0.0.1"


def write_settings(directory: Path, port: int, proxies: str, more: str = "") -> Path:
    for name, value in {"key": Fernet.generate_key().decode(), "secret": "a-client-secret"}.items():
        (directory / name).write_text(value)
        (directory / name).chmod(0o600)
    shutil.copytree(CHECKOUT / "mappings", directory / "mappings")
    file = directory / "settings.toml"
    file.write_text(f"""
policy_dir = "{directory}/mappings"
lab = true
[keystone]
auth_url = "http://localhost:9/v3"
username = "admin"
password = {{ file = "secret" }}
[providers.egi]
client_id = "p3idp"
client_secret = {{ file = "secret" }}
[web]
base_url = "http://localhost:{port}"
listen = "{HERE}:{port}"
workers = 1
cookie_key = {{ file = "key" }}
proxy_protocol_from = [{proxies}]
{more}
[store]
url = "sqlite:///{directory}/p3idp.sqlite"
[limits]
address_per_minute = {BAD * 20}
""")
    return file


@dataclass
class Broker:
    """A broker behind a proxy at 127.0.0.2."""

    port: int

    def ask(self, line: bytes = b"", source: str = HERE, headers: str = "", times: int = 1) -> list[int]:
        """Exchange a bad token so many times over one connection each; the statuses, 0 for a connection cut off."""
        return [self._status(self._send(line + self.request(headers), source)) for _ in range(times)]

    def get(self, path: str, source: str) -> int:
        """The status of a page."""
        return self._status(self._send(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(), source))

    def over_one_connection(self, line: bytes, source: str, times: int) -> list[int]:
        """The same, one after another over the same connection for as long as it is kept."""
        statuses: list[int] = []
        with socket.create_connection((HERE, self.port), 10, (source, 0)) as connection:
            connection.sendall(line)
            with suppress(ConnectionError):
                for _ in range(times):
                    connection.sendall(self.request(close=False))
                    reply = HTTPResponse(connection)
                    reply.begin()
                    reply.read()
                    statuses.append(reply.status)
        return statuses

    def request(self, headers: str = "", *, close: bool = True) -> bytes:
        form = urlencode({"grant_type": GRANT_TYPE, "subject_token": "bad", "subject_token_type": ACCESS_TOKEN})
        end = "Connection: close\r\n" if close else ""
        kind = "Content-Type: application/x-www-form-urlencoded"
        length = f"Content-Length: {len(form)}"
        return f"POST /oauth/token HTTP/1.1\r\nHost: a\r\n{kind}\r\n{length}\r\n{end}{headers}\r\n{form}".encode()

    def _send(self, sent: bytes, source: str) -> bytes:
        with socket.create_connection((HERE, self.port), 10, (source, 0)) as connection:
            connection.sendall(sent)
            answer = b""
            with suppress(ConnectionError):
                while chunk := connection.recv(65536):
                    answer += chunk
        return answer

    @staticmethod
    def _status(answer: bytes) -> int:
        return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else 0


def v1(address: str) -> bytes:
    family = "TCP6" if ":" in address else "TCP4"
    return f"PROXY {family} {address} {'::1' if ':' in address else HERE} 5000 443\r\n".encode()


def v2(address: str) -> bytes:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    both = socket.inet_pton(family, address) * 2 + struct.pack(">HH", 5000, 443)
    kind = 0x21 if ":" in address else 0x11
    return b"\r\n\r\n\x00\r\nQUIT\n" + struct.pack(">BBH", 0x21, kind, len(both)) + both


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    directory = tmp_path_factory.mktemp("proxied")
    with socket.socket() as probe:
        probe.bind((HERE, 0))
        port = int(probe.getsockname()[1])
    settings = write_settings(directory, port, f'"{PROXY}/32", "::1"')
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen([P3IDP, "serve", "--settings", str(settings)], stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex((HERE, port)) == 0:
                    break
            time.sleep(0.1)
        yield Broker(port)
    finally:
        process.terminate()
        process.wait(20)


LOCKED = [400] * BAD + [429] * 2


@pytest.mark.attack("X32")
def test_no_header_makes_another_address(broker: Broker, attack: Attack) -> None:
    for source, headers in {
        "127.0.1.1": "X-Forwarded-For: 198.51.100.{n}",
        "127.0.1.2": "Forwarded: for=198.51.100.{n}",
        "127.0.1.3": "X-Real-IP: 198.51.100.{n}",
        "127.0.1.4": "X_Forwarded_For: 198.51.100.{n}\r\nRemote_Addr: 198.51.100.{n}\r\nREMOTE-ADDR: 198.51.100.{n}",
        "127.0.1.5": "Client-IP: 198.51.100.{n}\r\nTrue-Client-IP: 198.51.100.{n}\r\nCF-Connecting-IP: 198.51.100.{n}",
    }.items():
        got = [broker.ask(source=source, headers=f"{headers.format(n=n)}\r\n")[0] for n in range(len(LOCKED))]
        attack.saw(headers.partition(":")[0], got == LOCKED, str(got))
        assert got == LOCKED, headers


@pytest.mark.attack("X32")
def test_each_client_behind_the_proxy_is_counted_for_itself(broker: Broker, attack: Attack) -> None:
    for line in (v1("192.0.2.1"), v2("192.0.2.2"), v1("2001:db8:1::1"), v2("2001:db8:2::1")):
        got = broker.ask(line, PROXY, times=len(LOCKED))
        attack.saw(str(line[:30]), got == LOCKED, str(got))
        assert got == LOCKED
    assert broker.ask(v1("192.0.2.3"), PROXY) == [400], "the next client"
    assert broker.ask(v1("192.0.2.2"), PROXY) == [429], "one client, whichever form its proxy writes"
    assert broker.ask(v1("2001:db8:1::ffff"), PROXY) == [429], "one subscriber picks addresses of its /64 at will"
    assert broker.ask(v1("::ffff:192.0.2.1"), PROXY) == [429], "the same IPv4 address, written as IPv6"
    assert broker.ask(source=PROXY) == [400], "and the proxy itself has asked nothing yet"


@pytest.mark.attack("X32")
def test_the_proxys_word_for_a_client_holds_for_one_request_alone(broker: Broker, attack: Attack) -> None:
    """gunicorn forgets the line after a connection's first request, and would count the rest as the proxy's."""
    got = broker.over_one_connection(v1("192.0.2.10"), PROXY, 10)
    attack.saw("ten requests over one connection", got == [400], str(got))
    assert got == [400]


@pytest.mark.attack("X32")
def test_a_strangers_proxy_line_is_refused(broker: Broker, attack: Attack) -> None:
    for source in (HERE, "127.0.0.3"):
        for line in (v1("192.0.2.20"), v2("192.0.2.20"), v1("127.0.0.2")):
            got = broker.ask(line, source)
            attack.saw(f"{line[:12]!r} from {source}", got[0] in (0, 403), str(got))
            assert got[0] in (0, 403)
    assert broker.ask(v1("192.0.2.20"), PROXY) == [400], "nothing was counted for whom the stranger named"


@pytest.mark.attack("X32")
@pytest.mark.parametrize("line", [b"PROXY TCP4 x y 1 2\r\n", b"PROXY UNKNOWN\r\n", b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n"])
def test_a_proxy_line_that_names_nobody_gets_no_further(broker: Broker, line: bytes) -> None:
    assert broker.ask(line, PROXY)[0] in (0, 400)


@pytest.mark.attack("X32")
@pytest.mark.parametrize("path", ["/login/egi", "/login/egi/callback?state=x&code=y"])
def test_sign_ins_are_counted_by_address_too(broker: Broker, attack: Attack, path: str) -> None:
    """Beginnings and ends together: each end asks the provider in our name."""
    source = f"127.0.2.{len(path)}"
    got = Counter(broker.get(path, source) for _ in range(BAD * 20 + 5))
    attack.saw(path, got[429] == 5, str(dict(got)))
    assert got[429] == 5
    assert broker.get("/login/egi/callback?state=x", source) == 429
    assert broker.get("/", source) == 200, "nothing else is"
    assert broker.get(path, "127.0.2.1") != 429


@pytest.mark.parametrize(
    ("proxies", "more", "said"),
    [
        ('"0.0.0.0/0"', "", "must not name everybody"),
        ('"::/0"', "", "must not name everybody"),
        ('"*"', "", "web.proxy_protocol_from"),
        ('"haproxy.example.org"', "", "web.proxy_protocol_from"),
        ('"192.0.2.1"', 'tls_cert = "key"\ntls_key = "key"', "the proxy ends TLS"),
    ],
)
def test_settings_that_would_believe_anybody_are_refused(tmp_path: Path, proxies: str, more: str, said: str) -> None:
    with pytest.raises(SettingsInvalid, match=said):
        load_settings(str(write_settings(tmp_path, 1, proxies, more)))


@pytest.mark.accept_control
def test_the_refusal_says_how_long_to_wait(broker: Broker) -> None:
    for _ in range(BAD):
        assert broker.ask(v1("192.0.2.30"), PROXY) == [400]
    answer = broker._send(v1("192.0.2.30") + broker.request(), PROXY)
    head, _, body = answer.decode().partition("\r\n\r\n")
    told = json.loads(body)
    assert (told["error"], told["code"]) == ("temporarily_unavailable", "too-many-requests")
    wait = next(line.split(": ")[1] for line in head.splitlines() if line.lower().startswith("retry-after"))
    assert 1 <= int(wait) <= 60
