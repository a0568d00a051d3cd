"""What a person is told about their access: what they get and through what, else what would be needed and whom to ask.

Owns the explanation as values, made from a decision; the words are the templates'. It decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from p3idp.core.policy.decision import Decision, Granted, Reason, Refused
from p3idp.core.policy.model import AccessRule, Community, Policy, ProjectRef
from p3idp.core.policy.nearness import NearMiss, near_misses


@dataclass(frozen=True, slots=True)
class Gift:
    """Roles on a project, and the rules they come through. ``until``: when the first ends; None for never."""

    project: ProjectRef
    roles: tuple[str, ...]
    until: datetime | None
    through: tuple[Granted, ...]


@dataclass(frozen=True, slots=True)
class Need:
    """A rule that gives nothing to this person: why (``reason`` and ``detail`` as decided), and what came near."""

    rule: AccessRule
    reason: Reason
    detail: str
    near: tuple[NearMiss, ...]


@dataclass(frozen=True, slots=True)
class Offer:
    """A community this site serves, and what would be needed to get in. Its contact is whom to ask."""

    community: Community
    needs: tuple[Need, ...]

    @property
    def is_near(self) -> bool:
        """Whether the person holds something that is nearly right, or the right thing under a condition unmet."""
        return any(need.near or need.reason is not Reason.ENTITLEMENT for need in self.needs)


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it. ``offers`` are the communities that give this person nothing, near ones first."""

    gifts: tuple[Gift, ...]
    offers: tuple[Offer, ...]
    refusal: str = ""


def explain(policy: Policy, decision: Decision, held: tuple[str, ...]) -> Explanation:
    """Explain the decision that was made under this policy for somebody who holds these entitlements."""
    gifts = tuple(
        Gift(access.project, access.roles, access.until, _through(decision, access.project))
        for access in decision.access
    )
    giving = {verdict.community.name for verdict in decision.granted}
    offers = [_offer(community, decision, held) for community in policy.communities if community.name not in giving]
    return Explanation(gifts, tuple(sorted(offers, key=lambda o: (not o.is_near, o.community.name))), decision.refusal)


def _through(decision: Decision, project: ProjectRef) -> tuple[Granted, ...]:
    return tuple(v for v in decision.granted if any(ref == project for ref, _ in v.rule.grants))


def _offer(community: Community, decision: Decision, held: tuple[str, ...]) -> Offer:
    verdicts = [v for v in decision.refused if v.community.name == community.name]
    if not verdicts:  # nothing was looked at: say what the rules want all the same
        verdicts = [Refused(community, rule, Reason.ENTITLEMENT, "") for rule in community.rules]
    return Offer(
        community, tuple(Need(v.rule, v.reason, v.detail, near_misses(v.rule.entitlement, held)) for v in verdicts)
    )
