"""Forms that change something come from our own page (CSRF). Owns the token in them, and who may send them.

The token is derived from the session's id, which no other site can read: nothing more needs to be kept.
"""

import hashlib
import hmac

from flask import Request

from p3idp.core.login.session import SessionId
from p3idp.errors.session import FormRefused

FIELD = "form_token"


def form_token(session_id: SessionId) -> str:
    """The token for the forms of this session's pages."""
    return hmac.new(session_id.encode(), b"p3idp form", hashlib.sha256).hexdigest()


def check_form(request: Request, session_id: SessionId, base_url: str) -> None:
    """Raise FormRefused unless the form is this session's and comes from this service's own address."""
    given = request.form.getlist(FIELD)
    if len(given) != 1 or not hmac.compare_digest(given[0].encode(), form_token(session_id).encode()):
        raise FormRefused("The form does not belong to this session.")
    origin = request.headers.get("Origin")
    if origin is not None and origin != base_url.rstrip("/"):
        raise FormRefused("The form comes from another site.")
