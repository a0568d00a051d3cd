"""What the engine asks of whoever runs a pattern that may never end. Owns the question's shape."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class BrokenPattern:
    """The pattern is none: the exception that Python's ``re`` raises, by name."""

    error: str
    message: str


class Search(Protocol):
    """Runs patterns where they can be ended."""

    def prepare(self) -> None:
        """There will be questions: whatever takes a while to start may start."""

    def begin(self) -> None:
        """A new evaluation: its time starts anew."""

    def find(self, pattern: str, texts: Sequence[str]) -> Sequence[bool] | BrokenPattern | None:
        """Whether ``pattern`` is found in each of ``texts``; None where the evaluation's time is over."""


class NoSearch:
    """Nobody to ask: whatever is not proven harmless is refused."""

    def prepare(self) -> None:
        """Nothing to start."""

    def begin(self) -> None:
        """Nothing to begin."""

    def find(self, pattern: str, texts: Sequence[str]) -> None:
        """No answer."""


NO_SEARCH = NoSearch()
