"""Proposals in memory, for tests. Owns nothing but the keeping."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from p3idp.core.access.proposal import Approval, Proposal


@dataclass(slots=True)
class MemoryProposals:
    """Proposals and approvals by the proposal's id."""

    kept: dict[str, Proposal] = field(default_factory=dict)
    approvals: dict[str, Approval] = field(default_factory=dict)

    def keep(self, proposal: Proposal) -> None:
        """See ports.proposals.Proposals."""
        self.kept[proposal.id] = proposal

    def approve(self, approval: Approval) -> bool:
        """See ports.proposals.Proposals."""
        waits = approval.proposal in self.kept and approval.proposal not in self.approvals
        return waits and self.approvals.setdefault(approval.proposal, approval) is approval

    def find(self, identity: str) -> Proposal | None:
        """See ports.proposals.ProposalReader."""
        return self.kept.get(identity)

    def approval(self, identity: str) -> Approval | None:
        """See ports.proposals.ProposalReader."""
        return self.approvals.get(identity)

    def latest(self, limit: int) -> Sequence[str]:
        """See ports.proposals.ProposalReader."""
        return list(reversed(self.kept))[:limit]
