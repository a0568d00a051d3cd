"""Sessions and spent sign-ins in memory: the twin of the database, for tests."""

from dataclasses import replace
from datetime import datetime

from p3idp.core.login.session import Session, SessionId


class MemorySessions:
    """Implements ports.sessions.Sessions."""

    def __init__(self) -> None:
        self.held: dict[SessionId, tuple[Session, datetime]] = {}

    def save(self, session_id: SessionId, session: Session, until: datetime) -> None:
        """Keep a new session."""
        self.held = {key: kept for key, kept in self.held.items() if kept[1] > session.began_at}
        self.held[session_id] = (session, until)

    def find(self, session_id: SessionId) -> Session | None:
        """The session, or None."""
        kept = self.held.get(session_id)
        return kept[0] if kept else None

    def touch(self, session_id: SessionId, seen_at: datetime) -> None:
        """Remember that it was used."""
        if session_id in self.held:
            session, until = self.held[session_id]
            self.held[session_id] = (replace(session, seen_at=seen_at), until)

    def remove(self, session_id: SessionId) -> None:
        """Forget it."""
        self.held.pop(session_id, None)


class MemorySpentAttempts:
    """Implements ports.sessions.SpentAttempts."""

    def __init__(self) -> None:
        self.spent: dict[str, datetime] = {}

    def is_spent(self, attempt_id: str) -> bool:
        """Whether it was completed before."""
        return attempt_id in self.spent

    def spend(self, attempt_id: str, now: datetime, until: datetime) -> bool:
        """Mark it; False where it was marked already."""
        self.spent = {key: end for key, end in self.spent.items() if end > now}
        if attempt_id in self.spent:
            return False
        self.spent[attempt_id] = until
        return True
