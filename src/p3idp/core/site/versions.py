"""Versions of mod_auth_openidc, and what each of them understands.

Owns the differences between releases that the generated configuration has to follow; each was read in the
module's change log or source, and the ones of 2.4.12.3 were run.
"""

import re
from dataclasses import dataclass

_VERSION = re.compile(r"(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\.(\d{1,3}))?")


@dataclass(frozen=True, slots=True, order=True)
class ModuleVersion:
    """A release of mod_auth_openidc; the fourth number is 0 where a release has none."""

    major: int
    minor: int
    patch: int
    fix: int = 0

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.patch}" + (f".{self.fix}" if self.fix else "")


# Debian 12 carries this one; nothing older was tried.
OLDEST_KNOWN = ModuleVersion(2, 4, 12)


def parse_version(text: str) -> ModuleVersion | None:
    """Find a version in text: ``2.4.12.3``, ``2.4.12.3-2+deb12u5``, ``mod_auth_openidc-2.4.20``; None without one."""
    found = _VERSION.search(text)
    return ModuleVersion(*(int(part or 0) for part in found.groups())) if found else None


@dataclass(frozen=True, slots=True)
class Understands:
    """What one release can be told.

    ``encoding_none``: claim values may be passed as they are; releases before 2.4.15 do so anyway and refuse the
    word, later ones turn what latin1 lacks into ``?`` without it.
    ``withhold_access_token``: the access token need not be shown to Keystone (2.4.14.4).
    ``require_claim_on_bearer``: a claim may be required on a bearer path; releases of 2.4.19 before .3 refused
    tokens that carried it.
    ``escapes_delimiter``: a delimiter inside a value is escaped by a backslash, which Keystone does not undo (2.4.20).
    ``verify_audience``: OIDCOAuthVerifyAudience and …Issuer exist (2.4.20; they rule locally verified tokens only).
    """

    encoding_none: bool
    withhold_access_token: bool
    require_claim_on_bearer: bool
    escapes_delimiter: bool
    verify_audience: bool


def understands(version: ModuleVersion) -> Understands:
    """What this release can be told."""
    return Understands(
        encoding_none=version >= ModuleVersion(2, 4, 15),
        withhold_access_token=version >= ModuleVersion(2, 4, 14, 4),
        require_claim_on_bearer=not ModuleVersion(2, 4, 19) <= version < ModuleVersion(2, 4, 19, 3),
        escapes_delimiter=version >= ModuleVersion(2, 4, 20),
        verify_audience=version >= ModuleVersion(2, 4, 20),
    )
