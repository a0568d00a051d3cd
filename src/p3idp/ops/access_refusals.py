"""What stops an apply, before it acts or after. Owns the words of these refusals; the dangers are core/access's."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from p3idp.core.access.commit import STALE
from p3idp.core.access.plan import Change, Plan
from p3idp.core.access.proposal import Warrant, objection
from p3idp.core.access.way_back import WayBack
from p3idp.core.policy.model import Approvers
from p3idp.errors.access import ApplyIncomplete, ApplyRunning, FindingsUnaccepted, PlanStale
from p3idp.errors.proposals import ProposalRefused, SecondPersonNeeded
from p3idp.errors.repository import StaleCheckout
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
        raise PlanStale(f"The plan is now {plan.digest[:12]}…, {not_reviewed(digest, plan.digest)}")


def not_reviewed(digest: str, now: str) -> str:
    """How what was given differs; a digest that was cut short in copying looks right up to there."""
    if len(digest) != len(now):
        return f"and what was given is no digest: one has {len(now)} characters, and this {len(digest)}."
    return f"not the reviewed {digest[:12]}…."


def refuse_warrant(
    warrant: Warrant, plan: Plan, approvers: Approvers | None, ledger: LedgerReader, now: datetime
) -> None:
    """Raise ProposalRefused where two people's word does not let this plan pass, or did so once already."""
    if warrant.proposal is None or warrant.approval is None:
        return
    why = objection(warrant.proposal, warrant.approval, plan.digest, approvers, now)
    if why is not None:
        raise ProposalRefused(why.reason, why.detail, hint="Propose it again.")
    if (used := ledger.closing(warrant.approval.record)) is not None:
        told = f"The proposal {warrant.proposal.id} was applied already (ledger record {used.id})."
        raise ProposalRefused("spent", told, hint="An approval counts once. Propose again what is left to do.")


def refuse_unaccepted(plan: Plan, accepted: Sequence[str], *, by_two: bool = False) -> None:
    """Raise StaleCheckout, FindingsUnaccepted or SecondPersonNeeded, where a danger stands in the way."""
    for stale in (finding for finding in plan.findings if finding.name == STALE):
        raise StaleCheckout(stale.message)
    open_findings = plan.unaccepted(accepted, by_two=by_two)
    if not open_findings or not (plan.does_something or any(not f.acceptable for f in open_findings)):
        return
    lines = [f"{finding.name}: {finding.message}" for finding in open_findings]
    final = [f.name for f in open_findings if not f.acceptable]
    if final:
        raise FindingsUnaccepted("\n".join(lines), hint="Change the policy; this cannot be accepted.")
    names = sorted({finding.name for finding in open_findings if not finding.second_person})
    named = "".join(f" --accept {name}" for name in names)
    if any(finding.second_person for finding in open_findings):
        back = "" if plan.rollback_to is None else f" --rollback {plan.rollback_to}"
        hint = f"Change the policy, or let two people decide: p3idp propose{back}{named} --token-file FILE"
        raise SecondPersonNeeded("\n".join(lines), hint=hint)
    raise FindingsUnaccepted("\n".join(lines), hint=f"Change the policy, or accept by name:{named}")


def incomplete(results: Mapping[Change, Result]) -> ApplyIncomplete:
    """What is to be said where something was not done."""
    undone = [(change, result) for change, result in results.items() if result.word != "done"]
    failed = [f"{c.action} {c.resource.name}: {r.detail}" for c, r in undone if r.word == "failed"]
    told = f"{len(results) - len(undone)} of {len(results)} changes were made. " + " ".join(failed)
    return ApplyIncomplete(told.strip())


def next_steps(plan: Plan, first: int) -> str:
    """What to do after a run that ended half-way. ``first``: of the runs that did so since the last that ended well."""
    on = "p3idp apply" if plan.rollback_to is None else f"p3idp rollback {plan.rollback_to}"
    back = f"p3idp rollback {WayBack(first, before=True)}"
    other = f"`{back}` goes back to what apply {first} found" if back != on else "`p3idp apply` goes to the policy"
    return f"`{on}` goes on from here, {other}: both are safe, and nobody has more meanwhile than either side gives."
