"""Where adapters meet ops. Owns the composition, and is the source of clock and ids; holds no rule.

Every function imports what it wires when it is called, so that one subject never loads another's libraries.
"""

import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from p3idp.ports.keystone import FederatedLogin
    from p3idp.ports.ledger import Ledger
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


def wire_ledger(settings: "Settings") -> "Ledger":
    """The ledger of the database in the settings, written to in the name of this host. Raises LedgerUnavailable."""
    import socket

    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.ledger import StoredLedger

    password = settings.store.password.resolve() if settings.store.password else None
    return StoredLedger(open_store(settings.store.url, password), socket.gethostname())
