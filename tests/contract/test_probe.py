"""The doctor's probe, on real sockets: whatever a server says or does, the answer is a value or an error of p3idp."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from p3idp.adapters.probe import HttpProbe
from p3idp.errors.site import Unreached


class _Nonsense(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Encoding", "gzip")
        self.end_headers()
        self.wfile.write(b"this is not gzip")

    def log_message(self, *_: object) -> None:
        """Silence."""


@pytest.fixture
def nonsense() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Nonsense)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("url", ["", "https://[", "https://localhost:1/", "https://local\x00host/", "ftp://localhost/"])
def test_an_address_that_cannot_be_asked_is_told(url: str):
    with pytest.raises(Unreached):
        HttpProbe(None).ask("GET", url)


def test_a_body_that_does_not_unpack_is_told(nonsense: str):
    with pytest.raises(Unreached):
        HttpProbe(None).ask("GET", nonsense)
