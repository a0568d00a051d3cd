"""People of a Keystone in memory: the twin of what KeystonePeople reads."""

from collections.abc import Collection
from dataclasses import dataclass, field

from p3idp.core.access.people.known import ShadowUser, ShadowUsers
from p3idp.core.access.resources import Key
from p3idp.errors import P3idpError


@dataclass(slots=True)
class MemoryPeople:
    """Implements ports.people.PeopleReader. ``asked``: whose groups were asked for; ``problem``: why nobody is."""

    shadows: list[ShadowUser] = field(default_factory=list)
    groups: dict[str, frozenset[Key]] = field(default_factory=dict)
    group_ids: dict[str, Key] = field(default_factory=dict)
    domain_id: str = "domain"
    complete: bool = True
    asked: list[str] = field(default_factory=list)
    problem: P3idpError | None = None

    def users(self, domain: str, providers: Collection[str]) -> ShadowUsers:
        """See ports.people.PeopleReader."""
        if self.problem:
            raise self.problem
        found = tuple(user for user in self.shadows if user.provider in providers)
        return ShadowUsers(found, self.domain_id, self.group_ids, self.complete)

    def groups_of(self, user: str) -> frozenset[Key]:
        """See ports.people.PeopleReader."""
        self.asked.append(user)
        return self.groups.get(user, frozenset())
