"""The chain that makes a changed or missing record visible: each record's digest covers the one before it.

Owns digests and their verification; where records are kept is an adapter's matter. A chain is one writer's.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from p3idp.errors.access import LedgerDamaged

START = "0" * 64


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One kept event: ``event`` is its canonical CADF text; ``sequence`` counts from 1 within ``writer``."""

    writer: str
    sequence: int
    event: str
    previous: str
    digest: str

    @property
    def id(self) -> str:
        """The record's name, unique in a ledger."""
        return record_id(self.writer, self.sequence)

    @property
    def body(self) -> Mapping[str, object]:
        """The event, parsed."""
        parsed: Mapping[str, object] = json.loads(self.event)
        return parsed


@dataclass(frozen=True, slots=True, order=True)
class Head:
    """Where a chain ends: how many records, and the digest of the last. Written down elsewhere, it shows truncation."""

    writer: str
    count: int
    digest: str

    def __str__(self) -> str:
        return f"{self.writer}:{self.count}:{self.digest}"


@dataclass(frozen=True, slots=True)
class Damage:
    """The first thing that is wrong in a writer's chain."""

    writer: str
    sequence: int
    what: str


def record_id(writer: str, sequence: int) -> str:
    """``<writer>/<sequence>``."""
    return f"{writer}/{sequence}"


def seal(writer: str, sequence: int, event: str, previous: str) -> LedgerRecord:
    """Make the record that follows ``previous``. The digest covers writer, place, predecessor and text."""
    text = "\n".join((writer, str(sequence), previous, event))
    return LedgerRecord(writer, sequence, event, previous, hashlib.sha256(text.encode()).hexdigest())


def sealed(record: LedgerRecord) -> LedgerRecord:
    """The record, where its digest is that of what it says; the chain around it is verify_chain's to prove.

    Raises LedgerDamaged.
    """
    if record != seal(record.writer, record.sequence, record.event, record.previous):
        raise LedgerDamaged(f"The ledger's record {record.id} was changed.")
    return record


def verify_chain(
    writer: str, records: Iterable[LedgerRecord], kept: Head | None, known: Head | None = None
) -> Damage | None:
    """Walk one writer's records in order; None where all holds.

    ``kept`` is the head the ledger keeps beside the records; ``known`` one that somebody wrote down earlier.
    """
    previous, count, seen = START, 0, {0: START}
    for record in records:
        count += 1
        if record.sequence != count:
            return Damage(writer, count, f"record {count} is missing")
        if record != seal(writer, count, record.event, previous):
            return Damage(writer, count, f"record {count} was changed")
        previous = seen[count] = record.digest
    if kept is None or kept.count > count:
        return Damage(writer, count + 1, f"records after {count} are missing" if kept else "the head is missing")
    if (kept.count, kept.digest) != (count, previous):
        return Damage(writer, count, f"the kept head names record {kept.count}, which is not the last record here")
    if known is not None and seen.get(known.count) != known.digest:
        return Damage(writer, known.count, f"record {known.count} is not the one that the given head names")
    return None
