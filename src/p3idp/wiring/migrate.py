"""Moves from one claim or issuer to another."""

from typing import TYPE_CHECKING

from p3idp.wiring.access import wire_access
from p3idp.wiring.logins import wire_logins

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from p3idp.adapters.policy_files.site_text import SiteTextFile
    from p3idp.core.access.people.known import ShadowUsers
    from p3idp.ops.migrate import Migrations
    from p3idp.settings import Settings


def wire_site_text(directory: "Path", *, lab: bool = False) -> "SiteTextFile":
    """The site file of a policy directory, to read and to change; ``lab`` permits plain http in it."""
    from p3idp.adapters.policy_files.site_text import SiteTextFile

    return SiteTextFile(directory, lab=lab)


def wire_migrations(text: "SiteTextFile", settings: "Settings | None") -> "Migrations":
    """Moves of a policy directory; without settings nobody is remembered and no Keystone is asked."""
    from p3idp.core.access.resources import Kind
    from p3idp.ops.migrate import Migrations

    if settings is None:
        return Migrations(text, lambda: None, None)

    def users(domain: str, providers: "Collection[str]") -> "ShadowUsers":
        access = wire_access(settings)
        access.reader.read(domain, frozenset({Kind.DOMAIN}))  # names become ids by it
        assert access.people is not None
        return access.people.reader.users(domain, providers)

    return Migrations(text, lambda: wire_logins(settings), users)
