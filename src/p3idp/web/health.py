"""For machines that watch: is the process alive, can it serve, and its numbers. Owns these three pages."""

import hmac

from flask import Blueprint, Response, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST

from p3idp.errors.session import PageNotFound
from p3idp.web.metrics import exposition
from p3idp.web.parts import parts

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process answers. Nothing else is looked at: a broken neighbour is no reason to restart this one."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Whether people can be served: 200 when ready or degraded, 503 when not; each part by its name."""
    report = parts().readiness.report()
    response = jsonify(
        {
            "status": report.status,
            "parts": {
                part.name: {"ok": part.ok, "problem": part.problem, "without_it": part.without_it}
                for part in report.parts
            },
        }
    )
    response.status_code = 503 if report.status == "not-ready" else 200
    return response


@blueprint.get("/metrics")
def metrics() -> Response:
    """The numbers, for who presents the token of the settings; without such a token there is no such page."""
    wanted = parts().metrics_token
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    right = wanted is not None and hmac.compare_digest(given.encode(), wanted.reveal().encode())
    if not right or scheme.lower() != "bearer":
        raise PageNotFound("There is no such page.")
    return Response(exposition(), content_type=CONTENT_TYPE_LATEST)
