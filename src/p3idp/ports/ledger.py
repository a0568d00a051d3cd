"""What ops need of the ledger: append, and read back. Appending is durable when it returns."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from p3idp.core.audit.chain import Head, LedgerRecord
from p3idp.core.audit.event import AuditEvent


class LedgerWriter(Protocol):
    """Adds records; nothing changes or removes one."""

    def append(self, event: AuditEvent) -> LedgerRecord:
        """Keep the event, durably, at the end of this writer's chain. Raises LedgerUnavailable: then do not act."""
        ...


class LedgerReader(Protocol):
    """Reads records."""

    def heads(self) -> Sequence[Head]:
        """The kept head of every writer, sorted by writer."""
        ...

    def records(self, writer: str) -> Iterator[LedgerRecord]:
        """All records of a writer, in order."""
        ...

    def latest(self, limit: int, action: str = "") -> Sequence[LedgerRecord]:
        """The newest records of all writers, newest first; ``action`` filters by the start of the action."""
        ...

    def record(self, identity: str) -> LedgerRecord | None:
        """One record by its id, whole as it was sealed; None where there is none. Raises LedgerDamaged."""
        ...

    def closing(self, identity: str) -> LedgerRecord | None:
        """The record that closes this one (``about``); the first where there are several. Raises LedgerDamaged."""
        ...

    def open_intents(self, action: str) -> Sequence[LedgerRecord]:
        """Records of this action with outcome ``pending`` that no other record closes (``about``), oldest first."""
        ...


class Ledger(LedgerWriter, LedgerReader, Protocol):
    """Both."""
