"""Before and after every request: its id, its line in the log, its place in the numbers, its headers."""

import re
import time

import structlog
from flask import Flask, Response, g, request

from p3idp.core.address import counted_as
from p3idp.ports.request import client_address, request_id
from p3idp.web.headers import add_headers
from p3idp.web.metrics import count_request
from p3idp.web.parts import WebParts

_log = structlog.get_logger("p3idp.access")
# The form OpenStack services accept from one another; anything else a client sends is not repeated anywhere.
_REQUEST_ID = re.compile(r"req-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def install(app: Flask, parts: WebParts) -> None:
    """Put both around every request of this application, errors and static files included."""

    @app.before_request
    def _begin() -> None:
        given = request.headers.get("X-Request-Id", "")
        g.began = time.perf_counter()
        request_id.set(given if _REQUEST_ID.fullmatch(given) else parts.new_request_id())
        client_address.set(counted_as(request.remote_addr))  # the peer's, or of its PROXY line; no header has a say

    @app.after_request
    def _end(response: Response) -> Response:
        add_headers(response, parts.base_url)
        response.headers["X-Request-Id"] = request_id.get()
        seconds = time.perf_counter() - g.get("began", time.perf_counter())
        page = request.url_rule.rule if request.url_rule is not None else "(none)"
        count_request(request.method, page, response.status_code, seconds)
        # The rule, never the path or the query: a callback's query holds the code.
        _log.info(
            "request",
            method=request.method,
            page=page,
            status=response.status_code,
            milliseconds=round(seconds * 1000, 1),
            client=request.remote_addr or "",
        )
        return response

    @app.teardown_request
    def _forget(_error: BaseException | None) -> None:
        request_id.set("")
        client_address.set("")
