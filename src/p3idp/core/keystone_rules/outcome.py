"""What an evaluation ends in. Owns the result's shape: Keystone's JSON, the same typed, and the kinds of failure."""

import marshal
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

Json = Any  # what JSON can hold: claims may bring anything into a result, see literals.py
Object = Mapping[str, Json]


class Kind(StrEnum):
    """Why there is no result."""

    NO_MATCH = "no-match"
    INVALID_RULE = "invalid-rule"
    EVALUATION_ERROR = "evaluation-error"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Failed:
    """No result. ``keystone_error`` names the exception that Keystone's engine raises; empty where p3idp declines."""

    kind: Kind
    message: str
    keystone_error: str = ""
    rule: int | None = None


class Stop(Exception):
    """Ends an evaluation from within; the engine turns it into ``Failed``."""

    def __init__(self, kind: Kind, message: str, keystone_error: str = "") -> None:
        super().__init__(message)
        self.kind, self.message, self.keystone_error = kind, message, keystone_error


def refuse(message: str) -> Stop:
    """A feature that p3idp declines on purpose (docs/adr/0007 has the list)."""
    return Stop(Kind.REFUSED, message)


def fails(error: str, message: str) -> Stop:
    """Keystone's engine raises ``error`` here: HTTP 401 or 500 at login."""
    return Stop(Kind.EVALUATION_ERROR, f"{error}: {message}", error)


def exact_key(value: Json) -> bytes:
    """What JSON values are told apart by: unlike equality of Python, it takes neither 1 for true nor 1.0 for 1."""
    return marshal.dumps(value, 2)  # the last version in which the same values are always the same bytes


@dataclass(frozen=True, slots=True)
class Person:
    """The user of a result. Domains are ``name`` or ``id``; None where Keystone is told none."""

    id: str | None
    name: str | None
    email: str | None
    type: str
    domain_name: str | None
    domain_id: str | None


@dataclass(frozen=True, slots=True)
class GroupName:
    """A group that Keystone will look up by name. Of its domain, Keystone takes the id where both are given."""

    name: str
    domain_name: str | None = None
    domain_id: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectGrant:
    """Roles directly on a project; without a domain it lies in the identity provider's."""

    project: str
    roles: tuple[str, ...]
    domain_name: str | None = None
    domain_id: str | None = None


class Mapped(NamedTuple):  # half the price of a frozen dataclass, and one is made for each login
    """The engine's result: its members hold exactly what Keystone's own hold, in the same order."""

    user: Object
    group_ids: Sequence[Json]
    group_names: Sequence[Json]
    projects: Sequence[Object]

    def as_keystone(self) -> dict[str, Json]:
        """The result as Keystone's engine returns it."""
        return {
            "user": self.user,
            "group_ids": self.group_ids,
            "group_names": self.group_names,
            "projects": self.projects,
        }

    @property
    def person(self) -> Person:
        """The user, typed."""
        get = self.user.get
        return Person(get("id"), get("name"), get("email"), self.user["type"], *_domain(get("domain")))

    @property
    def groups(self) -> tuple[GroupName, ...]:
        """The groups by name, each once, in order of appearance; entries on which Keystone fails later are left out."""
        known = (g for g in self.group_names if isinstance(g, Mapping) and isinstance(g.get("name"), str))
        return tuple(dict.fromkeys(GroupName(g["name"], *_domain(g.get("domain"))) for g in known))

    @property
    def grants(self) -> tuple[ProjectGrant, ...]:
        """Projects with roles, typed."""
        return tuple(
            ProjectGrant(p["name"], tuple(role["name"] for role in p["roles"]), *_domain(p.get("domain")))
            for p in self.projects
        )


Outcome = Mapped | Failed


def _domain(domain: Json) -> tuple[str | None, str | None]:
    return (domain.get("name"), domain.get("id")) if isinstance(domain, Mapping) else (None, None)
