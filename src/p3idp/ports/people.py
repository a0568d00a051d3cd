"""What a plan on people needs of Keystone: its users of identity providers, and their groups."""

from collections.abc import Collection
from typing import Protocol

from p3idp.core.access.people.known import ShadowUsers
from p3idp.core.access.resources import Key


class PeopleReader(Protocol):
    """Lists people, and can do nothing else. Names are those of the last reading of the domain."""

    def users(self, domain: str, providers: Collection[str]) -> ShadowUsers:
        """The users of these providers, in one list each. Raises KeystoneUnreachable, KeystoneForbids."""
        ...

    def groups_of(self, user: str) -> frozenset[Key]:
        """The groups that a user (by id) is in now, in one call. Raises KeystoneUnreachable, KeystoneForbids."""
        ...
