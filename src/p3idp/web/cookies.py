"""What this service keeps in a browser: one small sealed cookie per sign-in under way, and the id of a session.

Owns names, flags and limits of cookies. A cookie that is not as it was set is no cookie.
"""

import json
import re
from dataclasses import asdict
from datetime import datetime

from flask import Request, Response

from p3idp.core.login.session import SessionId
from p3idp.ops.attempts import ATTEMPT_LIFETIME
from p3idp.ports.checkin import Purpose, SignInAttempt
from p3idp.ports.sessions import Seal

# __Host-: only from this host, only over https, for every path. A neighbouring host can plant neither a session nor an
# attempt of its own in somebody's browser.
SESSION = "__Host-p3idp"
ATTEMPT = "__Host-p3idp-login-"
DEVICE = "__Host-p3idp-device"
MOST_ATTEMPTS = 5  # about 600 bytes each: together under the 4 kB that browsers and proxies are sure to keep
_LIFETIME = int(ATTEMPT_LIFETIME.total_seconds())
_SESSION_ID = re.compile(r"[A-Za-z0-9_-]{43}")
_ATTEMPT_ID = re.compile(r"[A-Za-z0-9_-]{16}")


def session_id(request: Request) -> SessionId | None:
    """The id this browser presents; None where there is none, or more than one (somebody planted another)."""
    values = request.cookies.getlist(SESSION)
    return SessionId(values[0]) if len(values) == 1 and _SESSION_ID.fullmatch(values[0]) else None


def give_session(response: Response, value: SessionId) -> None:
    """Set the session cookie; it goes with the browser, and the server forgets it earlier if need be."""
    response.set_cookie(SESSION, value, path="/", secure=True, httponly=True, samesite="Lax")


def take_session(response: Response) -> None:
    """Remove the session cookie."""
    response.delete_cookie(SESSION, path="/", secure=True, httponly=True, samesite="Lax")


def device_browser(request: Request) -> SessionId | None:
    """What the forms of the device page belong to in this browser; nobody is signed in by it."""
    values = request.cookies.getlist(DEVICE)
    return SessionId(values[0]) if len(values) == 1 and _SESSION_ID.fullmatch(values[0]) else None


def give_device_browser(response: Response, value: SessionId) -> None:
    """Set it; it goes with the browser."""
    response.set_cookie(DEVICE, value, path="/", secure=True, httponly=True, samesite="Lax")


def give_attempt(request: Request, response: Response, seal: Seal, attempt: SignInAttempt, now: datetime) -> None:
    """Set the attempt's cookie, and remove the oldest of those that are too many."""
    known = [name for name in request.cookies if name.startswith(ATTEMPT)]
    by_age = sorted(known, key=lambda name: _expiry(request, name, seal, now), reverse=True)
    for name in by_age[MOST_ATTEMPTS - 1 :]:
        _remove_attempt(response, name)
    response.set_cookie(
        ATTEMPT + attempt.id,
        seal.close(_to_text(attempt).encode(), now),
        max_age=_LIFETIME,
        path="/",
        secure=True,
        httponly=True,
        samesite="Lax",
    )


def find_attempt(request: Request, seal: Seal, state: str, now: datetime) -> SignInAttempt | None:
    """The attempt that a state belongs to, where this browser began it."""
    attempt_id = state.partition(".")[0]
    if not _ATTEMPT_ID.fullmatch(attempt_id):
        return None
    found = _open(request, ATTEMPT + attempt_id, seal, now)
    return found if found is not None and found.id == attempt_id else None


def take_attempt(response: Response, attempt: SignInAttempt) -> None:
    """Remove the cookie of an attempt that is over."""
    _remove_attempt(response, ATTEMPT + attempt.id)


def _remove_attempt(response: Response, name: str) -> None:
    response.delete_cookie(name, path="/", secure=True, httponly=True, samesite="Lax")


def _expiry(request: Request, name: str, seal: Seal, now: datetime) -> float:
    found = _open(request, name, seal, now)
    return found.expires_at.timestamp() if found is not None else 0.0


def _open(request: Request, name: str, seal: Seal, now: datetime) -> SignInAttempt | None:
    values = request.cookies.getlist(name)
    content = seal.open(values[0], now, _LIFETIME) if len(values) == 1 else None
    return _from_text(content) if content is not None else None


def _to_text(attempt: SignInAttempt) -> str:
    return json.dumps(asdict(attempt) | {"expires_at": attempt.expires_at.isoformat()}, separators=(",", ":"))


def _from_text(content: bytes) -> SignInAttempt | None:
    try:
        fields = json.loads(content)
        typed = {"expires_at": datetime.fromisoformat(fields["expires_at"]), "purpose": Purpose(fields["purpose"])}
        return SignInAttempt(**fields | typed)
    except (ValueError, TypeError, KeyError):
        return None
