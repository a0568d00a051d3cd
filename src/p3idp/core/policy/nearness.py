"""Nearly the right entitlement. Owns what counts as a near miss, so that a page can say what differs."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement


class Nearness(StrEnum):
    """How an entitlement somebody holds differs from the one a rule wants; the first that fits is named."""

    CASE = "case"
    OTHER_ROLE = "other-role"
    SUBGROUP = "subgroup"
    PARENT_GROUP = "parent-group"
    OTHER_NAMESPACE = "other-namespace"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class NearMiss:
    """``held``, the text as it came, and how it differs."""

    held: str
    how: Nearness


def near_misses(wanted: Entitlement, held: Iterable[str]) -> tuple[NearMiss, ...]:
    """Those of ``held`` that nearly are ``wanted``, in the order given; what satisfies it is no miss."""
    return tuple(NearMiss(text, how) for text in held if (how := _how(wanted, text)) is not None)


def is_misspelt(text: str) -> bool:
    """Whether this means to be a group entitlement and is not: capabilities and the like are none of our matter."""
    return "group:" in text.casefold() and parse_entitlement(text) is None


def _how(wanted: Entitlement, text: str) -> Nearness | None:
    held = parse_entitlement(text)
    if held is None:
        return Nearness.MALFORMED if wanted.path[0].casefold() in text.casefold() else None
    if held.grants(wanted):
        return None
    if str(held).casefold() == str(wanted).casefold():
        return Nearness.CASE
    if held.namespace != wanted.namespace:
        return Nearness.OTHER_NAMESPACE if held.path[0] == wanted.path[0] else None
    return _in_namespace(wanted, held)


def _in_namespace(wanted: Entitlement, held: Entitlement) -> Nearness | None:
    if held.path == wanted.path:
        return Nearness.OTHER_ROLE
    if held.path[: len(wanted.path)] == wanted.path:
        return Nearness.SUBGROUP
    if wanted.path[: len(held.path)] == held.path:
        return Nearness.PARENT_GROUP
    return None
