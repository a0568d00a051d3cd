"""What the ledger keeps of plan and apply. Owns the intent, the outcome, and settling what an earlier run left open."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.access.plan import Change, Plan
from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome, canonical
from p3idp.ports.environment import Clock
from p3idp.ports.ledger import Ledger
from p3idp.ports.request import request_id

ACTION = "update/access"
ACCOUNT = "service/security/account/keystone"
TARGET = "service/security/keystone"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of a change: ``done``, ``failed``, ``not-tried``, or ``unknown`` (written, not read back)."""

    word: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """Writes the records of one run. ``account``: the Keystone user that acts."""

    ledger: Ledger
    account: str
    clock: Clock

    def intend(self, plan: Plan, policy_digest: str, accepted: Sequence[str], now: datetime) -> LedgerRecord:
        """Keep what is about to be done. Durable when this returns; raises LedgerUnavailable: then do nothing."""
        details: dict[str, Json] = {
            "accepted": sorted(set(accepted)),
            "digest": plan.digest,
            "findings": sorted({finding.name for finding in plan.findings}),
            "items": [item(change) for change in plan.changes],
            "policy": plan.policy,
            "policy_digest": policy_digest,
        }
        return self._append(plan, Outcome.PENDING, now, details)

    def conclude(self, intent: LedgerRecord, plan: Plan, results: Mapping[Change, Result]) -> None:
        """Keep what came of an intent."""
        good = all(result.word == "done" for result in results.values())
        items: list[Json] = [
            {**item(change), "result": result.word, "detail": result.detail} for change, result in results.items()
        ]
        details: dict[str, Json] = {"digest": plan.digest, "items": items, "policy": plan.policy}
        outcome = Outcome.SUCCESS if good else Outcome.FAILURE
        self._append(plan, outcome, self.clock(), details, about=intent.id, reason="" if good else "apply-incomplete")

    def settle(self, plan: Plan, now: datetime) -> tuple[str, ...]:
        """Close the intents that a killed run left open: an item is done where the fresh plan no longer asks for it."""
        waiting = {canonical(item(change)) for change in plan.changes}
        settled = []
        for intent in self.ledger.open_intents(ACTION):
            if intent.body["target"] != {"typeURI": TARGET, "id": plan.target}:
                continue
            items: list[Json] = [
                {**each, "result": "not-done" if canonical(each) in waiting else "done"} for each in items_of(intent)
            ]
            details: dict[str, Json] = {"items": items, "settled_by": plan.digest}
            self._append(plan, Outcome.UNKNOWN, now, details, about=intent.id, reason="interrupted")
            settled.append(intent.id)
        return tuple(settled)

    def _append(
        self,
        plan: Plan,
        outcome: Outcome,
        at: datetime,
        details: Mapping[str, Json],
        about: str = "",
        reason: str = "",
    ) -> LedgerRecord:
        actor = Actor(ACCOUNT, self.account)
        target = (TARGET, plan.target)
        event = AuditEvent(ACTION, outcome, actor, target, at, request_id.get(), reason, about, details)
        return self.ledger.append(event)


def item(change: Change) -> Mapping[str, Json]:
    """A change in the ledger: enough to know it again, no rules and no attributes."""
    resource = change.resource
    return {"action": change.action, "kind": resource.kind.value, "key": list(resource.key)}


def items_of(record: LedgerRecord) -> Sequence[Mapping[str, Any]]:
    """The items that a record of this subject names."""
    attachments: Any = record.body.get("attachments") or []
    return [each for attachment in attachments for each in attachment["content"].get("items", [])]
