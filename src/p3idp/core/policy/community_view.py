"""One community of the policy as a line of a list. Owns what state it is in at a moment."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from p3idp.core.policy.model import Community, Policy
from p3idp.core.policy.vo_catalogue import Catalogue, Standing, standing, vo_name


class State(StrEnum):
    """Whether a community gives anything. Once released, a word keeps its meaning."""

    OPEN = "open"
    SUSPENDED = "suspended"
    NOT_YET = "not-yet"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class CommunityView:
    """A community, its name out in the world, its state, and how it stands to the catalogue; None without one."""

    community: Community
    vo: str
    state: State
    standing: Standing | None


def view(community: Community, catalogue: Catalogue | None, now: datetime) -> CommunityView:
    """The community at a moment."""
    stands = standing(community, catalogue) if catalogue else None
    return CommunityView(community, vo_name(community), state(community, now), stands)


def views(policy: Policy, catalogue: Catalogue | None, now: datetime) -> tuple[CommunityView, ...]:
    """All communities, in the policy's order."""
    return tuple(view(community, catalogue, now) for community in policy.communities)


def state(community: Community, now: datetime) -> State:
    """What holds at ``now``. An end is final, so it is said before a suspension."""
    validity = community.validity
    if validity.until is not None and now >= validity.until:
        return State.ENDED
    if community.suspended is not None:
        return State.SUSPENDED
    return State.OPEN if validity.holds(now) else State.NOT_YET
