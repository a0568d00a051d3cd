"""Say how policy and Keystone differ, and what is known of who and when. Owns that question; writes nothing.

Which side a difference arose on is core/access/drift's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.access.drift import Difference, differences, foreign
from p3idp.core.access.history import Place, place_of
from p3idp.core.access.plan import Finding
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.chain import LedgerRecord
from p3idp.ops.access_ledger import ACTION, TARGET, items_of
from p3idp.ops.access_plan import Planned
from p3idp.ports.ledger import LedgerReader

LOOK_BACK = 1000  # ledger records of applies; two each


@dataclass(frozen=True, slots=True)
class Written:
    """When and by which Keystone account p3idp last wrote something, and the ledger record that says so."""

    record: str
    at: datetime
    account: str


@dataclass(frozen=True, slots=True)
class Drift:
    """Every difference; when p3idp last wrote what differs; what is foreign; what Keystone did not show.

    ``seen``: number and moment of the last apply; None before the first one. ``rollback``: where that was a rollback,
    its number and the state it went back to.
    """

    policy: str
    target: str
    differences: tuple[Difference, ...]
    written: Mapping[Place, Written]
    foreign: tuple[Resource, ...]
    missing: tuple[str, ...]
    seen: tuple[int, datetime] | None
    rollback: tuple[int, WayBack] | None
    findings: tuple[Finding, ...]

    @property
    def any(self) -> bool:
        """Whether something differs, or may: what Keystone did not show may differ as well."""
        return bool(self.differences or self.missing)


def find_drift(planned: Planned, ledger: LedgerReader) -> Drift:
    """Compare what a plan was made of. Raises LedgerUnavailable."""
    plan, known = planned.plan, planned.known.baseline
    found = differences(plan.changes, known, plan.policy)
    newest = planned.known.newest
    back = newest.begun.rollback_to if newest else None
    return Drift(
        policy=plan.policy,
        target=plan.target,
        differences=found,
        written=_written(ledger, plan.target, {place_of(each.change.resource) for each in found}),
        foreign=foreign(planned.desired, planned.observed, plan.changes, known),
        missing=planned.observed.missing,
        seen=(known.number, known.at) if known else None,
        rollback=(newest.number, back) if newest and back is not None else None,
        findings=planned.known.findings,
    )


def _written(ledger: LedgerReader, target: str, wanted: set[Place]) -> Mapping[Place, Written]:
    """The newest record of each place that says p3idp wrote it."""
    found: dict[Place, Written] = {}
    for record in ledger.latest(LOOK_BACK, ACTION) if wanted else ():
        if wanted <= found.keys():
            break
        if record.body["target"] == {"typeURI": TARGET, "id": target}:
            for place in _done(items_of(record)):
                found.setdefault(place, _who(record))
    return {place: who for place, who in found.items() if place in wanted}


def _done(items: Sequence[Mapping[str, Any]]) -> Sequence[Place]:
    return [(Kind(each["kind"]), tuple(each["key"])) for each in items if each.get("result") == "done"]


def _who(record: LedgerRecord) -> Written:
    body: Any = record.body
    return Written(record.id, datetime.fromisoformat(body["eventTime"]), str(body["initiator"]["id"]))
