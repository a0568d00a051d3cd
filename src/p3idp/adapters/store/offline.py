"""Consents to be asked about while away, in the database. Owns what a row holds, when it ends, and who may change it.

As with remembered logins a row is the keyed hash of a person at a provider, two moments, and the rest sealed: a copy of
the database names nobody and opens no refresh token. Whose row it is and when it ends stand inside the seal too.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from p3idp.adapters.store.engine import clear_log, reading, writing
from p3idp.adapters.store.tables import CONSENTS
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable
from p3idp.ports.history import RunLock
from p3idp.ports.logins import PersonHash
from p3idp.ports.offline import Consents, OfflineAccess
from p3idp.ports.sessions import Seal

_R = CONSENTS.c


@dataclass(frozen=True, slots=True)
class StoredOffline:
    """Implements ports.offline.OfflineStore. ``lasts``: how long a consent does; lowered, it ends earlier ones."""

    engine: Engine
    seal: Seal
    names: PersonHash
    lock: Callable[[], RunLock]
    lasts: timedelta

    def consents(self, now: datetime) -> Consents:
        """See ports.offline.OfflineReader."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(CONSENTS).where(self._lives(now))).all()
        opened = [self._opened(row) for row in rows]
        living = (each.access for each in opened if each and each.lives(now, self.lasts))
        found = sorted(living, key=lambda access: (access.provider, access.subject))
        return Consents(tuple(found), sum(each is None for each in opened))

    def newest(self, provider: ProviderId, subject: str, now: datetime) -> OfflineAccess | None:
        """See ports.offline.OfflineStore."""
        with reading(self.engine) as connection:
            kept = self._kept(connection, self.names(provider, subject))
        return kept.access if kept and kept.lives(now, self.lasts) else None

    def keep(self, access: OfflineAccess) -> None:
        """See ports.offline.OfflineStore."""
        try:
            self._put(access)
        except LedgerUnavailable as exc:
            if not isinstance(exc.__cause__, IntegrityError):
                raise
            self._put(access)  # the same person at another replica, this very moment: now their row is seen

    def _put(self, access: OfflineAccess) -> None:
        with writing(self.engine) as connection:
            self._sweep(connection, access.asked_at)
            self._forget(connection, self.names(access.provider, access.subject))
            connection.execute(insert(CONSENTS).values(**self._row(access, access.consented_at + self.lasts)))

    def replace(self, old: OfflineAccess, new: OfflineAccess | None) -> bool:
        """See ports.offline.OfflineStore."""
        names = self.names(old.provider, old.subject)
        with writing(self.engine) as connection:
            kept = self._kept(connection, names)
            if kept is None or kept.access.refresh_token != old.refresh_token:
                return False
            self._forget(connection, names)
            if new is not None:
                self._sweep(connection, new.asked_at)
                # It ends when the person was told it would, whatever the settings say since.
                connection.execute(insert(CONSENTS).values(**self._row(new, kept.until)))
        return True

    def end(self, provider: ProviderId, subject: str) -> bool:
        """See ports.offline.OfflineStore."""
        with writing(self.engine) as connection:
            found = self._forget(connection, self.names(provider, subject))
        clear_log(self.engine)
        return found

    @contextmanager
    def alone(self, provider: ProviderId, subject: str) -> Iterator[bool]:
        """See ports.offline.OfflineStore: under the names of all keys, so that a process with newer ones meets us."""
        lock = self.lock()
        with ExitStack() as held:
            names = sorted(self.names(provider, subject))
            yield all(held.enter_context(lock.hold(f"consent of {name}")) for name in names)

    def _row(self, access: OfflineAccess, until: datetime) -> dict[str, object]:
        name = self.names(access.provider, access.subject)[0]
        text = json.dumps({"person": name, "until": until.isoformat(), "access": _as_json(access)})
        sealed = self.seal.close(text.encode(), access.asked_at)
        return {"person": name, "sealed": sealed, "at": _seconds(access.consented_at), "until": _seconds(until)}

    def _kept(self, connection: Connection, names: Sequence[str]) -> "_Kept | None":
        # Locked until the transaction ends, where the database locks rows; SQLite has one writer anyway.
        rows = select(CONSENTS).where(_R.person.in_(names)).order_by(_R.at.desc()).with_for_update()
        opened = (self._opened(row) for row in connection.execute(rows))
        return next((each for each in opened if each), None)

    def _forget(self, connection: Connection, names: Sequence[str]) -> bool:
        # Under an older key the same person has another name.
        return connection.execute(delete(CONSENTS).where(_R.person.in_(names))).rowcount > 0

    def _sweep(self, connection: Connection, now: datetime) -> None:
        connection.execute(delete(CONSENTS).where(~self._lives(now)))

    def _lives(self, now: datetime) -> Any:
        return (_R.until > _seconds(now)) & (_R.at > _seconds(now - self.lasts))

    def _opened(self, row: Any) -> "_Kept | None":
        """What a row holds; None where no key opens it, or it is not this row's."""
        try:
            content = json.loads(self.seal.open(row.sealed, datetime.fromtimestamp(row.at, UTC)) or b"")
            kept = _Kept(content["person"], datetime.fromisoformat(content["until"]), _from_json(content["access"]))
        except (ValueError, KeyError, TypeError):
            return None
        return kept if kept.person == row.person else None


class _Kept(NamedTuple):
    person: str
    until: datetime
    access: OfflineAccess

    def lives(self, now: datetime, lasts: timedelta) -> bool:
        return now < min(self.until, self.access.consented_at + lasts)


def _as_json(access: OfflineAccess) -> dict[str, str]:
    return {
        "provider": access.provider,
        "issuer": access.issuer,
        "subject": access.subject,
        "refresh_token": access.refresh_token.reveal(),
        "consented_at": access.consented_at.isoformat(),
        "asked_at": access.asked_at.isoformat(),
    }


def _from_json(content: dict[str, str]) -> OfflineAccess:
    return OfflineAccess(
        ProviderId(content["provider"]),
        content["issuer"],
        content["subject"],
        Secret(content["refresh_token"]),
        datetime.fromisoformat(content["consented_at"]),
        datetime.fromisoformat(content["asked_at"]),
    )


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
