"""What somebody holds at Keystone. Owns the values; what they mean for an application credential is outlook.py's."""

from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.resources import Key
from p3idp.core.policy.model import ProjectRef


@dataclass(frozen=True, slots=True)
class Membership:
    """Somebody in a group. ``until``: when Keystone lets it lapse; None for one that does not."""

    group: Key
    until: datetime | None


@dataclass(frozen=True, slots=True)
class GivenRole:
    """A role that somebody has on a project now, implied and inherited ones included.

    ``through``: the membership that gives it; None where it is given to the person alone, and does not lapse.
    """

    project_id: str
    role: str
    through: Membership | None = None

    @property
    def order(self) -> tuple[str, ...]:
        """By what it is sorted."""
        return self.project_id, self.role, *(self.through.group if self.through else ())


@dataclass(frozen=True, slots=True)
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
    """What is of no use while a user is disabled. ``ec2`` and ``trusts``: how many; trusts that they gave."""

    credentials: tuple[ApplicationCredential, ...] = ()
    ec2: int = 0
    trusts: int = 0
