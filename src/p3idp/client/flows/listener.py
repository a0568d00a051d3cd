"""The listener that a browser is sent back to (RFC 8252 section 7.3). Owns what it answers, and to whom.

It is on 127.0.0.1 and a port of the system's choice, answers one path, and what does not belong to the sign-in under
way neither ends nor disturbs it: any page in the browser and anybody on the machine can send requests here.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Lock, Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from p3idp.client.identity import Identity
from p3idp.core.login.callback import Callback, check_state, read_callback
from p3idp.errors import P3idpError
from p3idp.errors.login import SignInRefused
from p3idp.errors.sign_in import SignInFailed, SignInTimedOut

_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Connection": "close",
}
_MOST_FIELDS = 20


Finish = Callable[[Callback], Identity]


class Listener:
    """A listener for the answer to one sign-in. It has its address at once, and answers inside ``answering``.

    ``port`` 0 is one of the system's choice. Raises OSError where the port is taken.
    """

    def __init__(self, port: int = 0, path: str = "/") -> None:
        self.path = path
        self._awaited: tuple[str, Finish] | None = None
        self._ended: Queue[Identity | P3idpError] = Queue()
        self._once = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), _handler(self))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    @property
    def address(self) -> str:
        """The redirect URI."""
        return f"http://{self.host}{self.path}"

    @contextmanager
    def answering(self, state: str, finish: Finish) -> Iterator[None]:
        """Take the answer that has this state; ``finish`` makes an Identity of it."""
        self._awaited = (state, finish)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        try:
            yield
        finally:
            self._server.shutdown()
            self._server.server_close()

    def wait(self, seconds: float) -> Identity:
        """Who signed in. Raises what the sign-in ended with, or SignInTimedOut."""
        try:
            ended = self._ended.get(timeout=seconds)
        except Empty:
            raise SignInTimedOut(f"Nobody signed in within {seconds / 60:.0f} minutes.") from None
        if isinstance(ended, P3idpError):
            raise ended
        return ended

    def take(self, query: str) -> tuple[int, str, str]:
        """Take an answer of the provider: a status, a heading and a sentence for the browser."""
        state, finish = self._awaited or ("", None)
        try:
            callback = read_callback(parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS))
            check_state(callback, state)
        except (SignInRefused, ValueError):
            return 400, "Not this sign-in", "This does not belong to the sign-in that your terminal waits for."
        if finish is None or not self._once.acquire(blocking=False):
            return 400, "Already used", "This answer was used before. Go back to the terminal."
        ended: Identity | P3idpError = SignInFailed("The sign-in failed here; it is not your doing.")
        try:
            ended = finish(callback)
        except P3idpError as error:
            ended = error
        finally:  # also after a defect of ours: the terminal must not wait for what will not come
            self._ended.put(ended)
        if isinstance(ended, P3idpError):
            return 400, "Not signed in", ended.detail
        return 200, "Signed in", f"You are signed in as {ended.name}. Close this page and go back to the terminal."


def _handler(listener: Listener) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10  # seconds for a browser that opens a connection and says nothing
        server_version, sys_version = "p3idp", ""

        def do_GET(self) -> None:
            """Answer the one path, to whoever asks for it under our own name."""
            address = urlsplit(self.path)
            # Another name is a page elsewhere that had its own name point here (DNS rebinding).
            if self.headers.get_all("Host") != [listener.host] or address.path != listener.path:
                self._show(404, "Nothing here", "This address is for a sign-in alone.")
                return
            self._show(*listener.take(address.query))

        def _show(self, status: int, heading: str, sentence: str) -> None:
            page = f"<!doctype html><title>{escape(heading)}</title><h1>{escape(heading)}</h1><p>{escape(sentence)}</p>"
            body = page.encode()
            self.send_response(status)
            for name, value in {**_HEADERS, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *_: Any) -> None:
            """Nothing: a request line holds the code."""

    return Handler
