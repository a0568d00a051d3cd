"""What is kept of a run: the intent, the outcome, and what it found and left. Owns settling what a run left open.

The ledger names the digests of what the history holds, so that neither can be changed without the other.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.access.history import Begun, managed, place_of
from p3idp.core.access.history_text import begun_from_text, begun_to_text, digest_of, snapshot_to_text
from p3idp.core.access.plan import Change, Plan, came_true
from p3idp.core.access.proposal import ALONE, Warrant
from p3idp.core.access.resources import Snapshot
from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome, canonical
from p3idp.ports.environment import Clock
from p3idp.ports.history import History
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
class Intent:
    """A run that was announced: its ledger record, and its number in the history."""

    record: LedgerRecord
    number: int


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """Writes the records of one run. ``account``: the Keystone user that acts; ``warrant``: on whose word."""

    ledger: Ledger
    history: History
    account: str
    clock: Clock
    warrant: Warrant = ALONE

    def intend(self, plan: Plan, begun: Begun, accepted: Sequence[str], now: datetime) -> Intent:
        """Keep what is about to be done. Durable when this returns; raises LedgerUnavailable: then do nothing."""
        text = begun_to_text(begun)
        details: dict[str, Json] = {
            "accepted": sorted(set(accepted)),
            "account": self.account,
            "begun": digest_of(text),
            "digest": plan.digest,
            "findings": sorted({finding.name for finding in plan.findings}),
            "items": [item(change) for change in plan.changes],
            "policy": plan.policy,
            "policy_digest": begun.policy_digest,
            **({} if plan.rollback_to is None else {"rollback_to": plan.rollback_to.as_json()}),
            **({"environment": begun.environment} if begun.environment else {}),
            **({"commit": begun.commit.as_json()} if begun.commit else {}),
            **self.warrant.as_json(),
        }
        # That it closes the approval's record is how the approval counts once.
        approved = self.warrant.approval.record if self.warrant.approval else ""
        record = self._append(plan, Outcome.PENDING, now, details, about=approved)
        return Intent(record, self.history.begin(plan.target, plan.policy, record.id, text))

    def conclude(self, intent: Intent, plan: Plan, results: Mapping[Change, Result], left: Snapshot) -> None:
        """Keep what came of an intent. The ledger gets its outcome also where the history cannot be written."""
        good = all(result.word == "done" for result in results.values())
        items: list[Json] = [
            {**item(change), "result": result.word, "detail": result.detail} for change, result in results.items()
        ]
        text, kept = snapshot_to_text(left), False
        try:
            # What another run found to be left of this one stands in its record already.
            if not self.is_closed(intent):
                self.history.conclude(intent.number, text, good=good)
                kept = True
        finally:
            details: dict[str, Json] = {
                "digest": plan.digest,
                "items": items,
                "left": digest_of(text) if kept else "",
                "number": intent.number,
                "policy": plan.policy,
            }
            outcome, reason = (Outcome.SUCCESS, "") if good else (Outcome.FAILURE, "apply-incomplete")
            self._append(plan, outcome, self.clock(), details, about=intent.record.id, reason=reason)

    def is_closed(self, intent: Intent) -> bool:
        """Whether another run has settled this one."""
        return self.ledger.closing(intent.record.id) is not None

    def settle(self, plan: Plan, observed: Snapshot, now: datetime) -> tuple[str, ...]:
        """Close the intents that a killed run left open: an item is done where Keystone shows it.

        What such a run left is what is found now.
        """
        settled = []
        for intent in self.ledger.open_intents(ACTION):
            if intent.body["target"] != {"typeURI": TARGET, "id": plan.target}:
                continue
            kept = self.history.of_intent(intent.id)
            # Killed before it was kept, or changed since: then it wrote nothing, or nobody knows, and nothing is left.
            whole = kept is not None and details_of(intent).get("begun") == digest_of(kept.begun)
            begun = begun_from_text(kept.begun) if kept and whole else None
            shown = came_true(begun.wanted, observed) if begun else frozenset()
            done = {canonical(item(change)) for change in shown}
            words = ["done" if canonical(each) in done else "not-done" for each in items_of(intent)]
            items: list[Json] = [{**each, "result": word} for each, word in zip(items_of(intent), words, strict=True)]
            left = self._keep(kept.number, begun, observed, good=set(words) == {"done"}) if kept and begun else ""
            details: dict[str, Json] = {"items": items, "left": left, "settled_by": plan.digest}
            self._append(plan, Outcome.UNKNOWN, now, details, about=intent.id, reason="interrupted")
            settled.append(intent.id)
        return tuple(settled)

    def _keep(self, number: int, begun: Begun, observed: Snapshot, *, good: bool) -> str:
        places = {place_of(r) for r in (*begun.found.resources, *(change.resource for change in begun.wanted))}
        text = snapshot_to_text(managed(observed, begun.policy, places))
        self.history.conclude(number, text, good=good)
        return digest_of(text)

    def _append(
        self,
        plan: Plan,
        outcome: Outcome,
        at: datetime,
        details: Mapping[str, Json],
        about: str = "",
        reason: str = "",
    ) -> LedgerRecord:
        actor = self.warrant.actor or Actor(ACCOUNT, self.account)
        target = (TARGET, plan.target)
        event = AuditEvent(ACTION, outcome, actor, target, at, request_id.get(), reason, about, details)
        return self.ledger.append(event)


def item(change: Change) -> Mapping[str, Json]:
    """A change in the ledger: enough to know it again, no rules and no attributes."""
    resource = change.resource
    return {"action": change.action, "kind": resource.kind.value, "key": list(resource.key)}


def details_of(record: LedgerRecord) -> Mapping[str, Any]:
    """What a record of this subject says besides CADF's own members."""
    attachments: Any = record.body.get("attachments") or []
    return next((attachment["content"] for attachment in attachments), {})


def items_of(record: LedgerRecord) -> Sequence[Mapping[str, Any]]:
    """The items that a record of this subject names."""
    items: Sequence[Mapping[str, Any]] = details_of(record).get("items", [])
    return items
