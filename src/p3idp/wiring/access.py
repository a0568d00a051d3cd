"""The policy, the ledger, and plan and apply at Keystone with p3idp's own account."""

from typing import TYPE_CHECKING

from p3idp.wiring.environment import now

if TYPE_CHECKING:
    from pathlib import Path

    from p3idp.core.policy.model import Policy
    from p3idp.core.secret import Secret
    from p3idp.ops.access import AccessOps
    from p3idp.ports.ledger import Ledger
    from p3idp.settings import Settings


def wire_policy(settings: "Settings") -> "Policy":
    """The policy directory of the settings, read anew. Raises PolicyInvalid with every mistake of every file."""
    return wire_policy_directory(settings.policy_dir, lab=settings.lab)


def wire_policy_directory(directory: "Path", *, lab: bool = False) -> "Policy":
    """A policy directory, such as a draft; ``lab`` permits plain http. Raises PolicyInvalid."""
    from p3idp.adapters.policy_files import load_policy

    return load_policy(directory, lab=lab)


def wire_ledger(settings: "Settings") -> "Ledger":
    """The ledger of the database in the settings, written to in the name of this host. Raises LedgerUnavailable."""
    import socket

    from p3idp.adapters.store.engine import open_store
    from p3idp.adapters.store.ledger import StoredLedger

    return StoredLedger(open_store(*database(settings)), socket.gethostname())


def database(settings: "Settings") -> "tuple[str, Secret[str] | None]":
    """The database's address, and its password."""
    store = settings.store
    return store.url, store.password.resolve() if store.password else None


def wire_access(settings: "Settings") -> "AccessOps":
    """Plan and apply: the policy, p3idp's account at Keystone, and the ledger."""
    from p3idp.adapters.keystone.federation import KeystoneFederation
    from p3idp.adapters.keystone.session import make_session
    from p3idp.ops.access import AccessOps

    keystone = settings.keystone
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    federation = KeystoneFederation(session, keystone.auth_url)
    return AccessOps(lambda: wire_policy(settings), federation, federation, lambda: wire_ledger(settings), now)


def keystone_account(settings: "Settings") -> object:
    """p3idp's own account at Keystone, for keystoneauth."""
    from p3idp.adapters.keystone.session import credential_auth, password_auth

    keystone = settings.keystone
    if keystone.application_credential_id and keystone.application_credential_secret:
        secret = keystone.application_credential_secret.resolve()
        return credential_auth(keystone.auth_url, keystone.application_credential_id, secret)
    if keystone.username is None or keystone.password is None:
        raise ValueError("the settings hold one way in")
    project = {"project_name": keystone.project, "project_domain_name": keystone.project_domain}
    scope = {"system_scope": "all"} if keystone.system_scope else project
    password = keystone.password.resolve()
    return password_auth(keystone.auth_url, keystone.username, keystone.user_domain, password, scope)
