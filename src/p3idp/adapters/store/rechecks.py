"""When people were asked about, in the database.

Owns what a row holds: a Keystone, a keyed hash of a person, and a moment.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine, delete, insert, select

from p3idp.adapters.store.engine import reading, writing
from p3idp.adapters.store.tables import RECHECKS
from p3idp.ports.logins import PersonHash
from p3idp.ports.removal import Person

_R = RECHECKS.c
_KEPT = timedelta(days=60)
_TOGETHER = 500  # rows of one statement: SQLite and MariaDB limit what one may hold


@dataclass(frozen=True, slots=True)
class StoredRechecks:
    """Implements ports.removal.RecheckMemory for the Keystone at this address."""

    engine: Engine
    names: PersonHash
    address: str

    def acted(self, people: Collection[Person]) -> Mapping[Person, datetime]:
        """See ports.removal.RecheckReader. Under an older key a person has another name: the latest moment counts."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(_R.person, _R.at).where(_R.target == self._target)).all()
        moments = {row.person: datetime.fromtimestamp(row.at, UTC) for row in rows}
        found = {person: [moments[n] for n in self.names(*person) if n in moments] for person in people}
        return {person: max(known) for person, known in found.items() if known}

    def remember(self, moments: Mapping[Person, datetime], now: datetime) -> None:
        """See ports.removal.RecheckMemory."""
        # Rounded down to the second: rather a moment too early than too late.
        rows = [
            {"target": self._target, "person": self.names(*person)[0], "at": int(at.timestamp())}
            for person, at in moments.items()
        ]
        old = int((now - _KEPT).timestamp())
        with writing(self.engine) as connection:
            connection.execute(delete(RECHECKS).where(_R.at < old))
            for start in range(0, len(rows), _TOGETHER):
                part = rows[start : start + _TOGETHER]
                mine = (_R.target == self._target) & _R.person.in_([row["person"] for row in part])
                connection.execute(delete(RECHECKS).where(mine))
                connection.execute(insert(RECHECKS), part)

    @property
    def _target(self) -> str:
        return hashlib.sha256(self.address.encode()).hexdigest()
