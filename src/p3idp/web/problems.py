"""Errors as answers: a page for people, JSON for programs. Owns the form; what may be said is in the error itself."""

import structlog
from flask import Flask, Response, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException

from p3idp.errors.base import P3idpError
from p3idp.errors.session import PageNotFound, RequestRefused, UnexpectedError
from p3idp.ports.request import request_id

_log = structlog.get_logger("p3idp.web")
_WORDS = {404: "There is no such page.", 405: "This page does not take that kind of request."}


def install(app: Flask) -> None:
    """Every error of this application ends here."""
    app.register_error_handler(P3idpError, answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, _unexpected)


def answer(error: P3idpError) -> Response:
    """Tell the error as the client prefers; log what only administrators may see."""
    level = "error" if error.http_status >= 500 else "info"
    reason = getattr(error, "reason", "")
    getattr(_log, level)("refused", error=error.code, reason=reason, detail=error.detail, debug=error.debug)
    response = _as_json(error) if prefers_json() else _as_page(error)
    response.status_code = error.http_status
    if error.temporary or error.retry_after:
        response.headers["Retry-After"] = str(error.retry_after or 30)
    return response


def prefers_json() -> bool:
    """Whether the Accept header likes JSON better than HTML; without one, a page."""
    best = request.accept_mimetypes.best_match(["text/html", "application/json"], default="text/html")
    return best == "application/json"


def _as_json(error: P3idpError) -> Response:
    body = {"code": error.code, "detail": error.detail, "hint": error.hint, "request_id": request_id.get()}
    return jsonify({"error": body})


def _as_page(error: P3idpError) -> Response:
    return make_response(render_template("problem.html", error=error, request_id=request_id.get()))


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    if status >= 500:
        return _unexpected(error)
    words = _WORDS.get(status, "This request has a form that cannot be read.")
    told = PageNotFound(words) if status == 404 else RequestRefused(words)
    response = answer(told)
    response.status_code = status
    if error.get_response().headers.get("Allow"):
        response.headers["Allow"] = error.get_response().headers["Allow"]
    return response


def _unexpected(error: Exception) -> Response:
    _log.error("unexpected", exc_info=error)
    return answer(UnexpectedError("Something went wrong here; it is not your doing."))
