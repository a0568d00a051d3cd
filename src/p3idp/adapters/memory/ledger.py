"""A ledger in memory, for tests. The chain is the real one; only keeping it is not."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from p3idp.core.audit.chain import START, Head, LedgerRecord, record_id, seal, sealed
from p3idp.core.audit.event import AuditEvent, Outcome, as_cadf


@dataclass(slots=True)
class MemoryLedger:
    """All records of one writer."""

    writer: str = "memory"
    kept: list[LedgerRecord] = field(default_factory=list)

    def append(self, event: AuditEvent) -> LedgerRecord:
        """See ports.ledger.LedgerWriter."""
        sequence = len(self.kept) + 1
        previous = self.kept[-1].digest if self.kept else START
        text = as_cadf(event, record_id(self.writer, sequence), self.writer)
        self.kept.append(seal(self.writer, sequence, text, previous))
        return self.kept[-1]

    def heads(self) -> Sequence[Head]:
        """See ports.ledger.LedgerReader."""
        return [Head(self.writer, len(self.kept), self.kept[-1].digest)] if self.kept else []

    def records(self, writer: str) -> Iterator[LedgerRecord]:
        """See ports.ledger.LedgerReader."""
        return iter(self.kept if writer == self.writer else ())

    def latest(self, limit: int, action: str = "") -> Sequence[LedgerRecord]:
        """See ports.ledger.LedgerReader."""
        wanted = [record for record in reversed(self.kept) if str(record.body["action"]).startswith(action)]
        return wanted[:limit]

    def record(self, identity: str) -> LedgerRecord | None:
        """See ports.ledger.LedgerReader."""
        return next((sealed(record) for record in self.kept if record.id == identity), None)

    def closing(self, identity: str) -> LedgerRecord | None:
        """See ports.ledger.LedgerReader."""
        return next((sealed(record) for record in self.kept if record.body["about"] == identity), None)

    def open_intents(self, action: str) -> Sequence[LedgerRecord]:
        """See ports.ledger.LedgerReader."""
        closed = {record.body["about"] for record in self.kept}
        return [
            record
            for record in self.kept
            if record.body["action"] == action
            and record.body["outcome"] == Outcome.PENDING.value
            and record.id not in closed
        ]
