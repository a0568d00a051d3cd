"""A Keystone with a memory, for tests: federation objects, groups, projects and grants, and what it refuses.

Owns the state and the few rules of Keystone that plan and apply lean on. It passes the contract suite that runs
on a real Keystone.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.errors.keystone import KeystoneConflict

Place = tuple[Kind, Key]
_ROLES: Mapping[str, tuple[str, ...]] = {
    "admin": ("manager",),
    "manager": ("member",),
    "member": ("reader",),
    "reader": (),
}


@dataclass(slots=True)
class MemoryKeystone:
    """State by (kind, key). ``missing``: lists that come cut short; ``writes``: every change it was asked for.

    ``said_at``: the moment by its clock; ``url``: its address.
    """

    held: dict[Place, Resource] = field(default_factory=dict)
    roles: dict[str, tuple[str, ...]] = field(default_factory=lambda: dict(_ROLES))
    missing: tuple[str, ...] = ()
    writes: list[Change] = field(default_factory=list)
    said_at: datetime | None = None
    url: str = "memory://keystone/v3"

    def target(self) -> str:
        """Its address."""
        return self.url

    def account(self) -> str:
        """Who writes."""
        return "p3idp-account"

    def put(self, resource: Resource) -> None:
        """Place something there, as somebody else would."""
        self.held[resource.kind, resource.key] = resource

    def read(self, domain: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Snapshot:
        """See ports.keystone.FederationReader."""
        local = (Kind.DOMAIN, Kind.GROUP, Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)
        found = [
            self._owned(resource)
            for (kind, key), resource in self.held.items()
            if kind in kinds and (kind not in local or key[0] == domain)
        ]
        return Snapshot(tuple(found), self.roles if kinds == frozenset(Kind) else {}, self.missing, self.said_at)

    def _owned(self, resource: Resource) -> Resource:
        """Grants belong to their group's owner, protocols and mappings to their provider's."""
        holders: dict[Kind, Place] = {
            Kind.ROLE_ASSIGNMENT: (Kind.GROUP, resource.key[:2]),
            Kind.MEMBERSHIP: (Kind.GROUP, resource.key[:2]),
            Kind.PROTOCOL: (Kind.IDENTITY_PROVIDER, resource.key[:1]),
            Kind.MAPPING: (Kind.IDENTITY_PROVIDER, (resource.key[0].removeprefix("p3idp-"),)),
        }
        if resource.kind not in holders:
            return resource
        holder = self.held.get(holders[resource.kind])
        return replace(resource, owner=holder.owner if holder else None)

    def write(self, change: Change) -> None:
        """See ports.keystone.FederationWriter."""
        self.writes.append(change)
        place = (change.resource.kind, change.resource.key)
        if change.after is None:
            self.held.pop(place, None)
            if change.resource.kind is Kind.GROUP:
                its = (Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)
                for gone in [p for p in self.held if p[0] in its and p[1][:2] == change.resource.key]:
                    del self.held[gone]
            return
        repeatable = (Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)
        if change.before is None and place in self.held and change.resource.kind not in repeatable:
            raise KeystoneConflict(f"Keystone has a {change.resource.kind} {change.resource.name} already.")
        self._refuse_dangling(change.after)
        kept = self.held[place].attributes if change.resource.kind is Kind.PROJECT and place in self.held else {}
        self.held[place] = replace(change.after, attributes={**kept, **change.after.attributes})

    def _refuse_dangling(self, wanted: Resource) -> None:
        needed: list[Place] = []
        if wanted.kind in (Kind.GROUP, Kind.PROJECT):
            needed.append((Kind.DOMAIN, wanted.key[:1]))
        if wanted.kind is Kind.IDENTITY_PROVIDER:
            needed.append((Kind.DOMAIN, (str(wanted.attributes["domain"]),)))
            self._refuse_taken(wanted)
        if wanted.kind is Kind.PROTOCOL:
            needed += [(Kind.IDENTITY_PROVIDER, wanted.key[:1]), (Kind.MAPPING, (str(wanted.attributes["mapping"]),))]
        if wanted.kind is Kind.ROLE_ASSIGNMENT:
            needed += [(Kind.GROUP, wanted.key[:2]), (Kind.PROJECT, wanted.key[4:])]
            if wanted.key[2] not in self.roles:
                raise KeystoneConflict(f"Keystone has no role {wanted.key[2]}.")
        if wanted.kind is Kind.MEMBERSHIP:
            needed += [(Kind.GROUP, wanted.key[:2]), (Kind.PROTOCOL, wanted.key[2:4])]
        for place in needed:
            if place not in self.held:
                raise KeystoneConflict(f"Keystone has no {place[0]} {'/'.join(place[1])}.")

    def _refuse_taken(self, wanted: Resource) -> None:
        for (kind, key), other in self.held.items():
            if kind is Kind.IDENTITY_PROVIDER and key != wanted.key:
                mine, theirs = (str(r.attributes.get("issuers")) for r in (wanted, other))
                if mine == theirs:
                    raise KeystoneConflict("A remote id belongs to another identity provider.")
