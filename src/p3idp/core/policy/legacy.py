"""Entitlements in the forms before AARC-G002, which EGI Check-in still releases or documents. They grant nothing.

Owns their grammar and, where there is one, the form of today that says the same.
"""

import re
from dataclasses import dataclass
from urllib.parse import unquote_plus

from p3idp.core.policy.capability import Capability
from p3idp.core.policy.entitlement import MAX_LENGTH, Entitlement

_NAME = r'[!"$-9;->A-~]+'  # visible, but no # : ? @
_MEMBER = re.compile(
    rf"(?P<ns>(?ai:urn:mace:[a-z0-9.\-]+)):(?P<authority>(?ai:[a-z0-9\-]+(?:\.[a-z0-9\-]+)+)):"
    rf"(?P<role>{_NAME})@(?P<group>{_NAME})"
)
_RESOURCE = re.compile(r"(?P<ns>(?ai:urn:mace:egi\.eu)):(?P<authority>(?ai:aai\.egi\.eu)):(?P<resource>[\w\-]+)", re.A)
_GOCDB = re.compile(
    rf"(?P<ns>(?ai:urn:mace:egi\.eu)):(?ai:goc\.egi\.eu):(?P<key>[A-Za-z0-9]+):(?P<entity>{_NAME}):(?P<role>{_NAME})"
    r"@(?ai:egi\.eu)"
)


@dataclass(frozen=True, slots=True)
class LegacyMembership:
    """A role in a group: ``urn:mace:egi.eu:aai.egi.eu:member@fedcloud.egi.eu``."""

    modern: Entitlement


@dataclass(frozen=True, slots=True)
class LegacyCapability:
    """Use of a service: ``urn:mace:egi.eu:aai.egi.eu:rcauth``."""

    modern: Capability


@dataclass(frozen=True, slots=True)
class GocdbRole:
    """A role that somebody has in GOCDB for a site or project there; no group entitlement says that."""

    key: str
    entity: str
    role: str
    modern: None = None


Legacy = LegacyMembership | LegacyCapability | GocdbRole


def parse_legacy(text: str) -> Legacy | None:
    """Parse a form of earlier days; None where the text is none. An authority behind ``#`` does not count."""
    if len(text) > MAX_LENGTH:
        return None
    bare = text.partition("#")[0]
    if found := _GOCDB.fullmatch(bare):
        return GocdbRole(found["key"], unquote_plus(found["entity"]), unquote_plus(found["role"]))
    if found := _MEMBER.fullmatch(bare):
        group = Entitlement(found["ns"].lower(), (found["group"],), found["role"], found["authority"])
        return LegacyMembership(group)
    if found := _RESOURCE.fullmatch(bare):
        return LegacyCapability(Capability(found["ns"].lower(), (found["resource"],), authority=found["authority"]))
    return None
