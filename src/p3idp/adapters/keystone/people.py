"""Keystone's users of identity providers, and the groups they are in. Owns the way from Keystone's JSON to ShadowUsers.

One list a provider. Groups are one call a person, since no list of Keystone's shows memberships that expire.
"""

from collections.abc import Collection, Iterator

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.federation_read import Index, Listing
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.access.people.cloud import Right
from p3idp.core.access.people.known import ShadowUser, ShadowUsers
from p3idp.core.access.resources import Key, Kind
from p3idp.core.keystone_url import v3_url
from p3idp.core.removal.mark import ATTRIBUTE, read_mark
from p3idp.errors.keystone import KeystoneUnreachable


class KeystonePeople:
    """Implements ports.people.PeopleReader over the names that the last reading brought."""

    def __init__(self, adapter: Adapter, index: Index, persistently: Persistence) -> None:
        self._adapter, self._index, self._persistently = adapter, index, persistently

    def users(self, domain: str, providers: Collection[str]) -> ShadowUsers:
        """See ports.people.PeopleReader."""
        listing = Listing(self._adapter, self._index, domain, self._persistently)
        users = tuple(user for provider in sorted(providers) for user in self._of(provider, listing))
        groups = {identity: key for key, identity in self._index.groups.items()}
        return ShadowUsers(users, self._index.domains.get(domain, ""), groups, not listing.missing)

    def _of(self, provider: str, listing: Listing) -> Iterator[ShadowUser]:
        for row in listing.users(provider):
            own = tuple(Right(*key) for key in self._index.own.get(row["id"], ()))
            mark = read_mark(row.get(ATTRIBUTE))
            email = row.get("email") or ""
            yield ShadowUser(row["id"], row["name"], provider, row.get("enabled", True), own, mark, email)

    def groups_of(self, user: str) -> frozenset[Key]:
        """See ports.people.PeopleReader."""
        known = {identity: key for key, identity in self._index.groups.items()}
        with keystone_errors("list a user's groups", refusal=KeystoneUnreachable):
            try:
                reply = self._persistently(lambda: self._adapter.get(f"/users/{user}/groups"))
            except ksa.NotFound:  # deleted since the list
                return frozenset()
            return frozenset(known[row["id"]] for row in reply.json()["groups"] if row["id"] in known)


def people_alone(
    session: Session, auth_url: str, persistently: Persistence, domain: str, providers: Collection[str]
) -> ShadowUsers:
    """The users of these providers without a reading of everything: one list of domains, and one a provider.

    Roles of their own and the names of groups are left out. Raises KeystoneUnreachable, KeystoneForbids.
    """
    adapter = Adapter(session, endpoint_override=v3_url(auth_url))
    index = Index(filled=domain)  # so that domains are all that is listed
    Listing(adapter, index, domain, persistently).snapshot(frozenset({Kind.DOMAIN}))
    return KeystonePeople(adapter, index, persistently).users(domain, providers)
