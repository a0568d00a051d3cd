"""Where adapters meet ops. Owns the composition, and is the source of clock and ids; holds no rule.

Every function imports what it wires when it is called, so that one subject never loads another's libraries.
"""

import secrets
from datetime import UTC, datetime


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Unguessable URL-safe text of 256 bits."""
    return secrets.token_urlsafe(32)
