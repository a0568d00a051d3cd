"""What the engine asks of whoever runs a pattern that may never end. Owns the question's shape."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class BrokenPattern:
    """The pattern is none: the exception that Python's ``re`` raises, by name."""

    error: str
    message: str


# Whether the pattern is found in each of the texts; None where that took too long.
Search = Callable[[str, Sequence[str]], Sequence[bool] | BrokenPattern | None]


def no_search(pattern: str, texts: Sequence[str]) -> None:
    """Nobody to ask: whatever is not proven harmless is refused."""
