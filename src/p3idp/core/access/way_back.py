"""Which state a rollback leads to. Owns that value, its words, and its form for machines and for options."""

from typing import Any, NamedTuple

from p3idp.core.audit.event import Json


class WayBack(NamedTuple):
    """To what an apply left, or, with ``before``, to what it found. As text, it is what `p3idp rollback` is given."""

    number: int
    before: bool = False

    def __str__(self) -> str:
        return f"{self.number}{' --before' if self.before else ''}"

    @property
    def state(self) -> str:
        """The state in words."""
        return f"apply {self.number} {'found' if self.before else 'left'}"

    def as_json(self) -> Json:
        """The number alone for what an apply left."""
        return {"before": self.number} if self.before else self.number


def way_back(value: Any) -> WayBack | None:
    """From ``as_json``; None from None. Raises ValueError or KeyError where it is neither."""
    if value is None:
        return None
    return WayBack(int(value["before"]), before=True) if isinstance(value, dict) else WayBack(int(value))
