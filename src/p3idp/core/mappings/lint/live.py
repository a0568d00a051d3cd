"""What a live Keystone holds, as far as the names in a mapping are concerned. Owns the shape and its look-ups."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class LiveProvider:
    """An identity provider. ``domain``: the id of its people's domain."""

    domain: str
    enabled: bool = True
    remote_ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Live:
    """Everything by id. ``domains``: names; ``groups`` and ``projects``: (domain's id, name).

    ``implies``: the roles that a role implies directly. ``protocols``: the mapping by (identity provider, protocol).
    ``mappings``: (rules, schema version). ``missing``: lists that Keystone cut short, so that absence there means
    nothing.
    """

    domains: Mapping[str, str] = field(default_factory=dict)
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    projects: frozenset[tuple[str, str]] = frozenset()
    roles: frozenset[str] = frozenset()
    implies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    providers: Mapping[str, LiveProvider] = field(default_factory=dict)
    protocols: Mapping[tuple[str, str], str] = field(default_factory=dict)
    mappings: Mapping[str, tuple[Any, str]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()

    def knows_all(self, what: str) -> bool:
        """Whether absence from a list means absence in Keystone."""
        return what not in self.missing

    def reaches(self, role: str, wanted: str) -> bool:
        """Whether a role is, or implies over however many steps, another."""
        seen, waiting = set[str](), [role]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting += self.implies.get(name, ())
        return wanted in seen

    def domain_id(self, domain: Mapping[str, str] | None) -> str | None:
        """The id of a domain as mappings name it, id before name; None where Keystone has none such."""
        if not domain:
            return None
        if "id" in domain:
            return domain["id"] if domain["id"] in self.domains else None
        return next((key for key, name in self.domains.items() if name == domain.get("name")), None)

    def mapping_of(self, provider: str) -> str | None:
        """The mapping of a provider's first protocol."""
        return next((mapping for (owner, _), mapping in sorted(self.protocols.items()) if owner == provider), None)

    @property
    def only_provider(self) -> str | None:
        """The provider that has a protocol, where there is just one."""
        users = {owner for owner, _ in self.protocols}
        return users.pop() if len(users) == 1 else None
