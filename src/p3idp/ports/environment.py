"""The clock and the dice, as ports: wiring hands in the real ones."""

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The present moment, in UTC, aware."""

    def __call__(self) -> datetime:
        """Return now."""
        ...


class TokenSource(Protocol):
    """Unguessable text (at least 256 bits), URL-safe."""

    def __call__(self) -> str:
        """Return a new one."""
        ...
