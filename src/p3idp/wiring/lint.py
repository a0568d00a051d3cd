"""Lint: what reads files, what runs patterns, and with a Keystone the names in it."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import keystone_account
from p3idp.wiring.mappings import wire_search

if TYPE_CHECKING:
    from p3idp.ops.lint import Lint
    from p3idp.ports.lint import Source
    from p3idp.settings import Settings


def wire_lint(settings: "Settings | None" = None, *, online: bool = False, environment: str = "") -> "Lint":
    """Offline without settings; ``online`` asks the settings' Keystone, with p3idp's own account.

    ``environment``: whose differences a policy directory is looked at with.
    """
    from p3idp.adapters.policy_files.lint_sources import read_source
    from p3idp.ops.lint import Lint

    def read(path: str) -> "Source":
        return read_source(path, lab=settings is not None and settings.lab, environment=environment)

    if settings is None or not online:
        return Lint(read, wire_search())
    from p3idp.adapters.keystone.names import KeystoneNames
    from p3idp.adapters.keystone.session import make_session

    keystone = settings.keystone
    session = make_session(keystone_account(settings), keystone.ca_file, keystone.timeout_seconds)
    return Lint(read, wire_search(), lambda: KeystoneNames(session, keystone.auth_url))
