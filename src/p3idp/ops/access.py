"""Plan and apply what the policy says should stand in Keystone.

Owns the run: read, compare, refuse, write down the intent, act, read back, write down the outcome. Planning is
handed a reader only. What is dangerous is core/access/findings.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.desired import desired_state
from p3idp.core.access.findings import assess
from p3idp.core.access.plan import Change, Plan, diff
from p3idp.core.policy.model import Policy
from p3idp.errors.access import ApplyIncomplete, FindingsUnaccepted, PlanStale
from p3idp.ops.access_ledger import AccessRecord, Result
from p3idp.ops.access_write import write_batch
from p3idp.ports.environment import Clock
from p3idp.ports.keystone import FederationReader, FederationWriter
from p3idp.ports.ledger import Ledger

Progress = Callable[[Change, Result], None]


@dataclass(frozen=True, slots=True)
class Applied:
    """What a run did. ``settled``: ids of earlier intents that it closed."""

    plan: Plan
    results: tuple[tuple[Change, Result], ...]
    settled: tuple[str, ...] = ()


def plan_access(policy: Policy, reader: FederationReader, now: datetime) -> Plan:
    """What would change in Keystone for ``policy`` at ``now``, and what is to be said of it. Writes nothing."""
    desired = desired_state(policy, now)
    observed = reader.read(policy.site.domain)
    changes = diff(desired, observed)
    findings = assess(policy, desired, observed, changes, now)
    return Plan(str(policy.site.id), reader.target(), changes, findings)


@dataclass(frozen=True, slots=True)
class AccessOps:
    """Plan and apply, with the outside handed in. ``policy`` and ``ledger`` are opened when they are needed."""

    policy: Callable[[], Policy]
    reader: FederationReader
    writer: FederationWriter
    ledger: Callable[[], Ledger]
    clock: Clock

    def plan(self, now: datetime) -> Plan:
        """Raises PolicyInvalid, and the errors of reading Keystone."""
        return plan_access(self.policy(), self.reader, now)

    def apply(
        self,
        now: datetime,
        digest: str | None,
        accepted: Sequence[str] = (),
        progress: Progress = lambda change, result: None,
    ) -> Applied:
        """Apply the plan that ``digest`` names; None takes whatever the plan is now.

        Raises PlanStale where the plan is another, FindingsUnaccepted, LedgerUnavailable before anything was
        done, and ApplyIncomplete where something was not done.
        """
        policy = self.policy()
        plan = plan_access(policy, self.reader, now)
        if digest is not None and digest != plan.digest:
            raise PlanStale(f"The plan is now {plan.digest[:12]}…, not the reviewed {digest[:12]}….")
        refuse_unaccepted(plan, accepted)
        record = AccessRecord(self.ledger(), self.writer.account(), self.clock)
        settled = record.settle(plan, now)
        if not plan.changes:
            return Applied(plan, (), settled)
        results = self._act(policy, plan, record, accepted, now, progress)
        refuse_incomplete(results)
        return Applied(plan, tuple(results.items()), settled)

    def _act(
        self,
        policy: Policy,
        plan: Plan,
        record: AccessRecord,
        accepted: Sequence[str],
        now: datetime,
        progress: Progress,
    ) -> Mapping[Change, Result]:
        results: dict[Change, Result] = dict.fromkeys(plan.changes, Result("not-tried"))
        intent = record.intend(plan, policy.digest, accepted, now)
        try:
            for batch in plan.batches():
                write_batch(batch, policy.site.domain, self.reader, self.writer, results, progress)
                # What follows needs what went before; and nothing is taken away where a grant is missing.
                if any(results[change].word != "done" for change in batch):
                    break
        finally:
            record.conclude(intent, plan, results)
        return results


def refuse_unaccepted(plan: Plan, accepted: Sequence[str]) -> None:
    """Raise FindingsUnaccepted where a danger stands in the way."""
    open_findings = plan.unaccepted(accepted)
    if not open_findings or not (plan.changes or any(not f.acceptable for f in open_findings)):
        return
    lines = [f"{finding.name}: {finding.message}" for finding in open_findings]
    names = sorted({finding.name for finding in open_findings if finding.acceptable})
    hint = f"Change the policy, or accept by name: {' '.join(f'--accept {name}' for name in names)}"
    final = [f.name for f in open_findings if not f.acceptable]
    raise FindingsUnaccepted(
        "\n".join(lines), hint=hint if not final else "Change the policy; this cannot be accepted."
    )


def refuse_incomplete(results: Mapping[Change, Result]) -> None:
    """Raise ApplyIncomplete where something was not done."""
    undone = [(change, result) for change, result in results.items() if result.word != "done"]
    if undone:
        failed = [f"{c.action} {c.resource.name}: {r.detail}" for c, r in undone if r.word == "failed"]
        told = f"{len(results) - len(undone)} of {len(results)} changes were made. " + " ".join(failed)
        raise ApplyIncomplete(told.strip())
