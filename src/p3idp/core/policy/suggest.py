"""What a text is that means to be an entitlement, and what was probably meant where it is no group entitlement.

Owns the kinds, and the repairs that are tried, in their order. A suggestion is for people: nothing is granted by one.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import quote

from p3idp.core.policy.capability import Capability, parse_capability
from p3idp.core.policy.entitlement import MAX_LENGTH, VISIBLE, Entitlement, parse_entitlement
from p3idp.core.policy.legacy import Legacy, LegacyMembership, parse_legacy

_MARK = re.compile(r"(?ai:urn:mace:|:groups?:|:res:|:role[=:])")
# An r- or q-component (RFC 8141 section 2.3), wherever it stands.
_COMPONENT = re.compile(r"\?[+=](?:[^:#]*(?:#[^:]*)?(?=(?ai::group:))|[^#]*)")


class Kind(StrEnum):
    """What a text is. ``malformed``: it means to be an entitlement and is none; ``other``: it does not mean to."""

    GROUP = "group"
    CAPABILITY = "capability"
    LEGACY = "legacy"
    MALFORMED = "malformed"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Recognised:
    """A kind, its value where there is one, and the group entitlement to write instead where one is likely."""

    kind: Kind
    value: Entitlement | Capability | Legacy | None = None
    suggestion: str | None = None


def recognise(text: str) -> Recognised:
    """Say what ``text`` is. Raises nothing, whatever the text."""
    if group := parse_entitlement(text):
        return Recognised(Kind.GROUP, group, suggest(text))
    if capability := parse_capability(text):
        return Recognised(Kind.CAPABILITY, capability)
    if legacy := parse_legacy(text):
        return Recognised(Kind.LEGACY, legacy, suggest(text))
    suggestion = suggest(text)
    meant = suggestion or _MARK.search(text[:MAX_LENGTH])
    return Recognised(Kind.MALFORMED if meant else Kind.OTHER, None, suggestion)


def suggest(text: str) -> str | None:
    """A group entitlement that ``text`` probably means; None where nothing is likely, or nothing needs repair."""
    if len(text) > MAX_LENGTH or is_plain(text):
        return None
    return next((repaired for repaired in _repairs(text) if is_plain(repaired)), None)


def is_plain(text: str) -> bool:
    """Whether this is a group entitlement that people would write.

    The grammar allows a group called ``role``, but whoever writes that means a role; and Keystone splits claims at a
    semicolon.
    """
    parsed = parse_entitlement(text)
    return parsed is not None and "role" not in parsed.path and ";" not in text


def squeezed(text: str) -> str:
    """``text`` without what cannot be seen (spaces, controls, zero-width and direction marks), in NFC."""
    if text.isascii() and text.isprintable() and " " not in text:
        return text
    return "".join(filter(str.isprintable, "".join(unicodedata.normalize("NFC", text).split())))


def _repairs(text: str) -> Iterator[str]:
    """What people write instead: a stray space, ``role:`` for ``role=``, a form of earlier days, no ``urn:`` …"""
    tight = _without_semicolon(squeezed(text))
    yield tight
    yield re.sub(r":role[:\-]", ":role=", tight)
    yield f"urn:{tight}"
    if isinstance(legacy := parse_legacy(tight), LegacyMembership):
        yield f"{legacy.modern}#{legacy.modern.authority}"
    yield tight.replace(":groups:", ":group:")
    yield _COMPONENT.sub("", tight)
    yield quote(unicodedata.normalize("NFC", text.strip()), safe=VISIBLE) if _can_encode(text) else ""


def _without_semicolon(text: str) -> str:
    """What stands before a stray semicolon. Behind one that divides a name nothing is likely: half would be wider."""
    parts = [part for part in text.split(";") if part]
    return "" if len(parts) > 1 and re.search("[:#=@]", "".join(parts[1:])) else "".join(parts[:1])


def _can_encode(text: str) -> bool:
    return text.isprintable() and not text.isascii()
