"""The ledger in the database. Owns how records are appended without gaps, and how they are read back."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.exc import IntegrityError

from p3idp.adapters.store.engine import reading, writing
from p3idp.adapters.store.tables import LEDGER, LEDGER_HEADS
from p3idp.core.audit.chain import START, Head, LedgerRecord, record_id, seal, sealed
from p3idp.core.audit.event import AuditEvent, Outcome, as_cadf
from p3idp.errors.access import LedgerDamaged, LedgerUnavailable

_RECORD = (LEDGER.c.writer, LEDGER.c.sequence, LEDGER.c.event, LEDGER.c.previous, LEDGER.c.digest)


@dataclass(frozen=True, slots=True)
class StoredLedger:
    """One writer's hand on the ledger, and a reader of everyone's. ``writer`` names this host or service."""

    engine: Engine
    writer: str

    def append(self, event: AuditEvent) -> LedgerRecord:
        """Keep the event, on disk when this returns. Raises LedgerUnavailable, LedgerDamaged."""
        self._begin_chain()
        with writing(self.engine) as connection:
            head = connection.execute(
                select(LEDGER_HEADS).where(LEDGER_HEADS.c.writer == self.writer).with_for_update()
            ).one()
            sequence = head.length + 1
            text = as_cadf(event, record_id(self.writer, sequence), self.writer)
            record = seal(self.writer, sequence, text, head.digest)
            connection.execute(insert(LEDGER).values(**_columns(record)))
            moved = {"length": sequence, "digest": record.digest}
            connection.execute(update(LEDGER_HEADS).where(LEDGER_HEADS.c.writer == self.writer).values(**moved))
            return record

    def _begin_chain(self) -> None:
        with reading(self.engine) as connection:
            if connection.execute(select(LEDGER_HEADS.c.length).where(LEDGER_HEADS.c.writer == self.writer)).first():
                return
            orphan = connection.execute(select(LEDGER.c.sequence).where(LEDGER.c.writer == self.writer)).first()
        if orphan is not None:
            raise LedgerDamaged(f"The ledger holds records of {self.writer}, but the head of its chain is gone.")
        try:
            with writing(self.engine) as connection:
                connection.execute(insert(LEDGER_HEADS).values(writer=self.writer, length=0, digest=START))
        except LedgerUnavailable as exc:
            if not isinstance(exc.__cause__, IntegrityError):  # another process began the same chain just now
                raise

    def heads(self) -> Sequence[Head]:
        """The kept head of every writer; a writer with records and no head gets a head of nothing."""
        with reading(self.engine) as connection:
            kept = {
                row.writer: Head(row.writer, row.length, row.digest) for row in connection.execute(select(LEDGER_HEADS))
            }
            writers = connection.scalars(select(LEDGER.c.writer).distinct()).all()
        return sorted(kept.get(writer, Head(writer, 0, START)) for writer in {*kept, *writers})

    def records(self, writer: str) -> Iterator[LedgerRecord]:
        """All records of a writer, in order. A copied column that contradicts its event counts as a change."""
        with reading(self.engine) as connection:
            rows = connection.execution_options(yield_per=500).execute(
                select(LEDGER).where(LEDGER.c.writer == writer).order_by(LEDGER.c.sequence)
            )
            for row in rows:
                record = _record(row)
                honest = _honest(record, row)
                yield record if honest else LedgerRecord(writer, row.sequence, row.event, row.previous, "")

    def latest(self, limit: int, action: str = "") -> Sequence[LedgerRecord]:
        """The newest records of all writers, newest first."""
        wanted = select(*_RECORD).order_by(LEDGER.c.at.desc(), LEDGER.c.writer, LEDGER.c.sequence.desc()).limit(limit)
        if action:
            wanted = wanted.where(LEDGER.c.action.startswith(action, autoescape=True))
        with reading(self.engine) as connection:
            return [_record(row) for row in connection.execute(wanted)]

    def record(self, identity: str) -> LedgerRecord | None:
        """One record by its id. Raises LedgerDamaged."""
        writer, _, sequence = identity.rpartition("/")
        if not sequence.isascii() or not sequence.isdecimal() or len(sequence) > 18:
            return None
        return self._one((LEDGER.c.writer == writer) & (LEDGER.c.sequence == int(sequence)))

    def closing(self, identity: str) -> LedgerRecord | None:
        """The record that closes this one. Raises LedgerDamaged."""
        return self._one(LEDGER.c.about == identity)

    def _one(self, condition: Any) -> LedgerRecord | None:
        wanted = select(LEDGER).where(condition).order_by(LEDGER.c.at, LEDGER.c.sequence).limit(1)
        with reading(self.engine) as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return None
        record = sealed(_record(row))
        if not _honest(record, row):
            raise LedgerDamaged(f"What the ledger keeps beside its record {record.id} contradicts it.")
        return record

    def open_intents(self, action: str) -> Sequence[LedgerRecord]:
        """Pending records of this action that no record closes, oldest first."""
        pending = (LEDGER.c.action == action) & (LEDGER.c.outcome == Outcome.PENDING.value)
        with reading(self.engine) as connection:
            rows = connection.execute(select(*_RECORD).where(pending).order_by(LEDGER.c.at, LEDGER.c.sequence)).all()
            intents = [_record(row) for row in rows]
            closed = set(connection.scalars(select(LEDGER.c.about).where(LEDGER.c.about != "")).all())
        return [intent for intent in intents if intent.id not in closed]


def _columns(record: LedgerRecord) -> dict[str, Any]:
    body = json.loads(record.event)
    return {
        "writer": record.writer,
        "sequence": record.sequence,
        "at": body["eventTime"],
        "action": body["action"],
        "outcome": body["outcome"],
        "about": body["about"],
        "event": record.event,
        "previous": record.previous,
        "digest": record.digest,
    }


def _record(row: Any) -> LedgerRecord:
    return LedgerRecord(row.writer, row.sequence, row.event, row.previous, row.digest)


def _honest(record: LedgerRecord, row: Any) -> bool:
    try:
        return _columns(record) == dict(row._mapping)
    except (ValueError, KeyError, TypeError):
        return False
