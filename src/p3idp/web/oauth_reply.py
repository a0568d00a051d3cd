"""Errors as OAuth tells them (RFC 6749 section 5.2), to programs at every endpoint. Owns what of one may leave."""

import re

import structlog
from flask import Response, jsonify

from p3idp.errors import P3idpError
from p3idp.errors.device import DeviceRefused
from p3idp.errors.exchange import ExchangeError, ExchangeFailed, NoAccess
from p3idp.errors.limits import TooMany
from p3idp.ports.request import request_id

_log = structlog.get_logger("p3idp.exchange")
# What error_description may not hold (RFC 6749 section 5.2).
_NOT_SAID = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


def refused(error: P3idpError, *, oauth_error: str = "", http_status: int = 0) -> Response:
    """The error as its endpoint tells it; an error that is none of ours to tell becomes a failure without detail.

    ``oauth_error`` and ``http_status``: where the endpoint's own standard calls it otherwise.
    """
    # Why somebody has no access quotes their claims: that is for them, and not for the log.
    detail = "" if isinstance(error, NoAccess | DeviceRefused) else error.detail
    if not isinstance(error, TooMany):  # its line as a request says all of it, and a flood need not write two
        _log.info("refused", error=error.code, detail=detail, debug=error.debug)
    if not isinstance(error, ExchangeError | TooMany):
        # Its text is meant for administrators: it may name files, hosts or Keystone's condition.
        error = ExchangeFailed("The exchange failed here; it is not your doing.")
    body = {
        "error": oauth_error or error.oauth_error,
        "error_description": description(error),
        "code": error.code,
        "request_id": request_id.get(),
    }
    response = unkept(jsonify(body))
    response.status_code = http_status or error.http_status
    if error.temporary:
        response.headers["Retry-After"] = str(error.retry_after or 10)
    return response


def failed(error: Exception) -> Response:
    """A defect: the log has it, the caller learns that it is not theirs."""
    _log.error("unexpected", exc_info=error)
    return refused(ExchangeFailed("The exchange failed here; it is not your doing."))


def description(error: P3idpError) -> str:
    """What an error says, in the characters that ``error_description`` may have."""
    return _NOT_SAID.sub("?", f"{error.detail} {error.hint}".strip())


def unkept(response: Response) -> Response:
    """Nobody keeps this answer."""
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"  # RFC 6749 section 5.1 asks for both
    return response
