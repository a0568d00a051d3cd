"""What ops need to know of what somebody holds at Keystone and would lose with their user, and until when."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.access.resources import Key
from p3idp.core.policy.model import ProjectRef


@dataclass(frozen=True, slots=True, order=True)
class Membership:
    """Somebody in a group. ``until``: when Keystone lets it lapse; None for one that does not."""

    group: Key
    until: datetime | None


@dataclass(frozen=True, slots=True, order=True)
class ApplicationCredential:
    """One application credential, without its secret, which Keystone shows nobody. ``until``: its own end, if any.

    ``project``: None where the project has no name that p3idp knows; ``project_id`` always says which.
    """

    id: str
    name: str
    project: ProjectRef | None
    project_id: str
    roles: tuple[str, ...]
    until: datetime | None = None
    unrestricted: bool = False


@dataclass(frozen=True, slots=True)
class Holdings:
    """What dies with a user that is disabled. ``ec2`` and ``trusts``: how many; trusts that they gave."""

    credentials: tuple[ApplicationCredential, ...] = ()
    ec2: int = 0
    trusts: int = 0


class HoldingsReader(Protocol):
    """Asks about one user by id, and can do nothing else."""

    def memberships(self, user: str) -> Sequence[Membership]:
        """The groups of a user, with the end of each (GET /v3/users/{id}/groups).

        Raises KeystoneUnreachable, KeystoneForbids."""
        ...

    def holdings(self, user: str) -> Holdings:
        """What the user holds. Raises KeystoneUnreachable, KeystoneForbids."""
        ...
