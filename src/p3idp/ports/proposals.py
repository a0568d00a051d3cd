"""What ops need to keep proposals and approvals. Reading and writing are separate."""

from collections.abc import Sequence
from typing import Protocol

from p3idp.core.access.proposal import Approval, Proposal


class ProposalReader(Protocol):
    """Reads them. Whatever was changed since it was kept, or moved to another place, raises ProposalDamaged."""

    def find(self, identity: str) -> Proposal | None:
        """One proposal; None where there is none."""
        ...

    def approval(self, identity: str) -> Approval | None:
        """The approval of this proposal; None where nobody approved."""
        ...

    def latest(self, limit: int) -> Sequence[str]:
        """The ids of the newest, newest first."""
        ...


class Proposals(ProposalReader, Protocol):
    """Keeps them as well. Every method raises LedgerUnavailable where the database does not answer."""

    def keep(self, proposal: Proposal) -> None:
        """Keep a new proposal; those that ended more than a month before it are forgotten."""
        ...

    def approve(self, approval: Approval) -> bool:
        """Keep the one approval of a proposal, in one step; False where there is one already, or no proposal."""
        ...
