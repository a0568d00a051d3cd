"""What the ledger holds of proposals and approvals. Owns these records, and that what is kept elsewhere agrees."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.proposal import Approval, Proposal
from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome
from p3idp.errors.proposals import ProposalDamaged, ProposalRefused
from p3idp.ops.access_ledger import TARGET, details_of
from p3idp.ports.ledger import Ledger
from p3idp.ports.request import request_id

PROPOSE, APPROVE = "create/proposal", "approve/proposal"


@dataclass(frozen=True, slots=True)
class ProposalRecord:
    """Writes and holds against the ledger. ``target``: the Keystone that the plan is for."""

    ledger: Ledger
    target: str

    def proposed(self, proposal: Proposal) -> str:
        """Keep that somebody proposed; the record's id. An approval closes it."""
        return self._append(PROPOSE, Outcome.PENDING, proposal.proposer.actor, proposal.at, _proposal(proposal))

    def approved(self, approval: Approval, about: str) -> str:
        """Keep a second person's word on the proposal of the record ``about``; the record's id."""
        told = _approval(approval)
        return self._append(APPROVE, Outcome.SUCCESS, approval.approver.actor, approval.at, told, about=about)

    def refused(self, action: str, reason: str, detail: str, actor: Actor, at: datetime) -> ProposalRefused:
        """The refusal, after the ledger has it: somebody tried."""
        self._append(action, Outcome.FAILURE, actor, at, {"detail": detail}, reason=reason)
        return ProposalRefused(reason, detail)

    def check_proposal(self, proposal: Proposal) -> None:
        """Raise ProposalDamaged where the ledger tells something else."""
        self._check(proposal.record, _proposal(proposal), proposal.id)

    def check_approval(self, approval: Approval) -> None:
        """Raise ProposalDamaged where the ledger tells something else."""
        self._check(approval.record, _approval(approval), approval.proposal)

    def _check(self, record: str, told: Mapping[str, Json], identity: str) -> None:
        kept = self.ledger.record(record)
        if kept is None or dict(details_of(kept)) != told:
            raise ProposalDamaged(f"The ledger tells something else of the proposal {identity} than the database.")

    def _append(
        self,
        action: str,
        outcome: Outcome,
        actor: Actor,
        at: datetime,
        details: Mapping[str, Json],
        about: str = "",
        reason: str = "",
    ) -> str:
        target = (TARGET, self.target)
        event = AuditEvent(action, outcome, actor, target, at, request_id.get(), reason, about, details)
        return self.ledger.append(event).id


def _proposal(proposal: Proposal) -> Mapping[str, Json]:
    """All that decides, and no plan, since that names people."""
    return {
        "proposal": proposal.id,
        "digest": proposal.digest,
        "policy_digest": proposal.policy_digest,
        "rollback_to": proposal.rollback_to.as_json() if proposal.rollback_to else None,
        "accepted": list(proposal.accepted),
        "proposer": proposal.proposer.as_json(),
        "until": proposal.until.isoformat(),
    }


def _approval(approval: Approval) -> Mapping[str, Json]:
    return {"proposal": approval.proposal, "digest": approval.digest, "approver": approval.approver.as_json()}
