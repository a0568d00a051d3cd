"""A snapshot of Keystone, asked what somebody has in it. Owns the way from a login's attributes to roles.

Provider, protocol and mapping lead to groups (core/keystone_rules); their grants, roles implied by roles included, are
what the person has. Groups that are not there are passed over, as Keystone passes over them.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any, NamedTuple

from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import rules_of
from p3idp.core.keystone_rules import CompiledRules, Mapped, Search, compile_rules
from p3idp.errors.keystone_rules import MappingRulesInvalid


class Right(NamedTuple):
    """One role somewhere. ``target``: project, domain or system, ``inherited-`` before it where it holds below."""

    target: str
    domain: str
    name: str
    role: str

    @property
    def place(self) -> str:
        """Where it holds."""
        what = f"{self.name}@{self.domain}" if self.domain and self.name else self.name or self.domain
        return what if self.target == "project" else f"{self.target} {what}".strip()


class Entered(NamedTuple):
    """What a login gives: groups by domain and name, and rights of these and of the mapping itself.

    ``lasting``: groups that somebody is in whatever a login says; their rights are among ``rights``.
    """

    groups: frozenset[Key]
    rights: frozenset[Right]
    lasting: frozenset[Key] = frozenset()


class Door(NamedTuple):
    """How people of a provider come in: the mapping that counts, and the issuers that are taken (none: all)."""

    rules: CompiledRules
    issuers: frozenset[str]


def after(before: Snapshot, changes: Sequence[Change]) -> Snapshot:
    """What would stand after these changes."""
    held = {(resource.kind, resource.key): resource for resource in before.resources}
    for change in changes:
        place = (change.resource.kind, change.resource.key)
        if change.after is None:
            del held[place]
        else:
            held[place] = change.after
    return Snapshot(tuple(held.values()), before.roles, before.missing)


class Cloud:
    """One snapshot. ``group_ids``: groups by id, for mappings that name them so; ``domain_id``: the site's domain's."""

    def __init__(
        self, snapshot: Snapshot, search: Search, group_ids: Mapping[str, Key] | None = None, domain_id: str = ""
    ) -> None:
        self.snapshot, self._search = snapshot, search
        self._ids, self._domain_id = group_ids or {}, domain_id
        self.groups = frozenset(snapshot.of(Kind.GROUP))
        self._providers, self._protocols = (snapshot.of(k) for k in (Kind.IDENTITY_PROVIDER, Kind.PROTOCOL))
        self._mappings = snapshot.of(Kind.MAPPING)
        self._domains = {key[0] for key in self.groups}
        self.rights = self._of_groups()
        self._lasting = self._of_people()
        self._compiled: dict[Key, CompiledRules | None] = {}
        # Mappings that Keystone holds and the imitated engine does not take: nobody is judged by them.
        self.broken: set[str] = set()

    def _of_groups(self) -> Mapping[Key, frozenset[Right]]:
        found: defaultdict[Key, set[Right]] = defaultdict(set)
        for domain, group, role, target, where, what in self.snapshot.of(Kind.ROLE_ASSIGNMENT):
            place = (target, where, what)
            found[domain, group].update(Right(*place, each) for each in self.snapshot.implied(role))
        return {group: frozenset(rights) for group, rights in found.items()}

    def _of_people(self) -> Mapping[tuple[str, str], frozenset[Key]]:
        found: defaultdict[tuple[str, str], set[Key]] = defaultdict(set)
        for domain, group, provider, _, subject in self.snapshot.of(Kind.MEMBERSHIP):
            found[provider, subject].add((domain, group))
        return {who: frozenset(groups) for who, groups in found.items()}

    @property
    def named(self) -> Set[tuple[str, str]]:
        """Everybody with a lasting membership, as (identity provider, subject)."""
        return self._lasting.keys()

    def lasting(self, provider: str, subject: str) -> frozenset[Key]:
        """The groups that somebody is in by name, whatever a login says."""
        return self._lasting.get((provider, subject), frozenset())

    def of_groups(self, groups: Iterable[Key]) -> frozenset[Right]:
        """What members of these groups have."""
        return frozenset[Right]().union(*(self.rights.get(group, frozenset()) for group in groups))

    def standing(self, group: Key) -> tuple[bool, frozenset[Right]]:
        """Whether a group is there, and what it gives."""
        return group in self.groups, self.rights.get(group, frozenset())

    def with_implied(self, rights: Iterable[Right]) -> frozenset[Right]:
        """The same with what roles imply."""
        return frozenset(each._replace(role=role) for each in rights for role in self.snapshot.implied(each.role))

    def mapping(self, provider: str, protocol: str) -> Resource | None:
        """The mapping that people of a provider come in by: this protocol's, else its first; None where it is shut."""
        held = self._providers.get((provider,))
        if held is None or not held.attributes.get("enabled"):
            return None
        keys = [(provider, protocol), *sorted(key for key in self._protocols if key[0] == provider)]
        chosen = next((self._protocols[key] for key in keys if key in self._protocols), None)
        return self._mappings.get((str(chosen.attributes.get("mapping")),)) if chosen else None

    def door(self, provider: str, protocol: str) -> Door | None:
        """How people of a provider come in; None where nobody does."""
        mapping = self.mapping(provider, protocol)
        if mapping is None:
            return None
        if mapping.key not in self._compiled:
            self._compiled[mapping.key] = self._compile(mapping)
        rules = self._compiled[mapping.key]
        issuers: Any = self._providers[provider,].attributes.get("issuers") or ()
        return Door(rules, frozenset(map(str, issuers))) if rules else None

    def _compile(self, mapping: Resource) -> CompiledRules | None:
        try:
            version = str(mapping.attributes.get("schema_version"))
            return compile_rules([*rules_of(mapping)], version, self._search)
        except MappingRulesInvalid:
            self.broken.add(mapping.key[0])
            return None

    def enter(self, door: Door, attributes: Mapping[str, str], home: str) -> Entered | None:
        """What a login with these attributes gives; None where Keystone lets nobody in. ``home``: people's domain."""
        outcome = door.rules.evaluate(attributes)
        if not isinstance(outcome, Mapped):
            return None
        groups = self.groups_of(outcome)
        direct = {
            Right("project", self._domain(grant.domain_name, grant.domain_id, home), grant.project, each)
            for grant in outcome.grants
            for role in grant.roles
            for each in self.snapshot.implied(role)
        }
        return Entered(groups, self.of_groups(groups) | direct)

    def groups_of(self, outcome: Mapped) -> frozenset[Key]:
        """The groups of a result that are there."""
        try:  # the raw names: a person of many communities has hundreds, most of them several times
            raw = {(g["name"], g["domain"].get("name"), g["domain"].get("id")) for g in outcome.group_names}
        except (AttributeError, KeyError, TypeError):  # somebody else's mapping may make anything of a claim
            raw = {(g.name, g.domain_name, g.domain_id) for g in outcome.groups}
        named = ((self._domain(domain, identity, ""), name) for name, domain, identity in raw)
        by_id = (self._ids[str(each)] for each in outcome.group_ids if str(each) in self._ids)
        return frozenset(key for key in (*named, *by_id) if key in self.groups)

    def _domain(self, name: str | None, identity: str | None, home: str) -> str:
        if identity:
            return next(iter(self._domains), identity) if identity == self._domain_id else identity
        return name or home
