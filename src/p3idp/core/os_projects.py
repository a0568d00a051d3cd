"""What files for the role stackhpc.os-projects (p3-config) say of projects, and what of it a policy leaves behind.

Owns those shapes and the words on what was dropped. A password never gets as far as here.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from p3idp.core.audit.event import Json

# Why something of the file is in no policy, by what it is.
WHY: Mapping[str, str] = {
    "password": "a secret, and not read: people sign in at their identity provider",
    "openrc_file": "written with a password in it; `p3idp exchange` and the keystoneauth plugin need none",
    "email": "the identity provider says it at each login",
    "keypairs": "people bring their own keys",
    "quotas": "p3idp sets no quotas; leave them where they are",
    "domain_roles": "a policy gives roles on projects",
    "user_domain": "people are in the domain of the policy, by their identity provider",
    "parent": "p3idp grants on the project where it is",
    "domains": "a policy has one domain, named in site.yaml",
    "no role": "there is no role that a rule could give",
    "reference": "it stands in no file that was read",
    "unknown": "not known here",
}


@dataclass(frozen=True, slots=True)
class Person:
    """A local user of the file, with the roles on the project."""

    name: str
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FoundProject:
    """One project. ``domain`` by name; empty where the file does not say."""

    name: str
    description: str
    domain: str
    people: tuple[Person, ...]

    @property
    def bundles(self) -> Mapping[tuple[str, ...], tuple[str, ...]]:
        """Sets of roles, and the names of those who hold just that, in the file's order; nobody without a role."""
        found: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
        for person in self.people:
            if person.roles:
                found[tuple(sorted(set(person.roles)))].append(person.name)
        return {roles: tuple(names) for roles, names in found.items()}


@dataclass(frozen=True, slots=True, order=True)
class Dropped:
    """Something that no policy says: on which line, what, and a key of WHY."""

    line: int
    what: str
    why: str

    def as_json(self) -> Mapping[str, Json]:
        """For machines."""
        return {"line": self.line, "what": self.what, "why": WHY[self.why]}


@dataclass(frozen=True, slots=True)
class OsProjects:
    """The file."""

    projects: Sequence[FoundProject]
    dropped: Sequence[Dropped]
