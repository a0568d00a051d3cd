"""What ops need to remember browsers: sessions, sign-ins already spent, and a seal for what browsers carry."""

from datetime import datetime
from typing import Protocol

from p3idp.core.login.session import Session, SessionId


class Sessions(Protocol):
    """Keeps sessions by the hash of their id, sealed. Every method raises SessionsUnavailable where it cannot."""

    def save(self, session_id: SessionId, session: Session, until: datetime) -> None:
        """Keep a new session until ``until`` at the latest; what had ended by its beginning is forgotten."""
        ...

    def find(self, session_id: SessionId) -> Session | None:
        """The session with this id, however old; None where there is none or it cannot be unsealed."""
        ...

    def touch(self, session_id: SessionId, seen_at: datetime) -> None:
        """Remember that it was used."""
        ...

    def remove(self, session_id: SessionId) -> None:
        """Forget it; nothing happens where there is none."""
        ...


class SpentAttempts(Protocol):
    """Remembers which sign-ins were completed, so that each is completed once."""

    def is_spent(self, attempt_id: str) -> bool:
        """Whether it was completed before. Raises SessionsUnavailable."""
        ...

    def spend(self, attempt_id: str, now: datetime, until: datetime) -> bool:
        """Mark it, in one step; False where somebody was faster. Raises SessionsUnavailable."""
        ...


class Seal(Protocol):
    """Encrypts and authenticates what is kept outside: in a browser's cookie, or at rest."""

    def close(self, content: bytes, now: datetime) -> str:
        """Seal, with the newest key."""
        ...

    def open(self, sealed: str, now: datetime, max_age_seconds: int | None = None) -> bytes | None:
        """Unseal; None where it was not sealed here, was changed, or is older than allowed."""
        ...
