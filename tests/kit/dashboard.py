"""A page that stands where the lab's Horizon would be, and keeps the tokens that are posted to it."""

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qs

from p3idp.lab.handle import LabHandle

PATH = "/auth/websso/"


@contextmanager
def standing_dashboard(lab: LabHandle) -> Iterator[list[str]]:
    """Listen at the dashboard's address; yields the list that the posted tokens are added to."""
    received: list[str] = []

    class Page(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
            if self.path == PATH:
                received.extend(form.get("token", []))
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!doctype html><title>Dashboard</title><h1>Welcome</h1>")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing: what it would say are requests of the tests."""

    server = ThreadingHTTPServer(("127.0.0.1", lab.urls.horizon), Page)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(lab.layout.tls_cert, lab.layout.tls_key)
    server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()


def websso_url(lab: LabHandle, origin: str | None = None, provider: str | None = "egi") -> str:
    """Where Keystone's own websso begins; without a provider, at the address that knows the protocol alone."""
    origin = origin or lab.urls.horizon_url + PATH
    place = f"identity_providers/{provider}/protocols/openid/websso" if provider else "websso/openid"
    return f"{lab.urls.keystone_url}/auth/OS-FEDERATION/{place}?origin={origin}"
