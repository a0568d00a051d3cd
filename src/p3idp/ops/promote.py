"""Bring to one environment what another has: the plan for it, whether it was really tried, and how the two then differ.

Owns that question; writes nothing. The policy is the one that was applied there last, from the history, so nothing is
promoted that nobody tried. Names are all that goes from one Keystone to the other: plans hold no ids.
"""

from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.contrast import Contrast, contrast
from p3idp.core.access.history import Entry
from p3idp.core.policy.model import Policy
from p3idp.errors.environments import PromotionImpossible
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.access import AccessOps
from p3idp.ops.access_plan import Planned
from p3idp.ops.drift import Drift, find_drift


@dataclass(frozen=True, slots=True)
class Promotion:
    """``applied``: what the first environment has; ``drift``: how it differs from that now; ``planned``: the second's.

    ``contrast``: how both differ when the plan is applied. ``checked_out``: whether the policy directory holds the
    policy that is promoted, so that `p3idp apply` applies this plan.
    """

    applied: Entry
    drift: Drift
    planned: Planned
    contrast: Contrast
    checked_out: bool

    @property
    def tried(self) -> bool:
        """Whether the first environment stands as applied, so that what was tried there is this policy."""
        return not self.drift.any


def promote(source: AccessOps, target: AccessOps, now: datetime) -> Promotion:
    """What promoting from one environment to another would do.

    Raises PromotionImpossible, PolicyInvalid, HistoryDamaged, LedgerDamaged, and the errors of reading both Keystones.
    """
    here = target.policy()
    applied = _last(source, str(here.site.id))
    policy = _there(target, applied, here.environment)
    same = policy.digest == here.digest
    begun = applied.begun
    at_source = source.planned_for(source.parse(begun.files, begun.environment), now, begun.commit)
    planned = target.review_for(policy, now, None if same else begun.commit)
    return Promotion(
        applied,
        find_drift(at_source, source.ledger()),
        planned,
        contrast((at_source.desired, at_source.observed), (planned.desired, planned.observed), planned.plan.changes),
        checked_out=same,
    )


def _last(source: AccessOps, policy: str) -> Entry:
    applied = source.past().newest(source.reader.target(), policy)
    if applied is None:
        raise PromotionImpossible(f"Nothing of the policy {policy} was applied at {source.reader.target()} so far.")
    if not applied.good:
        told = f"Apply {applied.number} at {source.reader.target()} did not end well ({applied.outcome})."
        raise PromotionImpossible(told)
    return applied


def _there(target: AccessOps, applied: Entry, environment: str) -> Policy:
    try:
        return target.parse(applied.begun.files, environment)
    except PolicyInvalid as exc:
        told = f"The policy of apply {applied.number} says nothing that holds for {environment}:\n{exc.detail}"
        raise PromotionImpossible(told) from exc
