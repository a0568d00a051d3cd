"""What the policy's objects are called. Owns the names alone, which every client command loads; what they name is
model.py's, and takes most of a light command's start.
"""

from dataclasses import dataclass
from typing import NewType

PolicyId = NewType("PolicyId", str)
ProviderId = NewType("ProviderId", str)


@dataclass(frozen=True, slots=True, order=True)
class ProjectRef:
    """A Keystone project by name and domain name."""

    domain: str
    name: str

    def __str__(self) -> str:
        return f"{self.name}@{self.domain}"
