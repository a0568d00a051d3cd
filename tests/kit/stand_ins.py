"""A clock that stands until it is moved, and a ledger that is a list: what tests of several floors hand to ops."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import AuditEvent
from p3idp.errors.access import LedgerUnavailable


@dataclass
class MovableClock:
    now: datetime = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class ListedEvents:
    """LedgerWriter that keeps a list, and can fill up."""

    events: list[AuditEvent] = field(default_factory=list)
    full: bool = False

    def append(self, event: AuditEvent) -> LedgerRecord:
        if self.full:
            raise LedgerUnavailable("The disk is full.")
        self.events.append(event)
        return LedgerRecord("listed", len(self.events), "", "", "")
