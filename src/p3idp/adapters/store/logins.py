"""Remembered logins in the database. Owns what a row holds, and when it ends.

A row is the keyed hash of a person at a provider, two moments, and the login sealed: a copy of the database names
nobody. Whose row it is and when it ends stand inside the seal too, so that who can write the database can neither
hand one person's claims to another nor make them last.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection, Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from p3idp.adapters.store.engine import clear_log, reading, writing
from p3idp.adapters.store.tables import REMEMBERED_LOGINS
from p3idp.core.login.remembered import RememberedLogin, login_from_text, login_to_text
from p3idp.errors.access import LedgerUnavailable
from p3idp.ports.logins import PersonHash, Recalled
from p3idp.ports.sessions import Seal

_R = REMEMBERED_LOGINS.c


@dataclass(frozen=True, slots=True)
class StoredLogins:
    """Implements ports.logins.LoginStore. ``keep``: how long a login is remembered; lowered, it ends earlier ones."""

    engine: Engine
    seal: Seal
    names: PersonHash
    keep: timedelta

    def remember(self, login: RememberedLogin) -> None:
        """See ports.logins.LoginWriter."""
        try:
            self._put(login)
        except LedgerUnavailable as exc:
            if not isinstance(exc.__cause__, IntegrityError):
                raise
            self._put(login)  # the same person at another replica, this very moment: now their row is seen

    def _put(self, login: RememberedLogin) -> None:
        names = self.names(login.provider, login.subject)
        at, until = login.at, login.at + self.keep
        text = json.dumps({"person": names[0], "until": until.isoformat(), "login": login_to_text(login)})
        sealed = self.seal.close(text.encode(), at)
        row = {"person": names[0], "sealed": sealed, "at": _seconds(at), "until": _seconds(until)}
        with writing(self.engine) as connection:
            self._sweep(connection, login.at)
            # Under an older key the same person has another name.
            mine = _R.person.in_(names)
            newest = connection.scalar(select(_R.at).where(mine).order_by(_R.at.desc()).limit(1))
            if newest is None or newest <= _seconds(at):
                connection.execute(delete(REMEMBERED_LOGINS).where(mine))
                connection.execute(insert(REMEMBERED_LOGINS).values(**row))

    def recall(self, now: datetime) -> Recalled:
        """See ports.logins.LoginReader."""
        with reading(self.engine) as connection:
            rows = connection.execute(select(REMEMBERED_LOGINS).where(self._lives(now))).all()
        opened = [self._opened(row, now) for row in rows]
        living = (each.login for each in opened if each and now < min(each.until, each.login.at + self.keep))
        return _recalled(living, opened)

    def forget(self, subject: str, now: datetime) -> Recalled:
        """See ports.logins.LoginStore."""
        with writing(self.engine) as connection:
            self._sweep(connection, now)
            rows = connection.execute(select(REMEMBERED_LOGINS)).all()
            opened = [self._opened(row, now) for row in rows]
            mine = [each for each in opened if each and each.login.subject == subject]
            for each in mine:
                connection.execute(delete(REMEMBERED_LOGINS).where(_R.person == each.person))
        clear_log(self.engine)
        return _recalled((each.login for each in mine), opened)

    def _sweep(self, connection: Connection, now: datetime) -> None:
        connection.execute(delete(REMEMBERED_LOGINS).where(~self._lives(now)))

    def _lives(self, now: datetime) -> Any:
        return (_R.until > _seconds(now)) & (_R.at > _seconds(now - self.keep))

    def _opened(self, row: Any, now: datetime) -> "_Kept | None":
        """What a row holds; None where no key opens it, or it is not this row's."""
        try:
            content = json.loads(self.seal.open(row.sealed, now) or b"")
            kept = _Kept(content["person"], datetime.fromisoformat(content["until"]), login_from_text(content["login"]))
        except (ValueError, KeyError, TypeError):
            return None
        return kept if kept.person == row.person else None


class _Kept(NamedTuple):
    person: str
    until: datetime
    login: RememberedLogin


def _recalled(logins: Iterable[RememberedLogin], opened: Sequence[_Kept | None]) -> Recalled:
    found = sorted(logins, key=lambda each: (each.provider, each.subject))
    return Recalled(tuple(found), sum(each is None for each in opened))


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
