"""Proposals and approvals in the database, sealed. Owns what a row holds, and when it goes.

The seal is why writing to the database is not enough to decide something: what it did not close does not open, and the
proposal's id stands inside, so that nothing opens in another row.
"""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from sqlalchemy import Engine, delete, insert, select, update

from p3idp.adapters.store.engine import reading, writing
from p3idp.adapters.store.tables import PROPOSALS
from p3idp.core.access.proposal import Approval, Proposal
from p3idp.core.access.proposal_text import (
    approval_from_text,
    approval_to_text,
    proposal_from_text,
    proposal_to_text,
)
from p3idp.errors.proposals import ProposalDamaged
from p3idp.ports.sessions import Seal

KEPT_AFTER_END = timedelta(days=30)
MAX_TEXT = 256 * 1024 * 1024
_P = PROPOSALS.c
_EVER = datetime.fromtimestamp(0, UTC)  # no age is asked for: when a proposal ends stands inside
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredProposals:
    """Implements ports.proposals.Proposals. Each kind has a seal of its own, so that neither opens as the other."""

    engine: Engine
    proposals: Seal
    approvals: Seal

    def keep(self, proposal: Proposal) -> None:
        """See ports.proposals.Proposals."""
        sealed = _closed(self.proposals, proposal_to_text(proposal), proposal.at)
        row = {"id": proposal.id, "sealed": sealed, "approval": ""}
        with writing(self.engine) as connection:
            connection.execute(delete(PROPOSALS).where(_P.until < _seconds(proposal.at - KEPT_AFTER_END)))
            moments = {"at": _seconds(proposal.at), "until": _seconds(proposal.until)}
            connection.execute(insert(PROPOSALS).values(**row, **moments))

    def approve(self, approval: Approval) -> bool:
        """See ports.proposals.Proposals."""
        sealed = _closed(self.approvals, approval_to_text(approval), approval.at)
        waiting = (_P.id == approval.proposal) & (_P.approval == "")
        with writing(self.engine) as connection:
            return connection.execute(update(PROPOSALS).where(waiting).values(approval=sealed)).rowcount == 1

    def find(self, identity: str) -> Proposal | None:
        """See ports.proposals.ProposalReader."""
        with reading(self.engine) as connection:
            sealed = connection.scalar(select(_P.sealed).where(_P.id == identity))
        if sealed is None:
            return None
        found = _opened(self.proposals, sealed, proposal_from_text, f"The proposal {identity}")
        return _its(found, found.id, identity)

    def approval(self, identity: str) -> Approval | None:
        """See ports.proposals.ProposalReader."""
        with reading(self.engine) as connection:
            sealed = connection.scalar(select(_P.approval).where(_P.id == identity))
        if not sealed:
            return None
        found = _opened(self.approvals, sealed, approval_from_text, f"The approval of the proposal {identity}")
        return _its(found, found.proposal, identity)

    def latest(self, limit: int) -> Sequence[str]:
        """See ports.proposals.ProposalReader."""
        with reading(self.engine) as connection:
            return list(connection.scalars(select(_P.id).order_by(_P.at.desc(), _P.id).limit(limit)))


def _its(found: T, named: str, identity: str) -> T:
    if named != identity:
        raise ProposalDamaged(f"In the place of the proposal {identity} stands something of another one.")
    return found


def _closed(seal: Seal, text: str, at: datetime) -> str:
    return seal.close(zlib.compress(text.encode()), at)


def _opened(seal: Seal, sealed: str, read: Callable[[bytes], T], what: str) -> T:
    content = seal.open(sealed, _EVER) if sealed else None
    try:
        return read(zlib.decompressobj().decompress(content or b"", MAX_TEXT))
    except (zlib.error, ValueError, KeyError, TypeError) as exc:
        raise ProposalDamaged(f"{what} was changed in the database, or sealed with another key.") from exc


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
