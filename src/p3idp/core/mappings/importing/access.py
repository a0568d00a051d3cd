"""What a login is worth, under old rules or new ones. Owns its shape and how two of them compare and add up."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Access:
    """What a login is worth: who, in which domain, and everything that comes of the groups and projects named."""

    person: str
    domain: str | None
    groups: frozenset[tuple[str, str]]
    group_ids: frozenset[str]
    projects: frozenset[tuple[str, str, str]]


def together(parts: Sequence[Access]) -> Access | None:
    """What comes of several; it is nobody's where they name different people."""
    if not parts:
        return None
    first = parts[0]
    people = {(part.person, part.domain) for part in parts}
    return Access(
        first.person if len(people) == 1 else "",
        first.domain,
        frozenset().union(*(part.groups for part in parts)),
        frozenset().union(*(part.group_ids for part in parts)),
        frozenset().union(*(part.projects for part in parts)),
    )


def is_part(one: Access | None, of: Access) -> bool:
    """Whether ``one`` gives nothing that ``of`` does not give, to the same person."""
    return one is None or (
        (one.person, one.domain) == (of.person, of.domain)
        and one.groups <= of.groups
        and one.group_ids <= of.group_ids
        and one.projects <= of.projects
    )
