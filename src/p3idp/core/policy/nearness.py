"""Nearly the right entitlement. Owns what counts as a near miss, so that a page can say what differs."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from urllib.parse import unquote

from p3idp.core.policy.capability import parse_capability
from p3idp.core.policy.entitlement import MAX_LENGTH, Entitlement, parse_entitlement, parse_g002
from p3idp.core.policy.legacy import parse_legacy
from p3idp.core.policy.suggest import squeezed

MAX_TEXTS = 1000
BEGINNING = 256  # characters; a community's name stands there


class Nearness(StrEnum):
    """How an entitlement somebody holds differs from the one a rule wants; the first that fits is named."""

    CASE = "case"
    ENCODED = "encoded"
    OTHER_ROLE = "other-role"
    SUBGROUP = "subgroup"
    PARENT_GROUP = "parent-group"
    OTHER_NAMESPACE = "other-namespace"
    LEGACY = "legacy"
    CAPABILITY = "capability"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """``held``, the text as it came, and how it differs."""

    held: str
    how: Nearness


def near_misses(wanted: Entitlement, held: Iterable[str]) -> tuple[NearMiss, ...]:
    """Those of ``held`` that nearly are ``wanted``, in the order given; what satisfies it is no miss.

    Looks at the first thousand texts and at the beginning of each: a verifier lets no more through.
    """
    community = _readable(wanted.path[0])
    mentioned = (text for text in islice(held, MAX_TEXTS) if community in _readable(text[:BEGINNING]))
    return tuple(NearMiss(text, how) for text in mentioned if (how := _how(wanted, text)) is not None)


def is_misspelt(text: str) -> bool:
    """Whether this means to be a group entitlement and is not: capabilities and the like are none of our matter."""
    return "group:" in text[: MAX_LENGTH + 1].casefold() and parse_entitlement(text) is None


@lru_cache(maxsize=2 * MAX_TEXTS)  # a person's texts are looked at for every rule
def _readable(text: str) -> str:
    """``text`` as somebody reads it: nothing encoded, nothing that cannot be seen, one case."""
    return squeezed(unquote(text) if "%" in text else text).casefold()


def _how(wanted: Entitlement, text: str) -> Nearness | None:
    held = parse_entitlement(text)
    if held is None:
        return _not_a_group(text)
    if held.grants(wanted):
        return None
    if str(held).casefold() == str(wanted).casefold():
        return Nearness.CASE
    decoded = parse_g002(text)
    if decoded is not None and decoded.grants(parse_g002(str(wanted)) or wanted):
        return Nearness.ENCODED
    if held.namespace != wanted.namespace:
        return Nearness.OTHER_NAMESPACE if held.path[0] == wanted.path[0] else None
    return _in_namespace(wanted, held)


def _not_a_group(text: str) -> Nearness:
    if parse_legacy(text) is not None:
        return Nearness.LEGACY
    return Nearness.CAPABILITY if parse_capability(text) is not None else Nearness.MALFORMED


def _in_namespace(wanted: Entitlement, held: Entitlement) -> Nearness | None:
    if held.path == wanted.path:
        return Nearness.OTHER_ROLE
    if held.path[: len(wanted.path)] == wanted.path:
        return Nearness.SUBGROUP
    if wanted.path[: len(held.path)] == held.path:
        return Nearness.PARENT_GROUP
    return None
