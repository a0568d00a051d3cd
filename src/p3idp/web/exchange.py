"""The token endpoint: ``POST /oauth/token`` (RFC 8693) and its metadata (RFC 8414). Owns HTTP's side of the exchange.

It looks at no cookie and no session: whoever holds a subject token asks as its owner, from wherever. Every answer is
JSON in RFC 6749's form, whatever went wrong.
"""

from urllib.parse import parse_qsl

from flask import Blueprint, Response, jsonify, request

from p3idp.core.exchange.lifetime import ExchangedToken
from p3idp.core.exchange.request import GRANT_TYPE, KEYSTONE_TOKEN
from p3idp.errors import P3idpError
from p3idp.errors.exchange import ExchangeError, MethodNotTaken
from p3idp.ops.exchange import TokenExchange
from p3idp.web.oauth_reply import failed, refused, unkept

PATH = "/oauth/token"
METADATA_PATH = "/.well-known/oauth-authorization-server"
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 64 * 1024  # the largest honest body is a form with one token in it
MOST_PARAMETERS = 50


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
    blueprint.register_error_handler(Exception, failed)
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
    return unkept(jsonify(body))


def _refused(error: P3idpError) -> Response:
    response = refused(error)
    if isinstance(error, MethodNotTaken):
        response.headers["Allow"] = "POST"
    return response
