"""Sessions and spent sign-ins in the database. Owns what is kept of them; tables and engine stand beside it.

An id is kept as its SHA-256 and the session sealed, so that a copy of the database opens nobody's session and tells
nobody's claims.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Engine, delete, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from p3idp.adapters.store.session_text import session_from_text, session_to_text
from p3idp.adapters.store.tables import SPENT_ATTEMPTS, WEB_SESSIONS
from p3idp.core.login.session import Session, SessionId
from p3idp.errors.session import SessionsUnavailable
from p3idp.ports.sessions import Seal


class DatabaseSessions:
    """Implements ports.sessions.Sessions."""

    def __init__(self, engine: Engine, seal: Seal) -> None:
        self._engine = engine
        self._seal = seal

    def save(self, session_id: SessionId, session: Session, until: datetime) -> None:
        """Keep a new session; sweep out those that ended before it began."""
        now = session.began_at
        sealed = self._seal.close(f"{_hashed(session_id)}\n{session_to_text(session)}".encode(), now)
        with _transaction(self._engine) as connection:
            connection.execute(delete(WEB_SESSIONS).where(WEB_SESSIONS.c.until <= _seconds(now)))
            connection.execute(
                insert(WEB_SESSIONS).values(
                    id_hash=_hashed(session_id), sealed=sealed, seen_at=_seconds(session.seen_at), until=_seconds(until)
                )
            )

    def find(self, session_id: SessionId) -> Session | None:
        """The session, or None where there is none or it does not unseal."""
        with _transaction(self._engine, writing=False) as connection:
            row = connection.execute(
                select(WEB_SESSIONS.c.sealed, WEB_SESSIONS.c.seen_at).where(
                    WEB_SESSIONS.c.id_hash == _hashed(session_id)
                )
            ).first()
        if row is None:
            return None
        seen_at = datetime.fromtimestamp(row.seen_at, UTC)
        # Whose row it is stands inside the seal too: who can write the database moves nobody into another's session.
        whose, _, text = (self._seal.open(row.sealed, seen_at) or b"").decode().partition("\n")
        return session_from_text(text, seen_at) if whose == _hashed(session_id) else None

    def touch(self, session_id: SessionId, seen_at: datetime) -> None:
        """Remember that it was used."""
        with _transaction(self._engine) as connection:
            connection.execute(
                update(WEB_SESSIONS)
                .where(WEB_SESSIONS.c.id_hash == _hashed(session_id))
                .values(seen_at=_seconds(seen_at))
            )

    def remove(self, session_id: SessionId) -> None:
        """Forget it."""
        with _transaction(self._engine) as connection:
            connection.execute(delete(WEB_SESSIONS).where(WEB_SESSIONS.c.id_hash == _hashed(session_id)))


class DatabaseSpentAttempts:
    """Implements ports.sessions.SpentAttempts; the primary key makes each attempt spendable once, across replicas."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def is_spent(self, attempt_id: str) -> bool:
        """Whether it was completed before."""
        query = select(SPENT_ATTEMPTS.c.id_hash).where(SPENT_ATTEMPTS.c.id_hash == _hashed(attempt_id))
        with _transaction(self._engine, writing=False) as connection:
            return connection.execute(query).first() is not None

    def spend(self, attempt_id: str, now: datetime, until: datetime) -> bool:
        """Mark it; False where it was marked already. What its cookie's age makes unusable anyway is swept out."""
        try:
            with _transaction(self._engine) as connection:
                connection.execute(delete(SPENT_ATTEMPTS).where(SPENT_ATTEMPTS.c.until <= _seconds(now)))
                connection.execute(insert(SPENT_ATTEMPTS).values(id_hash=_hashed(attempt_id), until=_seconds(until)))
        except IntegrityError:
            return False
        return True


@contextmanager
def _transaction(engine: Engine, *, writing: bool = True) -> Iterator[Connection]:
    try:
        with engine.execution_options(writing=writing).begin() as connection:
            yield connection
    except IntegrityError:
        raise
    except SQLAlchemyError as exc:
        raise SessionsUnavailable("The database of sessions does not answer.", debug=type(exc).__name__) from exc


def _hashed(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())
