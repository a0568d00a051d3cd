"""The history of applies in the database. Owns how entries are kept small and how the oldest go.

Whether an entry still says what it said is told by the ledger's digests, not here: what does not unpack any more
comes back as empty text, which no digest names.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from p3idp.adapters.store.engine import reading, writing
from p3idp.adapters.store.tables import ACCESS_HISTORY
from p3idp.ports.history import Kept

MAX_TEXT = 256 * 1024 * 1024  # bytes of one text; a site of 100,000 grants has a tenth of it
_H = ACCESS_HISTORY.c


@dataclass(frozen=True, slots=True)
class StoredHistory:
    """Implements ports.history.History. ``keep``: how many applies of one Keystone and policy stay."""

    engine: Engine
    keep: int

    def begin(self, target: str, policy: str, intent: str, begun: str) -> int:
        """Keep what a run begins with; on disk when this returns. Raises LedgerUnavailable."""
        row = {"target": target, "policy": policy, "intent": intent, "good": False, "begun": _packed(begun)}
        with writing(self.engine) as connection:
            made = connection.execute(insert(ACCESS_HISTORY).values(**row, left_behind=b""))
            return int(made.inserted_primary_key[0]) if made.inserted_primary_key else 0

    def conclude(self, number: int, left: str, *, good: bool) -> None:
        """Keep what it left; the oldest beyond the bound go. Raises LedgerUnavailable."""
        with writing(self.engine) as connection:
            values = {"left_behind": _packed(left), "good": good}
            connection.execute(update(ACCESS_HISTORY).where(_H.number == number).values(**values))
            self._prune(connection, number)

    def _prune(self, connection: Connection, number: int) -> None:
        place = connection.execute(select(_H.target, _H.policy).where(_H.number == number)).one()
        here = (_H.target == place.target) & (_H.policy == place.policy)
        numbers = connection.scalars(select(_H.number).where(here).order_by(_H.number.desc())).all()
        # What a rollback needs most is the newest state that was whole: many failed runs must not push it out.
        best = connection.scalar(select(_H.number).where(here & _H.good).order_by(_H.number.desc()).limit(1))
        old = [each for each in numbers[self.keep :] if each != best]
        if old:
            connection.execute(delete(ACCESS_HISTORY).where(_H.number.in_(old)))

    def entry(self, number: int) -> Kept | None:
        """One apply."""
        return self._first(_H.number == number)

    def of_intent(self, intent: str) -> Kept | None:
        """The apply that this ledger record announced."""
        return self._first(_H.intent == intent)

    def _first(self, condition: Any) -> Kept | None:
        with reading(self.engine) as connection:
            row = connection.execute(select(ACCESS_HISTORY).where(condition)).first()
        return _kept(row) if row else None

    def latest(self, limit: int, target: str = "", policy: str = "") -> Sequence[Kept]:
        """The newest applies, newest first."""
        wanted = select(ACCESS_HISTORY).order_by(_H.number.desc()).limit(limit)
        wanted = wanted.where(_H.target == target) if target else wanted
        wanted = wanted.where(_H.policy == policy) if policy else wanted
        with reading(self.engine) as connection:
            return [_kept(row) for row in connection.execute(wanted)]


def _kept(row: Any) -> Kept:
    return Kept(row.number, row.intent, _unpacked(row.begun), _unpacked(row.left_behind))


def _packed(text: str) -> bytes:
    return zlib.compress(text.encode())


def _unpacked(packed: bytes) -> str:
    try:
        # Bounded: a few bytes can be made to unpack into all of the memory.
        return zlib.decompressobj().decompress(packed, MAX_TEXT).decode()
    except (zlib.error, UnicodeDecodeError):
        return ""
