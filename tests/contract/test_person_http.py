"""How a failure to reach Keystone as a person is told, on real sockets."""

import ssl
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
import trustme

from p3idp.adapters.keystone.person_http import PersonalHttp
from p3idp.errors.keystone import KeystoneUnreachable


@pytest.fixture
def stranger() -> Iterator[str]:
    """A server whose certificate nobody here trusts."""
    server = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("localhost").configure_cert(context)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"https://localhost:{server.server_port}/v3"
    server.shutdown()
    server.server_close()


def test_a_certificate_that_is_not_trusted_is_told_as_that(stranger: str):
    with pytest.raises(KeystoneUnreachable, match=r"certificate of Keystone at localhost:\d+ is not trusted") as told:
        PersonalHttp(None, 5.0).send("GET", stranger)
    assert "ca_file" in told.value.hint


def test_nobody_at_the_address_is_told_as_that():
    with pytest.raises(KeystoneUnreachable, match="localhost:1 does not answer") as told:
        PersonalHttp(None, 5.0).send("GET", "https://localhost:1/v3")
    assert "certificate" not in told.value.detail
