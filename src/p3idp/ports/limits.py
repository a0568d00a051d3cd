"""Count what somebody asks for, and stop them. Owns the port; which limits there are, and for whom, the doors say."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Limit:
    """So many within so many seconds, counted for each key apart. ``most`` 0: no limit, nothing is counted.

    ``name`` keeps the counts of two limits apart that share a key; it is also what the log calls it.
    """

    name: str
    most: int
    seconds: int = 60


class Limiter(Protocol):
    """Counts, shared by all that count at one place. It never raises but TooMany: a store that is away lets through
    what this process has not counted itself (docs/adr/0017-rate-limits.md).
    """

    def take(self, limit: Limit, key: str, cost: int = 1) -> None:
        """Count ``cost`` for ``key``, an address or a person; it may be any text, and is never a secret.

        Raises TooMany where that would be more than the limit has left; what did not fit then uses up the rest.
        """
        ...
