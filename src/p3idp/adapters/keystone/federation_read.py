"""Reads what planning needs in a handful of lists. Owns the way from Keystone's JSON to a Snapshot.

Lists are read straight from the session: keystoneclient drops the word ``truncated``, by which Keystone says that
its list_limit cut a list short, and asks for no further page. One list a kind, never a call for each group or project.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from keystoneauth1.adapter import Adapter

from p3idp.adapters.keystone.federation_people import memberships
from p3idp.adapters.keystone.pages import Row, whole_list
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot, owner_of
from p3idp.errors.keystone import KeystoneUnreachable

_FEDERATION = "/OS-FEDERATION"


@dataclass(slots=True)
class Index:
    """Ids of what has names and owners of what owns more, as last read or written.

    ``filled``: the domain of the last whole reading; after it, a narrow one need not ask for names again.
    """

    filled: str = ""
    domains: dict[str, str] = field(default_factory=dict)
    roles: dict[str, str] = field(default_factory=dict)
    projects: dict[Key, str] = field(default_factory=dict)
    groups: dict[Key, str] = field(default_factory=dict)
    group_owners: dict[Key, str | None] = field(default_factory=dict)
    # Identity providers of the domain: id to owner. Those of other domains are nobody's business here.
    providers: dict[str, str | None] = field(default_factory=dict)
    descriptions: dict[tuple[Kind, Key], str] = field(default_factory=dict)
    # Who somebody is, by the user's id; and the user of a lasting membership, by its key.
    people: dict[str, Sequence[tuple[str, str, str]]] = field(default_factory=dict)
    members: dict[Key, str] = field(default_factory=dict)
    # Roles that users hold themselves: user's id to (target kind, its domain, its name, role).
    own: dict[str, list[Key]] = field(default_factory=dict)


class Listing:
    """One reading. ``index`` is brought up to date as lists come in."""

    def __init__(self, adapter: Adapter, index: Index, domain: str, persistently: Persistence | None = None) -> None:
        self.adapter, self.index, self.domain = adapter, index, domain
        self.persistently = persistently or Persistence(time.sleep)
        self.missing: list[str] = []
        self.said_at: datetime | None = None

    def snapshot(self, kinds: frozenset[Kind]) -> Snapshot:
        """Read the kinds asked for; the first reading of a domain reads everything."""
        listings: Mapping[Kind, Callable[[], Iterator[Resource]]] = {
            Kind.DOMAIN: self._domains,
            Kind.PROJECT: self._projects,
            Kind.GROUP: self._groups,
            Kind.ROLE_ASSIGNMENT: self._grants,
            Kind.IDENTITY_PROVIDER: self._providers,
            Kind.PROTOCOL: self._protocols,
            Kind.MAPPING: self._mappings,
            Kind.MEMBERSHIP: lambda: memberships(self),
        }
        whole = kinds == frozenset(Kind) or self.index.filled != self.domain
        roles = self._roles() if whole else {}
        # The order of the table is the order in which lists need one another's names.
        found = [r for kind, listing in listings.items() if whole or kind in kinds for r in listing()]
        self.index.filled = self.domain if whole else self.index.filled
        return Snapshot(tuple(r for r in found if r.kind in kinds), roles, tuple(self.missing), self.said_at)

    def users(self, provider: str) -> Sequence[Row]:
        """The users that came in through an identity provider.

        Keystone gives this list whole, and passes over ``marker``: asked for pages, it would give the first for ever.
        """
        with keystone_errors(f"list users at {self.adapter.endpoint_override}", refusal=KeystoneUnreachable):
            body = self._answer(f"/users?idp_id={quote(provider, safe='')}")
            if body.get("truncated"):
                self.missing.append("users")
            rows: Sequence[Row] = body["users"]
            return rows

    def _list(self, path: str, key: str) -> Sequence[Row]:
        doing = f"list {key.replace('_', ' ')} at {self.adapter.endpoint_override}"
        with keystone_errors(doing, refusal=KeystoneUnreachable):
            rows, cut = whole_list(self._answer, path, key)
        if cut:
            self.missing.append(key.replace("_", " "))
        return rows

    def _answer(self, path: str) -> Row:
        reply = self.persistently(lambda: self.adapter.get(path))
        self.said_at = self.said_at or _moment(reply.headers.get("Date", ""))
        body: Row = json.loads(reply.content, parse_float=_number, parse_constant=_number)
        # Looked for first: almost no list holds one, and many are long.
        return _storable(body) if b"\\ud" in reply.content.lower() else body

    def _domains(self) -> Iterator[Resource]:
        rows = self._list("/domains", "domains")
        self.index.domains = {row["name"]: row["id"] for row in rows}
        for row in rows:
            if row["name"] == self.domain:
                yield Resource(Kind.DOMAIN, (row["name"],), {}, owner_of([row.get("description") or ""]))

    def _domain_names(self) -> Mapping[str, str]:
        return {identity: name for name, identity in self.index.domains.items()}

    def _projects(self) -> Iterator[Resource]:
        names = self._domain_names()
        self.index.projects = {}
        for row in self._list("/projects", "projects"):
            key = (names.get(row["domain_id"], row["domain_id"]), row["name"])
            self.index.projects[key] = row["id"]
            yield Resource(Kind.PROJECT, key, _properties(row), owner_of(row.get("tags") or ()))

    def _groups(self) -> Iterator[Resource]:
        self.index.groups = {}
        identity = self.index.domains.get(self.domain)
        for row in self._list(f"/groups?domain_id={identity}", "groups") if identity else ():
            key = (self.domain, row["name"])
            self.index.groups[key] = row["id"]
            self._describe(Kind.GROUP, key, row)
            owner = self.index.group_owners[key] = owner_of([row.get("description") or ""])
            yield Resource(Kind.GROUP, key, {}, owner)

    def _roles(self) -> Mapping[str, tuple[str, ...]]:
        """Every role, and what it implies directly."""
        rows = [row for row in self._list("/roles", "roles") if row.get("domain_id") is None]
        self.index.roles = {row["name"]: row["id"] for row in rows}
        implied: dict[str, tuple[str, ...]] = {row["name"]: () for row in rows}
        for rule in self._list("/role_inferences", "role_inferences"):
            implied[rule["prior_role"]["name"]] = tuple(sorted(role["name"] for role in rule["implies"]))
        return implied

    def _grants(self) -> Iterator[Resource]:
        """All assignments come in one list without names; naming them here spares Keystone a look-up each."""
        groups = {identity: key for key, identity in self.index.groups.items()}
        roles = {identity: name for name, identity in self.index.roles.items()}
        projects = {identity: key for key, identity in self.index.projects.items()}
        self.index.own = {}
        for row in self._list("/role_assignments", "role_assignments"):
            group = groups.get((row.get("group") or {}).get("id", ""))
            role = roles.get(row["role"]["id"], row["role"]["id"])
            if user := (row.get("user") or {}).get("id"):
                self.index.own.setdefault(user, []).append((*self._target(row["scope"], projects), role))
            if group is not None:
                key = (*group, role, *self._target(row["scope"], projects))
                yield Resource(Kind.ROLE_ASSIGNMENT, key, {}, self.index.group_owners.get(group))

    def _target(self, scope: Row, projects: Mapping[str, Key]) -> tuple[str, str, str]:
        """(kind, domain, name); what is inherited below a domain or project says so in its kind."""
        prefix = "inherited-" if scope.get("OS-INHERIT:inherited_to") else ""
        if "project" in scope:
            domain, name = projects.get(scope["project"]["id"], ("", scope["project"]["id"]))
            return f"{prefix}project", domain, name
        if "domain" in scope:
            name = self._domain_names().get(scope["domain"]["id"], scope["domain"]["id"])
            return f"{prefix}domain", name, ""
        return "system", "", "all"

    def _providers(self) -> Iterator[Resource]:
        names = self._domain_names()
        self.index.providers = {}
        for row in self._list(f"{_FEDERATION}/identity_providers", "identity_providers"):
            owner = owner_of([row.get("description") or ""])
            if row["domain_id"] == self.index.domains.get(self.domain):
                self.index.providers[row["id"]] = owner
            self._describe(Kind.IDENTITY_PROVIDER, (row["id"],), row)
            yield Resource(Kind.IDENTITY_PROVIDER, (row["id"],), _provider(row, names), owner)

    def _mappings(self) -> Iterator[Resource]:
        for row in self._list(f"{_FEDERATION}/mappings", "mappings"):
            attributes = {"rules": row["rules"], "schema_version": row.get("schema_version", "1.0")}
            owner = self.index.providers.get(row["id"].removeprefix("p3idp-"))
            yield Resource(Kind.MAPPING, (row["id"],), attributes, owner)

    def _protocols(self) -> Iterator[Resource]:
        for provider, owner in self.index.providers.items():
            for row in self._list(f"{_FEDERATION}/identity_providers/{provider}/protocols", "protocols"):
                attributes = {"mapping": row["mapping_id"], "remote_id_attribute": row.get("remote_id_attribute")}
                yield Resource(Kind.PROTOCOL, (provider, row["id"]), attributes, owner)

    def _describe(self, kind: Kind, key: Key, row: Row) -> None:
        self.index.descriptions[kind, key] = row.get("description") or ""


def _number(text: str) -> str:
    """What somebody else wrote may have no one text: a floating-point number becomes words, as it is read."""
    return f"{float(text)!r} (a number)"


def _storable(value: Any) -> Any:
    """The same for halves of characters (``\\ud83d``)."""
    if isinstance(value, dict):
        return {_storable(name): _storable(member) for name, member in value.items()}
    if isinstance(value, list):
        return [_storable(member) for member in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def _moment(date: str) -> datetime | None:
    """A Date header (RFC 9110 section 6.6.1); None for anything else."""
    try:
        said = parsedate_to_datetime(date)
    except ValueError:
        return None
    return said if said.tzinfo else said.replace(tzinfo=UTC)


# What Keystone itself calls a project's own; everything else in a row is a property that somebody set.
_OWN = frozenset(
    {"description", "domain_id", "enabled", "id", "is_domain", "links", "name", "options", "parent_id", "tags"}
)


def _properties(row: Row) -> Mapping[str, str]:
    return {name: value for name, value in row.items() if name not in _OWN and isinstance(value, str)}


def _provider(row: Row, domain_names: Mapping[str, str]) -> Mapping[str, Any]:
    return {
        "authorization_ttl": row.get("authorization_ttl"),
        "domain": domain_names.get(row["domain_id"], row["domain_id"]),
        "enabled": row["enabled"],
        "issuers": sorted(row.get("remote_ids") or ()),
    }
