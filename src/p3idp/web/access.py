"""``GET /api/access``: what the holder of an access token may use here. Owns HTTP's side of the question.

The token comes in the header alone (RFC 6750 section 2.1): neither cookie, query nor body is looked at for it, and no
other header says who asks. The answer is for programs, not for scripts in other people's pages: there is no CORS.
"""

import re
from collections.abc import Mapping
from datetime import datetime

from flask import Blueprint, Response, jsonify, request

from p3idp.core.exchange.request import MAX_TOKEN_LENGTH
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.decision import Granted
from p3idp.core.policy.explanation import Explanation, Need
from p3idp.core.policy.model import Site
from p3idp.core.policy.sentence import ask, no_project, reason
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.exchange import SubjectTokenOver, SubjectTokenRefused
from p3idp.errors.own_access import AccessMethodNotTaken, AccessRequestInvalid, AccessTokenMissing
from p3idp.ops.own_access import AccessDesk, OwnAccess, OwnProject
from p3idp.web import resource_metadata
from p3idp.web.oauth_reply import failed, refused, unkept

PATH = "/api/access"
_CHALLENGED = (400, 401, 403)
_CHALLENGES = ("invalid_request", "invalid_token")  # RFC 6750 section 3.1; other words are for the body alone
_BEARER = re.compile(r"bearer +([A-Za-z0-9\-._~+/]+=*)", re.IGNORECASE)  # RFC 6750 section 2.1


def access_blueprint(desk: AccessDesk, base_url: str) -> Blueprint:
    """The endpoint over this desk. ``base_url`` is the broker's address, for what a refusal points to."""
    blueprint = Blueprint("own_access", __name__)
    metadata_url = base_url.rstrip("/") + resource_metadata.PATH

    @blueprint.route(PATH, methods=["GET", "POST", "PUT", "PATCH", "DELETE"])
    def own_access() -> Response:
        return unkept(jsonify(as_json(desk.tell(_token()))))

    def tell(error: P3idpError) -> Response:
        return _refused(error, metadata_url)

    blueprint.register_error_handler(P3idpError, tell)
    blueprint.register_error_handler(Exception, failed)
    return blueprint


def _token() -> RawToken:
    """The token in the header. Raises AccessMethodNotTaken, AccessRequestInvalid or AccessTokenMissing."""
    if request.method not in ("GET", "HEAD"):
        raise AccessMethodNotTaken("This address takes GET only.")
    if request.query_string:
        raise AccessRequestInvalid("There are no parameters here, and a token in an address ends up in logs.")
    if request.content_length or request.headers.get("Transfer-Encoding"):
        raise AccessRequestInvalid("This request has a body, which is not read.")
    given = request.headers.getlist("Authorization")
    if not any(value.lower().startswith("bearer") for value in given):
        raise AccessTokenMissing("No access token came along.")
    found = _BEARER.fullmatch(given[0]) if len(given) == 1 else None
    if found is None or len(found[1]) > MAX_TOKEN_LENGTH:
        raise AccessRequestInvalid("The header Authorization does not hold one access token.")
    return RawToken(Secret(found[1]))


def _refused(error: P3idpError, metadata_url: str) -> Response:
    # RFC 8693 calls a bad token an invalid request; RFC 6750 section 3.1 has a word and a status of its own for it.
    if isinstance(error, SubjectTokenRefused | SubjectTokenOver):
        response = refused(error, oauth_error="invalid_token", http_status=401)
    else:
        response = refused(error)
    if isinstance(error, AccessMethodNotTaken):
        response.headers["Allow"] = "GET, HEAD"
    if response.status_code in _CHALLENGED:
        told = {"resource_metadata": metadata_url}  # RFC 9728 section 5.1
        body = response.get_json()
        if body["error"] in _CHALLENGES and not isinstance(error, AccessTokenMissing):  # no token, no error: same place
            told |= {name: body[name] for name in ("error", "error_description")}
        quoted = ", ".join(f'{name}="{value}"' for name, value in told.items())
        response.headers["WWW-Authenticate"] = f"Bearer {quoted}"
    return response


def as_json(access: OwnAccess) -> Mapping[str, object]:
    """The answer, as docs/reference/broker-api.md has it."""
    claims, view = access.claims, access.keystone
    return {
        "person": {
            "subject": claims.subject,
            "issuer": claims.issuer,
            "name": claims.display_name,
            "identity_provider": str(claims.provider),
        },
        "site": {"name": access.site.title, "contact": access.site.contact},
        "projects": [_project(project) for project in access.projects],
        "explanation": None if access.projects else _explanation(access.explanation, access.site),
        "differences": [
            {"project": str(each.project), "only_policy": list(each.lacking), "only_keystone": list(each.beyond)}
            for each in access.differences
        ],
        "keystone": {
            "problem": view.problem or None,
            "user_name": view.user_name or None,
            "memberships_lapse": _iso(view.lapses_at),
        },
    }


def _project(own: OwnProject) -> Mapping[str, object]:
    gift = own.gift
    roles = own.roles_at_keystone
    return {
        "project": str(gift.project),
        "id": own.id or None,
        "roles": list(gift.roles),
        "roles_at_keystone": None if roles is None else list(roles),
        "communities": list(dict.fromkeys(each.community.name for each in gift.through)),
        "rules": [_rule(each) for each in gift.through],
        "until": _iso(own.until),
        "policy_until": _iso(gift.until),
        "reachable": own.reachable,
    }


def _rule(granted: Granted) -> Mapping[str, object]:
    """A rule is called by the Keystone group that stands for it."""
    return {
        "rule": granted.rule.group,
        "community": granted.community.name,
        "title": granted.community.title,
        "held": granted.held,
        "until": _iso(granted.until),
    }


def _explanation(found: Explanation, site: Site) -> Mapping[str, object]:
    return {
        "detail": no_project(found, site),
        "reason": reason(found),
        "ask": ask(found, site),
        "refusal": found.refusal.reason if found.refusal else None,
        "nearest": _nearest(found.nearest) if found.nearest and not found.refusal else None,
    }


def _nearest(need: Need) -> Mapping[str, object]:
    community = need.miss.community
    return {
        "rule": need.miss.rule.group,
        "community": community.name,
        "title": community.title,
        "contact": community.contact,
        "wanted": need.miss.rule.wanted,
        "reason": need.miss.reason,
        "held": need.holds or None,
        "near": [{"held": miss.held, "how": miss.how} for miss in need.near],
    }


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
