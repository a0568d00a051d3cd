"""Somebody who sends bad tokens to a broker as fast as it answers, from an address of their own. Owns that noise.

Over raw sockets that are kept, since a client library would be slower than what it floods.
"""

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPResponse
from urllib.parse import urlencode, urlsplit

from exchange_world import a_form

FLOODER = "127.0.0.9"  # Linux has all of 127/8, so that one machine has many addresses
_AT_ONCE = 4


class Flood:
    """``statuses``: what it was answered so far, in ``seconds``. ``per_second``: how many of all."""

    def __init__(self, url: str, tls: ssl.SSLContext, token: Callable[[int], str], source: str = FLOODER) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "", where.port or 443
        self._tls, self._token, self._source = tls, token, source
        self.statuses: Counter[int] = Counter()
        self.waits: set[str] = set()
        self._began = self._ended = time.perf_counter()

    @property
    def seconds(self) -> float:
        return max(self._ended - self._began, 1e-9)

    @property
    def per_second(self) -> float:
        return self.statuses.total() / self.seconds

    def send(self, number: int, pace: float = 0.0) -> None:
        """So many bad tokens over one connection, with so many seconds between the beginnings of two."""
        with self._connection() as connection:
            for each in range(number):
                began = time.perf_counter()
                connection.sendall(self._request(self._token(each)))
                reply = HTTPResponse(connection)
                reply.begin()
                reply.read()
                self.statuses[reply.status] += 1
                self.waits.add(reply.headers.get("Retry-After", ""))
                self._ended = time.perf_counter()
                time.sleep(max(0.0, pace - (self._ended - began)))

    @contextmanager
    def running(self, number: int, pace: float = 0.0) -> Iterator[None]:
        """Send ``number`` over each of several connections while the block runs, and wait for the last."""
        self._began = time.perf_counter()
        threads = [threading.Thread(target=self.send, args=(number, pace)) for _ in range(_AT_ONCE)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            for thread in threads:
                thread.join()

    def _connection(self) -> ssl.SSLSocket:
        plain = socket.create_connection(("127.0.0.1", self._port), 30, (self._source, 0))
        return self._tls.wrap_socket(plain, server_hostname=self._host)

    def _request(self, token: str) -> bytes:
        form = urlencode(a_form(token))
        kind = "Content-Type: application/x-www-form-urlencoded"
        head = f"POST /oauth/token HTTP/1.1\r\nHost: {self._host}\r\n{kind}\r\nContent-Length: {len(form)}\r\n\r\n"
        return (head + form).encode()
