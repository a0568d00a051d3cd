"""Who asks, and where to send them. Owns how a page finds the session of the browser that asks for it."""

from flask import Response, make_response, redirect, request

from p3idp.core.login.session import Session, SessionId
from p3idp.web import cookies
from p3idp.web.parts import parts


def signed_in() -> tuple[SessionId | None, Session | None]:
    """The session id that the browser presents, and the living session it opens. Raises SessionsUnavailable."""
    session_id = cookies.session_id(request)
    return (session_id, parts().desk.open(session_id)) if session_id is not None else (None, None)


def go(address: str) -> Response:
    """Send the browser there. 303: whatever the method was, the next request is a GET."""
    return make_response(redirect(address, 303))
