"""The token endpoint: ``POST /oauth/token`` (RFC 8693) and its metadata (RFC 8414). Owns HTTP's side of the exchange.

It looks at no cookie and no session: whoever holds a subject token asks as its owner, from wherever. Every answer is
JSON in RFC 6749's form, whatever went wrong.
"""

import re
from urllib.parse import parse_qsl

import structlog
from flask import Blueprint, Response, jsonify, request

from p3idp.core.exchange.lifetime import ExchangedToken
from p3idp.core.exchange.request import GRANT_TYPE, KEYSTONE_TOKEN
from p3idp.errors import P3idpError
from p3idp.errors.exchange import ExchangeError, ExchangeFailed, MethodNotTaken, NoAccess
from p3idp.ops.exchange import TokenExchange
from p3idp.ports.request import request_id

PATH = "/oauth/token"
METADATA_PATH = "/.well-known/oauth-authorization-server"
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 64 * 1024  # the largest honest body is a form with one token in it
MOST_PARAMETERS = 50

_log = structlog.get_logger("p3idp.exchange")
# What error_description may not hold (RFC 6749 section 5.2).
_NOT_SAID = re.compile(r"[^\x20-\x21\x23-\x5B\x5D-\x7E]")


def exchange_blueprint(exchange: TokenExchange, base_url: str) -> Blueprint:
    """The endpoint over this exchange. ``base_url`` is the broker's address in the metadata."""
    blueprint = Blueprint("exchange", __name__)
    base = base_url.rstrip("/")

    @blueprint.route(PATH, methods=["POST", "GET", "PUT", "PATCH", "DELETE"])
    def token() -> Response:
        return _granted(exchange.exchange(_form()))

    @blueprint.get(METADATA_PATH)
    def metadata() -> Response:
        return jsonify(
            issuer=base,
            token_endpoint=f"{base}{PATH}",
            grant_types_supported=[GRANT_TYPE],
            response_types_supported=[],
            # Callers show no credential of their own: the subject token says which client it was issued to.
            token_endpoint_auth_methods_supported=["none"],
        )

    blueprint.register_error_handler(P3idpError, _refused)
    blueprint.register_error_handler(Exception, _failed)
    return blueprint


def _form() -> list[tuple[str, str]]:
    """The form's parameters with their repetitions. Raises ExchangeError."""
    if request.method != "POST":
        raise MethodNotTaken("The token endpoint takes POST only: a token does not belong into an address.")
    if request.query_string:
        raise ExchangeError("Parameters go into the body; an address ends up in logs.")
    if request.mimetype != FORM:
        raise ExchangeError(f"The body must be {FORM}.")
    if request.content_length is None or request.content_length > MOST_BYTES:
        raise ExchangeError(f"The body must say its length, and be no longer than {MOST_BYTES} bytes.")
    try:
        body = request.get_data(cache=False).decode("ascii")
        return parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), encoding="utf-8", errors="strict",
                         max_num_fields=MOST_PARAMETERS)  # fmt: skip
    except ValueError as exc:
        raise ExchangeError("The body is not a form in UTF-8, or has too many fields.") from exc


def _granted(token: ExchangedToken) -> Response:
    # RFC 8693 section 2.2.1; resource (RFC 8707) is ours, and tells a client which Keystone the token is for.
    body = {
        "access_token": token.value.reveal(),
        "issued_token_type": KEYSTONE_TOKEN,
        "token_type": "N_A",
        "expires_in": token.expires_in,
        "expires_at": token.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": token.scope,
        "resource": token.resource,
    }
    return _unkept(jsonify(body))


def _refused(error: P3idpError) -> Response:
    # Why somebody has no access quotes their claims: that is for them, and not for the log.
    detail = "" if isinstance(error, NoAccess) else error.detail
    _log.info("refused", error=error.code, detail=detail, debug=error.debug)
    if not isinstance(error, ExchangeError):
        # Its text is meant for administrators: it may name files, hosts or Keystone's condition.
        error = ExchangeFailed("The exchange failed here; it is not your doing.")
    body = {
        "error": error.oauth_error,
        "error_description": _NOT_SAID.sub("?", f"{error.detail} {error.hint}".strip()),
        "code": error.code,
        "request_id": request_id.get(),
    }
    response = _unkept(jsonify(body))
    response.status_code = error.http_status
    if isinstance(error, MethodNotTaken):
        response.headers["Allow"] = "POST"
    if error.temporary:
        response.headers["Retry-After"] = str(error.retry_after or 10)
    return response


def _failed(error: Exception) -> Response:
    _log.error("unexpected", exc_info=error)
    return _refused(ExchangeFailed("The exchange failed here; it is not your doing."))


def _unkept(response: Response) -> Response:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Pragma"] = "no-cache"  # RFC 6749 section 5.1 asks for both
    return response
