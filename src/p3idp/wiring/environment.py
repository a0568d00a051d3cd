"""The source of clock, randomness and ids: nothing else in p3idp but client/env.py reads them."""

import secrets
import uuid
from datetime import UTC, datetime
from time import monotonic, sleep

__all__ = ["monotonic", "new_request_id", "new_token", "now", "sleep"]


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Unguessable URL-safe text of 256 bits."""
    return secrets.token_urlsafe(32)


def new_request_id() -> str:
    """An id in the form that OpenStack services hand on to one another."""
    return f"req-{uuid.uuid4()}"
