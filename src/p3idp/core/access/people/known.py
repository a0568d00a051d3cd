"""Keystone's own users of identity providers. Owns the values, and which user a subject is."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from p3idp.core.access.people.cloud import Right
from p3idp.core.access.resources import Key
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.removal.mark import Mark


@dataclass(frozen=True, slots=True)
class ShadowUser:
    """A user that Keystone made at a login. ``own``: roles granted to the user alone, as granted.

    ``disabled_by``: the mark of p3idp's own disabling, which stays where somebody else enables the user. ``email``: as
    Keystone has it, which few mappings give it.
    """

    id: str
    name: str
    provider: str
    enabled: bool = True
    own: tuple[Right, ...] = ()
    disabled_by: Mark | None = None
    email: str = ""


@dataclass(frozen=True, slots=True)
class ShadowUsers:
    """All that Keystone shows. ``group_ids``: the domain's groups by id; ``complete``: no list was cut short."""

    users: tuple[ShadowUser, ...] = ()
    domain_id: str = ""
    group_ids: Mapping[str, Key] | None = None
    complete: bool = True


class Register:
    """Finds the user of a remembered login."""

    def __init__(self, shadows: ShadowUsers) -> None:
        self._domain_id = shadows.domain_id
        self._by_id = {user.id: user for user in shadows.users}
        named: dict[tuple[str, str], list[ShadowUser]] = {}
        for user in shadows.users:
            named.setdefault((user.provider, user.name), []).append(user)
        self._by_name: Mapping[tuple[str, str], Sequence[ShadowUser]] = named

    def find(self, login: RememberedLogin) -> ShadowUser | None:
        """By the id that Keystone makes of domain and subject; else by a name that one user alone has."""
        found = self._by_id.get(user_id(self._domain_id, login.subject))
        named = self._by_name.get((login.provider, login.subject), ())
        return found or (named[0] if len(named) == 1 else None)


def user_id(domain_id: str, subject: str) -> str:
    """The id that Keystone gives a federated user, with its usual generator (keystone id_generators/sha256.py)."""
    return hashlib.sha256(f"{domain_id}user{quote(subject)}".encode()).hexdigest()
