"""Small texts of a policy file and what they mean: durations, moments, addresses, entitlements.

Each function returns its value or raises ValueError with a sentence for whoever wrote it.
"""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from p3idp.core.policy.capability import Capability
from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.legacy import GocdbRole, Legacy, LegacyCapability, LegacyMembership
from p3idp.core.policy.suggest import is_plain, recognise

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
MAX_TTL = timedelta(days=366)
# Keystone 29 and newer refuse a longer remote id, although the database holds 255.
MAX_ISSUER = 64
MAX_ENTITLEMENT = 512
_OF_KEYSTONE = frozenset(
    {"description", "domain_id", "enabled", "id", "is_domain", "links", "name", "options", "parent_id", "tags"}
)
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def duration(text: str) -> timedelta:
    """``90m``, ``8h`` or ``7d``. Not zero: without it an application credential of a federated person cannot work."""
    found = re.fullmatch(r"([0-9]{1,6})\s*([mhd])", text)
    if found is None:
        raise ValueError(f"`{text}` is not a duration; write minutes, hours or days as 90m, 8h or 7d")
    span = int(found[1]) * _UNITS[found[2]]
    if not timedelta(minutes=1) <= span <= MAX_TTL:
        raise ValueError(f"{text} is out of bounds: from 1m to {MAX_TTL.days}d")
    return span


def moment(text: str) -> datetime:
    """A day (its first moment, in UTC) or a moment with its offset."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"`{text}` is not a date; write it as 2026-12-31 or 2026-12-31T18:00:00+01:00") from None
    if len(text) == len("2026-12-31"):
        return parsed.replace(tzinfo=UTC)
    if parsed.tzinfo is None:
        raise ValueError(f"`{text}` has no offset; end it with Z or +01:00")
    return parsed.astimezone(UTC)


def address(text: str, *, lab: bool) -> str:
    """An https address without user, query or fragment; http is for a lab only, and there for this machine only."""
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError(f"`{text}` is not an address") from None
    if parts.scheme == "http" and not (lab and host in _LOOPBACK):
        raise ValueError(f"{text} is not https; anyone on the way could sign people in as they like")
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError(f"`{text}` is not an https address")
    if parts.query or parts.fragment or parts.username or not text.isascii() or re.search(r"\s|\?|#", text):
        raise ValueError(f"{text} holds more than scheme, host, port and path")
    return text


def issuer(text: str, *, lab: bool) -> str:
    """An issuer: an address that Keystone can keep as a remote id."""
    if len(text) > MAX_ISSUER:
        raise ValueError(f"the issuer is {len(text)} characters long; Keystone keeps at most {MAX_ISSUER}")
    return address(text, lab=lab)


def property_name(text: str) -> str:
    """The name of a project's property, such as ``egi.VO`` or ``accounting:VO``."""
    if text in _OF_KEYSTONE:
        raise ValueError("is Keystone's own word about a project; a property is called something else")
    return text


def entitlement(text: str) -> Entitlement:
    """A group entitlement (AARC-G069); anything else is answered with what it is and what was probably meant."""
    if len(text) > MAX_ENTITLEMENT:
        raise ValueError(f"the entitlement is longer than {MAX_ENTITLEMENT} characters")
    known = recognise(text)
    if isinstance(known.value, Entitlement) and is_plain(text):
        return known.value
    hint = f"did you mean {known.suggestion}?" if known.suggestion else _MODEL
    raise ValueError(f"`{text}` {_what_it_is(known.value)}; {hint}")


_MODEL = "one looks like urn:mace:egi.eu:group:<VO>:role=<role>"


def _what_it_is(value: Entitlement | Capability | Legacy | None) -> str:
    match value:
        case Capability() | LegacyCapability():
            return "is a capability: it says what may be done with a resource, and rules ask for a group entitlement"
        case GocdbRole():
            return f"is the role of {value.role} for {value.entity} in GOCDB, and rules ask for a group entitlement"
        case LegacyMembership():
            return "is a group entitlement in the form before AARC-G002, which Check-in is giving up"
        case _:
            return "is not a group entitlement"
