"""Counts what goes over the wire to Keystone, whoever sends it. Owns the counter, and a call's name without ids."""

import re
from collections import Counter
from threading import Lock
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import requests

_ID = re.compile(r"/(?:[0-9a-f]{32}|[0-9a-f]{64})(?=/|$)")


class Calls:
    """Every request of the ``requests`` library while this lasts: all of Keystone's clients go through it.

    ``asked``: addresses in order; ``by_name``: how often, ids taken out.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self._lock = Lock()

    @property
    def total(self) -> int:
        """How many."""
        return len(self.asked)

    @property
    def by_name(self) -> Counter[str]:
        """How many of each."""
        return Counter(f"{method} {_ID.sub('/*', urlsplit(url).path)}" for method, url in self.asked)

    def __enter__(self) -> "Calls":
        self._send = requests.Session.send

        def counting(session: requests.Session, request: requests.PreparedRequest, **kwargs: Any) -> Any:
            with self._lock:
                self.asked.append((str(request.method), str(request.url)))
            return self._send(session, request, **kwargs)

        requests.Session.send = counting  # type: ignore[method-assign]  # counted at the one door they all use
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        requests.Session.send = self._send  # type: ignore[method-assign]  # as above
