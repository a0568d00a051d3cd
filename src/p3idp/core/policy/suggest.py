"""What was probably meant by a text that is no group entitlement. Owns the repairs that are tried, and their order."""

import re
from collections.abc import Iterator

from p3idp.core.policy.entitlement import parse_entitlement

_LEGACY = re.compile(r"(?P<ns>urn:mace:[a-z.]+):(?P<authority>[a-z.]+):(?P<role>[^:@]+)@(?P<group>[^:@#]+)")


def suggest(text: str) -> str | None:
    """A group entitlement that ``text`` probably means; None where nothing is likely, or nothing needs repair."""
    if _is_fine(text):
        return None
    return next((repaired for repaired in _repairs(text) if _is_fine(repaired)), None)


def _is_fine(text: str) -> bool:
    """Whether this is an entitlement somebody would write: a group may be called ``role``, but who means that?"""
    parsed = parse_entitlement(text)
    return parsed is not None and "role" not in parsed.path and ";" not in text and text.isprintable()


def _repairs(text: str) -> Iterator[str]:
    """What people write instead: a stray space, ``role:`` for ``role=``, the form before AARC-G002, no ``urn:``."""
    tight = re.sub(r"\s+|;", "", text)
    legacy = _LEGACY.fullmatch(tight.split("#")[0])
    yield tight
    yield re.sub(r":role[:\-]", ":role=", tight)
    yield f"urn:{tight}"
    if legacy:
        yield f"{legacy['ns']}:group:{legacy['group']}:role={legacy['role']}#{legacy['authority']}"
    yield tight.replace(":groups:", ":group:")
