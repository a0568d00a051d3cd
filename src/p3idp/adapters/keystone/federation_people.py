"""Lasting memberships of people whom the policy names, and making a user for whoever never came. Owns both.

Keystone knows a person by identity provider, protocol and percent-encoded subject (auth/plugins/mapped.py). A user
that POST /v3/users makes with a ``federated`` block is the one that the first login then finds; only its id is another
than a login's own. Users are never deleted: their servers and credentials hang on them.

A reading costs one call for the group of each person named, and one for each member met for the first time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter

from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource, mark, owner_of
from p3idp.core.policy.model import is_person_group
from p3idp.errors.keystone import KeystoneUnreachable

if TYPE_CHECKING:
    from p3idp.adapters.keystone.federation_read import Index, Listing

Row = Mapping[str, Any]
Who = tuple[str, str, str]  # identity provider, protocol, subject


def memberships(listing: "Listing") -> Iterator[Resource]:
    """Who is in the groups of people who are named. Memberships that expire are in no list of Keystone's."""
    index = listing.index
    for group, identity in sorted(index.groups.items()):
        if is_person_group(group[1]):
            for row in _members(listing, identity):
                for who in _who(listing, row):
                    index.members[*group, *who] = row["id"]
                    yield Resource(Kind.MEMBERSHIP, (*group, *who), {}, index.group_owners.get(group))


def _members(listing: "Listing", group: str) -> Sequence[Row]:
    with keystone_errors("list a group's members", refusal=KeystoneUnreachable):
        try:
            body = listing.persistently(lambda: listing.adapter.get(f"/groups/{group}/users")).json()
        except ksa.NotFound:  # deleted since the list
            return ()
        if body.get("truncated"):
            listing.missing.append("memberships")
        rows: list[Row] = body["users"]
        return rows


def _who(listing: "Listing", row: Row) -> Sequence[Who]:
    """Whom Keystone takes for a user, all of them; somebody of no identity provider is known by name."""
    known = listing.index.people
    if row["id"] not in known:
        with keystone_errors("show a user", refusal=KeystoneUnreachable):
            user = listing.persistently(lambda: listing.adapter.get(f"/users/{row['id']}")).json()["user"]
        known[row["id"]] = sorted({*_federated(user)}) or [("", "", _storable(row["name"]))]
    return known[row["id"]]


def _storable(name: str) -> str:
    """Somebody else's words may hold halves of characters."""
    return name.encode(errors="replace").decode()


def _federated(user: Row) -> Iterator[Who]:
    for provider in user.get("federated") or ():
        for protocol in provider["protocols"]:
            subject = unquote(protocol["unique_id"])
            if quote(subject) == protocol["unique_id"]:  # what is encoded otherwise is found by no login
                yield provider["idp_id"], protocol["protocol_id"], subject


class NamedPeople:
    """Makes memberships and takes them away."""

    def __init__(self, adapter: Adapter, index: "Index") -> None:
        self._adapter, self._index = adapter, index

    def write(self, change: Change, wanted: Resource) -> None:
        """Make one change. It may be repeated; raises keystoneauth's errors."""
        group = self._index.groups[wanted.key[:2]]
        if change.after is None:
            self._adapter.delete(f"/groups/{group}/users/{self._index.members[wanted.key]}")
            return
        domain, _, *who = wanted.key
        user = self._find(*who) or self._make(self._index.domains[domain], str(wanted.owner), *who)
        self._adapter.put(f"/groups/{group}/users/{user}")

    def _find(self, provider: str, protocol: str, subject: str) -> str | None:
        asked = {"idp_id": provider, "protocol_id": protocol, "unique_id": quote(subject)}
        for row in self._users(asked):
            # MariaDB finds a subject in any case: somebody else's user. And what is given to a user whom an
            # administrator made two people would be given to both.
            if {*_federated(self._user(row["id"]))} == {(provider, protocol, subject)}:
                return str(row["id"])
        return None

    def _make(self, domain: str, owner: str, provider: str, protocol: str, subject: str) -> str:
        block = [{"idp_id": provider, "protocols": [{"protocol_id": protocol, "unique_id": quote(subject)}]}]
        user = {"name": subject, "domain_id": domain, "description": mark(owner), "federated": block}
        try:
            return str(self._adapter.post("/users", json={"user": user}).json()["user"]["id"])
        except ksa.Conflict:
            # They came a moment ago; or Keystone was stopped between the user and the block that names them.
            found = self._find(provider, protocol, subject) or self._half_made(domain, owner, subject, block)
            if found is None:
                raise
            return found

    def _half_made(self, domain: str, owner: str, subject: str, block: Sequence[Row]) -> str | None:
        for row in self._users({"domain_id": domain, "name": subject}):
            if owner_of([row.get("description") or ""]) == owner and not self._user(row["id"]).get("federated"):
                self._adapter.patch(f"/users/{row['id']}", json={"user": {"federated": block}})
                return str(row["id"])
        return None

    def _users(self, asked: Mapping[str, str]) -> Sequence[Row]:
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in asked.items())
        rows: list[Row] = self._adapter.get(f"/users?{query}").json()["users"]
        return rows

    def _user(self, identity: str) -> Row:
        user: Row = self._adapter.get(f"/users/{identity}").json()["user"]
        return user
