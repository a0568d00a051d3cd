"""What a person is told about their access: what they get and through what, else what would be needed and whom to ask.

Owns the explanation as values, made from a decision; the words are sentence.py's and the templates'. It decides
nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.policy.decision import Decision, Granted, Reason, Refusal, Refused
from p3idp.core.policy.held import Held
from p3idp.core.policy.model import Community, NamedPerson, Policy, ProjectRef
from p3idp.core.policy.nearness import NearMiss, Nearness

_FAR = len(Nearness) + 1


@dataclass(frozen=True, slots=True)
class Gift:
    """Roles on a project, and the rules they come through. ``until``: when the first ends; None for never."""

    project: ProjectRef
    roles: tuple[str, ...]
    until: datetime | None
    through: tuple[Granted, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """A rule that gives nothing to this person.

    ``miss``: the verdict on it. ``holds``: the entitlement that would do, or the subject of somebody who is named,
    where another condition fails; else empty.
    ``near``: those that nearly would. ``found``: what the failed condition found, the most telling first.
    """

    miss: Refused
    holds: str
    near: tuple[NearMiss, ...]
    found: tuple[str, ...]

    @property
    def is_near(self) -> bool:
        """Whether the person holds the right thing under a condition unmet, or something that is nearly right."""
        return bool(self.holds or self.near)

    @property
    def distance(self) -> int:
        """How far from access this is; 0 where only another condition is not met."""
        if self.holds:
            return 0
        return min((1 + list(Nearness).index(miss.how) for miss in self.near), default=_FAR)


@dataclass(frozen=True, slots=True)
class Offer:
    """A community this site serves, and what would be needed to get in. Its contact is whom to ask."""

    community: Community
    needs: tuple[Need, ...]

    @property
    def is_near(self) -> bool:
        """Whether one of its rules is near."""
        return any(need.is_near for need in self.needs)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it.

    ``misses`` are the rules that were looked at and give nothing, near ones first; ``offers`` the communities that
    give this person nothing, near ones first; ``held`` all entitlements.
    """

    gifts: tuple[Gift, ...]
    misses: tuple[Need, ...]
    offers: tuple[Offer, ...]
    held: tuple[str, ...]
    refusal: Refusal | None = None

    @property
    def nearest(self) -> Need | None:
        """The rule that gives nothing and of all comes nearest; None where none is near."""
        first = next(iter(self.misses), None)
        return first if first is not None and first.is_near else None


def explain(policy: Policy, decision: Decision, held: tuple[str, ...]) -> Explanation:
    """Explain the decision that was made under this policy for somebody who holds these entitlements."""
    gifts = tuple(
        Gift(access.project, access.roles, access.until, _through(decision, access.project))
        for access in decision.access
    )
    known = Held(held)
    needs = [_need(miss, known) for miss in decision.refused]
    misses = tuple(sorted(needs, key=lambda need: need.distance))
    return Explanation(gifts, misses, _offers(policy, decision, needs, known), held, decision.refusal)


def _through(decision: Decision, project: ProjectRef) -> tuple[Granted, ...]:
    return tuple(v for v in decision.granted if any(ref == project for ref, _ in v.rule.grants))


def _offers(policy: Policy, decision: Decision, needs: Sequence[Need], held: Held) -> tuple[Offer, ...]:
    giving = {verdict.community.name for verdict in decision.granted}
    by_community: dict[str, list[Need]] = {}
    for need in needs:
        by_community.setdefault(need.miss.community.name, []).append(need)
    offers = [
        # Where nothing was looked at, say what the rules want all the same.
        Offer(community, tuple(by_community.get(community.name) or _wanted(community, held)))
        for community in policy.communities
        if community.name not in giving
    ]
    return tuple(sorted(offers, key=lambda offer: (not offer.is_near, offer.community.name)))


def _wanted(community: Community, held: Held) -> list[Need]:
    return [_need(Refused(community, rule, Reason.ENTITLEMENT, ""), held) for rule in community.rules]


def _need(miss: Refused, held: Held) -> Need:
    if isinstance(miss.rule, NamedPerson):
        return Need(miss, miss.rule.subject, (), _telling(miss))
    wanted = miss.rule.entitlement
    holds = "" if miss.reason is Reason.ENTITLEMENT else held.granting(wanted)
    return Need(miss, holds, () if holds else held.near(wanted), _telling(miss))


def _telling(miss: Refused) -> tuple[str, ...]:
    """Assurance comes as many values of several frameworks; those of the framework that is wanted say most."""
    if miss.reason is not Reason.ASSURANCE:
        return () if miss.reason is Reason.ENTITLEMENT else miss.found
    return tuple(sorted(miss.found, key=lambda value: -max(_alike(value, wanted) for wanted in miss.wanted)))


def _alike(one: str, other: str) -> int:
    """How many characters two texts share at their beginning."""
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
