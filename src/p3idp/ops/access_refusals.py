"""What stops an apply, before it acts or after. Owns the words of these refusals; the dangers are core/access's."""

from collections.abc import Mapping, Sequence
from typing import Any

from p3idp.core.access.plan import Change, Plan
from p3idp.errors.access import ApplyIncomplete, ApplyRunning, FindingsUnaccepted, PlanStale
from p3idp.ops.access_ledger import ACTION, TARGET, Result
from p3idp.ports.ledger import LedgerReader


def running_already(ledger: LedgerReader, target: str) -> ApplyRunning:
    """Who holds the lock, as far as the ledger knows: a run that has not begun to write is not in it."""
    told = "Another apply is running at this Keystone."
    running = [r for r in ledger.open_intents(ACTION) if r.body["target"] == {"typeURI": TARGET, "id": target}]
    if not running:
        return ApplyRunning(f"{told} It has not begun to write.")
    body: Any = running[-1].body
    who, where = body["initiator"]["id"], body["observer"]["id"]
    since, record = f"{body['eventTime'][:19]}Z", running[-1].id
    return ApplyRunning(f"{told} Account {who} on {where} began to write at {since} (record {record}).")


def refuse_stale(plan: Plan, digest: str | None) -> None:
    """Raise PlanStale where another plan was reviewed; None means that none was asked for."""
    if digest is not None and digest != plan.digest:
        raise PlanStale(f"The plan is now {plan.digest[:12]}…, not the reviewed {digest[:12]}….")


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
