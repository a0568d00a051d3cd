"""Where adapters meet ops. Owns the composition, and is the source of clock and ids; holds no rule.

Every function imports what it wires when it is called, so that one subject never loads another's libraries.
"""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3idp.ports.keystone import FederatedLogin
    from p3idp.settings import Settings


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Unguessable URL-safe text of 256 bits."""
    return secrets.token_urlsafe(32)


def wire_federated_login(settings: "Settings") -> "FederatedLogin":
    """Keystone as people use it, with their own tokens."""
    from p3idp.adapters.keystone.login import KeystoneLogin

    keystone = settings.keystone
    return KeystoneLogin(keystone.login_url, keystone.ca_file, keystone.timeout_seconds)
