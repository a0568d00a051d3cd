"""What a command line asks of the broker instead of the identity provider: a device code, tokens for it, a refresh.

Owns HTTP's side of ``POST /oauth/device_authorization`` (RFC 8628 section 3.1), of two grants of the token endpoint,
and of ``POST /oauth/revoke`` (RFC 7009).
"""

import re
from collections.abc import Mapping

from flask import Blueprint, Response, jsonify, request

from p3idp.core.device.device import LIFE
from p3idp.core.device.user_code import shown_user_code
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.exchange import MethodNotTaken
from p3idp.ops.device import DeviceDesk
from p3idp.ops.device_token import DeviceTokens
from p3idp.ports.device import PersonTokens
from p3idp.web.exchange import Grant
from p3idp.web.oauth_form import METHODS, Form, fields, oauth_form
from p3idp.web.oauth_reply import failed, refused, unkept

PATH = "/oauth/device_authorization"
REVOKE_PATH = "/oauth/revoke"
PAGE = "/device"
# What the broker's metadata (RFC 8414) says beside the token endpoint.
ENDPOINTS = {"device_authorization_endpoint": PATH, "revocation_endpoint": REVOKE_PATH}
DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
REFRESH_GRANT = "refresh_token"
_LONGEST_AGENT = 80
_STRANGE = re.compile(r"[^\x20-\x7e]")


def device_blueprint(desk: DeviceDesk, tokens: DeviceTokens, base_url: str) -> Blueprint:
    """Where a device begins, and where tokens end."""
    blueprint = Blueprint("device_authorization", __name__)
    page = base_url.rstrip("/") + PAGE

    @blueprint.route(PATH, methods=METHODS)
    def begin() -> Response:
        form = fields(oauth_form(), "client_id")
        begun = desk.begin(form["client_id"], tuple(form.get("scope", "").split()), _agent())
        shown = shown_user_code(begun.device.user_code)
        body = {
            "device_code": begun.device_code.reveal(),
            "user_code": shown,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={shown}",
            "expires_in": int(LIFE.total_seconds()),
            "interval": begun.device.interval,
        }
        return unkept(jsonify(body))

    @blueprint.route(REVOKE_PATH, methods=METHODS)
    def revoke() -> Response:
        form = fields(oauth_form(), "client_id", "token")
        tokens.revoke(Secret(form["token"]), form["client_id"])
        return unkept(Response(status=200))

    blueprint.register_error_handler(P3idpError, _refused)
    blueprint.register_error_handler(Exception, failed)
    return blueprint


def device_grants(tokens: DeviceTokens) -> Mapping[str, Grant]:
    """What the token endpoint answers beside the exchange."""

    def poll(form: Form) -> Response:
        given = fields(form, "client_id", "device_code")
        return _granted(tokens.poll(Secret(given["device_code"]), given["client_id"]))

    def refresh(form: Form) -> Response:
        given = fields(form, "client_id", "refresh_token")
        return _granted(tokens.refresh(Secret(given["refresh_token"]), given["client_id"]))

    return {DEVICE_GRANT: poll, REFRESH_GRANT: refresh}


def _granted(tokens: PersonTokens) -> Response:
    body = {
        "access_token": tokens.access_token.reveal(),
        "token_type": "Bearer",
        "expires_in": tokens.expires_in,
        "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token else None,
        "id_token": tokens.id_token.reveal() if tokens.id_token else None,
        "scope": tokens.scope or None,
    }
    return unkept(jsonify({name: value for name, value in body.items() if value is not None}))


def _refused(error: P3idpError) -> Response:
    response = refused(error)
    if isinstance(error, MethodNotTaken):
        response.headers["Allow"] = "POST"
    return response


def _agent() -> str:
    """What asks calls itself: anybody's text, for a person to read."""
    return _STRANGE.sub("?", request.headers.get("User-Agent", ""))[:_LONGEST_AGENT].strip()
