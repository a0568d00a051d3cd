"""A value that must not be seen. Owns how secrets hide; where they come from is the settings' matter."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True, repr=False, eq=True)
class Secret(Generic[T]):
    """Holds a secret; ``reveal()`` is the only way to read it. repr, str and format show ``***``.

    Not picklable and not JSON-serialisable on purpose: a secret leaves only where code says so.
    """

    _value: T = field()

    def reveal(self) -> T:
        """Return the secret itself. Call it as late as possible, at the border."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled")

    def __getstate__(self) -> object:
        raise TypeError("a Secret is not pickled")
