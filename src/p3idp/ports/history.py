"""What ops need of the history of applies, and of the lock between two of them."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """One apply as it was kept: texts whose digests the ledger names; ``left`` is empty until it is known.

    ``intent``: the ledger record that announced it.
    """

    number: int
    intent: str
    begun: str
    left: str = ""


class History(Protocol):
    """Keeps the newest applies of each Keystone and policy; of the good ones always the newest."""

    def begin(self, target: str, policy: str, intent: str, begun: str) -> int:
        """Keep what a run begins with, durably, and return its number; numbers only grow. Raises LedgerUnavailable."""
        ...

    def conclude(self, number: int, left: str, *, good: bool) -> None:
        """Keep what it left, and let the oldest beyond the bound go. Raises LedgerUnavailable."""
        ...

    def entry(self, number: int) -> Kept | None:
        """One apply."""
        ...

    def of_intent(self, intent: str) -> Kept | None:
        """The apply that this ledger record announced; None where it never came to that."""
        ...

    def latest(self, limit: int, target: str = "", policy: str = "") -> Sequence[Kept]:
        """The newest applies, newest first; of one Keystone and one policy where they are given."""
        ...


class RunLock(Protocol):
    """Lets one run at a time through, among all processes that share it."""

    def hold(self, name: str) -> AbstractContextManager[bool]:
        """Hold the lock of this name while the block runs; False, at once, where another has it.

        It goes when the process ends, however it ends. Raises CoordinationUnavailable.
        """
        ...
