"""The token endpoint: ``POST /oauth/token`` (RFC 8693) and its metadata (RFC 8414). Owns HTTP's side of the exchange.

It looks at no cookie and no session: whoever holds a subject token asks as its owner, from wherever. Every answer is
JSON in RFC 6749's form, whatever went wrong.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from flask import Blueprint, Response, jsonify

from p3idp.core.exchange.lifetime import ExchangedToken
from p3idp.core.exchange.request import GRANT_TYPE, KEYSTONE_TOKEN
from p3idp.errors import P3idpError
from p3idp.errors.exchange import MethodNotTaken
from p3idp.ops.exchange import TokenExchange
from p3idp.web.oauth_form import METHODS, Form, oauth_form
from p3idp.web.oauth_reply import failed, refused, unkept

PATH = "/oauth/token"
METADATA_PATH = "/.well-known/oauth-authorization-server"
Grant = Callable[[Form], Response]
_NO_GRANTS: Mapping[str, Grant] = MappingProxyType({})
_NO_ENDPOINTS: Mapping[str, str] = MappingProxyType({})


def exchange_blueprint(
    exchange: TokenExchange,
    base_url: str,
    grants: Mapping[str, Grant] = _NO_GRANTS,
    more: Mapping[str, str] = _NO_ENDPOINTS,
) -> Blueprint:
    """The endpoint over this exchange. ``base_url`` is the broker's address in the metadata.

    ``grants``: what answers other grant types. ``more``: paths of further endpoints, by their names in the metadata.
    """
    blueprint = Blueprint("exchange", __name__)
    base = base_url.rstrip("/")

    @blueprint.route(PATH, methods=METHODS)
    def token() -> Response:
        form = oauth_form()
        other = grants.get(dict(form).get("grant_type", ""))
        return other(form) if other else _granted(exchange.exchange(form))

    @blueprint.get(METADATA_PATH)
    def metadata() -> Response:
        return jsonify(
            issuer=base,
            token_endpoint=f"{base}{PATH}",
            grant_types_supported=[GRANT_TYPE, *grants],
            response_types_supported=[],
            # Callers show no credential of their own: the subject token says which client it was issued to.
            token_endpoint_auth_methods_supported=["none"],
            protected_resources=[base],  # RFC 9728 section 4: the broker's own, which says where to sign in
            **{name: base + path for name, path in more.items()},
        )

    blueprint.register_error_handler(P3idpError, _refused)
    blueprint.register_error_handler(Exception, failed)
    return blueprint


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
