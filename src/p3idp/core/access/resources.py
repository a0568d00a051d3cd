"""Things in Keystone as values, keyed by names, and what is known of all of them at a moment.

Owns Resource, Snapshot and the ownership mark; what should be there is desired.py's, the difference plan.py's.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from p3idp.core.audit.event import Json

Key = tuple[str, ...]


class Kind(StrEnum):
    """Kinds of resources. Keys: names, a domain's before those of what lives in it."""

    DOMAIN = "domain"  # (domain,)
    IDENTITY_PROVIDER = "identity_provider"  # (id,)
    PROJECT = "project"  # (domain, name)
    GROUP = "group"  # (domain, name)
    ROLE_ASSIGNMENT = "role_assignment"  # (group's domain, group, role, target kind, target's domain, target)
    MAPPING = "mapping"  # (id,)
    PROTOCOL = "protocol"  # (identity provider's id, id)
    MEMBERSHIP = "membership"  # a lasting one: (group's domain, group, identity provider's id, protocol's id, subject)


@dataclass(frozen=True, slots=True)
class Resource:
    """One thing. ``attributes``: what is compared; ``owner``: the policy that the mark on it names, None for nobody."""

    kind: Kind
    key: Key
    attributes: Mapping[str, Json] = field(default_factory=dict, hash=False)
    owner: str | None = None

    @property
    def name(self) -> str:
        """The resource in a person's words."""
        if self.kind is Kind.ROLE_ASSIGNMENT:
            domain, group, role, target, where, what = self.key
            place = f"{target} {what}@{where}" if where and where != what else f"{target} {what or where}"
            return f"{group}@{domain} has {role} on {place.strip()}"
        if self.kind is Kind.MEMBERSHIP:
            domain, group, provider, _, subject = self.key
            return f"{subject} of {provider or 'no identity provider'} is in {group}@{domain}"
        if self.kind in (Kind.PROJECT, Kind.GROUP):
            return f"{self.key[1]}@{self.key[0]}"
        return "/".join(self.key)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What Keystone holds. ``complete`` is False where a list came cut short; ``missing`` names the lists.

    ``roles``: every role, and the roles it implies directly. ``said_at``: the moment by Keystone's own clock when
    the reading began, None where it does not say.
    """

    resources: tuple[Resource, ...]
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    said_at: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether absence here means absence there."""
        return not self.missing

    def of(self, kind: Kind) -> Mapping[Key, Resource]:
        """The resources of a kind by key."""
        return {resource.key: resource for resource in self.resources if resource.kind is kind}

    def implied(self, role: str) -> frozenset[str]:
        """The role and all it reaches through implication."""
        reached: set[str] = set()
        waiting = [role]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting.extend(self.roles.get(name, ()))
        return frozenset(reached)


_MARK = re.compile(r"(?:^|\s)p3idp:([A-Za-z0-9][A-Za-z0-9._-]*)(?:\s|$)")


def mark(owner: str) -> str:
    """What a description or a tag carries to say whose the object is."""
    return f"p3idp:{owner}"


def marked(description: str, owner: str) -> str:
    """The description with this owner's mark, and no other's, at its end."""
    return f"{_MARK.sub(' ', description).strip()} {mark(owner)}".strip()


def owner_of(texts: Iterable[str]) -> str | None:
    """Whose mark a description or a list of tags carries."""
    return next((found[1] for text in texts if (found := _MARK.search(text or ""))), None)
