"""A proxy in front of Keystone that does harm when asked: kills the caller, answers wrongly, late or not at all.

Plain HTTP before, the lab's TLS behind. Reads pass; a write is any request that is no GET and asks for no token.
"""

import http.client
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Call:
    """One request. ``number``: of the writes, from 0; -1 for anything else. ``token``: the caller's."""

    number: int
    method: str
    path: str
    token: str

    @property
    def is_write(self) -> bool:
        return self.number >= 0


@dataclass(frozen=True)
class Harm:
    """What happens to a request. ``passed``: whether Keystone gets it. ``before`` and ``after`` run around that.

    ``status`` answers in Keystone's place; ``cut`` says no more than half of the answer; ``drop`` says nothing.
    """

    passed: bool = True
    before: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None
    status: int = 0
    cut: bool = False
    drop: bool = False
    headers: tuple[tuple[str, str], ...] = ()


NONE = Harm()
Choose = Callable[[Call], Harm]


@dataclass
class KeystoneProxy:
    """A running proxy. ``choose``: the harm of each request; ``calls``: all of them so far."""

    upstream: str
    tls: ssl.SSLContext
    choose: Choose = lambda call: NONE
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""
    # How many writes are with Keystone now, and were at most.
    under_way: int = 0
    at_most: int = 0

    @property
    def writes(self) -> list[Call]:
        return [call for call in self.calls if call.is_write]

    def begin(self, choose: Choose = lambda call: NONE) -> None:
        """Count from the start again, with this harm."""
        self.calls, self.choose, self.at_most = [], choose, 0

    def note(self, method: str, path: str, token: str) -> Call:
        with self.lock:
            write = method != "GET" and "/auth/tokens" not in path
            call = Call(len(self.writes) if write else -1, method, path, token)
            self.calls.append(call)
            return call

    @contextmanager
    def with_keystone(self, call: Call) -> Iterator[None]:
        with self.lock:
            self.under_way += call.is_write
            self.at_most = max(self.at_most, self.under_way)
        try:
            yield
        finally:
            with self.lock:
                self.under_way -= call.is_write


@contextmanager
def proxied(upstream: str, tls: ssl.SSLContext) -> Iterator[KeystoneProxy]:
    """A proxy in front of this Keystone (its address with /v3)."""
    proxy = KeystoneProxy(upstream, tls)
    handler = type("Handler", (_Handler,), {"proxy": proxy})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    proxy.url = f"http://127.0.0.1:{server.server_address[1]}/v3"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield proxy
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    proxy: KeystoneProxy
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    upstream: http.client.HTTPSConnection | None = None

    def log_message(self, *_: Any) -> None:
        """Nothing."""

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):  # the caller is gone
            self.close_connection = True

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = self.proxy.note(self.command, self.path, self.headers.get("X-Auth-Token", ""))
        harm = self.proxy.choose(call)
        harm.before()
        status, headers, answer = 502, [], b"{}"
        if harm.passed:
            with self.proxy.with_keystone(call):
                status, headers, answer = self._ask(body)
        harm.after()
        if harm.drop:
            self.close_connection = True
            return
        if harm.status:
            status, headers, answer = harm.status, [("Content-Type", "application/json")], b'{"error": {}}'
        self.send_response(status)
        for name, value in (*headers, *harm.headers):
            if name.lower() not in (
                "transfer-encoding",
                "connection",
                "content-length",
                "date",
                "server",
                "keep-alive",
            ):
                self.send_header(name, value)
        answer = answer[: len(answer) // 2] if harm.cut else answer
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def _ask(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
        where = urlsplit(self.proxy.upstream)
        kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        if self.upstream is None:
            self.upstream = http.client.HTTPSConnection(
                str(where.hostname), where.port, context=self.proxy.tls, timeout=60
            )
        try:
            self.upstream.request(self.command, self.path, body or None, kept)
            reply = self.upstream.getresponse()
        except (http.client.RemoteDisconnected, BrokenPipeError):  # it ended an idle connection
            self.upstream.close()
            self.upstream.request(self.command, self.path, body or None, kept)
            reply = self.upstream.getresponse()
        return reply.status, reply.getheaders(), reply.read()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _pass
