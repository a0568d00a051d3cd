"""The policy as values: the site, its identity providers, its communities, and what each entitlement gives.

Owns the shapes; reading files is adapters/policy_files, deciding is decide.py, Keystone's form is core/mappings.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.names import PolicyId as PolicyId
from p3idp.core.policy.names import ProjectRef as ProjectRef
from p3idp.core.policy.names import ProviderId as ProviderId

_PERSON_GROUP = re.compile(r"person:[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """Which claims of a provider say what. Several names for one thing are aliases, all of them honoured."""

    subject: str = "sub"
    entitlements: tuple[str, ...] = ("entitlements", "eduperson_entitlement")
    assurance: str = "eduperson_assurance"


@dataclass(frozen=True, slots=True)
class Suspension:
    """Why a community, or an identity provider, lets nobody in for now. It holds whatever the moment.

    ``since`` and ``reason`` are for people.
    """

    since: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class IdentityProvider:
    """One identity provider in Keystone's sense.

    ``issuers`` are the issuer URLs that mean the same people; the first one is where sign-ins start.
    ``issuing_clients`` (claims azp/client_id) and ``audiences`` (claim aud) name the clients whose tokens are
    honoured; with both empty the exchange is off. ``authorization_ttl``: how long group membership outlives a
    login in Keystone. ``keystone_url``: the public Keystone address whose Apache knows this provider, where it
    differs from the site's. ``suspended``: nobody comes in through it, and its users are disabled.
    ``by_keys``: it is not asked about tokens; signature, audience and short life speak for them, as for the jobs of a
    CI system. Then nothing but who it names counts (``claims.entitlements`` is empty), and nobody signs in there.
    """

    id: ProviderId
    title: str
    issuers: tuple[str, ...]
    protocol: str
    claims: ClaimNames
    scopes: tuple[str, ...]
    authorization_ttl: timedelta
    issuing_clients: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    keystone_url: str | None = None
    suspended: Suspension | None = None
    by_keys: bool = False


@dataclass(frozen=True, slots=True)
class Approvers:
    """Who may propose and approve what one person must not decide. All are of one provider: nobody has two names.

    ``subjects``: by name, to the letter. ``entitlements``: whoever holds one of these. ``issuing_clients``: whose
    tokens speak for them; empty means those of the provider.
    """

    provider: ProviderId
    subjects: tuple[str, ...] = ()
    entitlements: tuple[Entitlement, ...] = ()
    issuing_clients: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Site:
    """What holds for all communities. ``domain`` is the Keystone domain of people, groups and projects."""

    id: PolicyId
    title: str
    domain: str
    contact: str
    identity_providers: tuple[IdentityProvider, ...]
    protected_projects: tuple[str, ...] = ("admin", "service")
    approvers: Approvers | None = None

    def provider(self, provider_id: str) -> IdentityProvider:
        """Return the provider with this id; KeyError where there is none."""
        for provider in self.identity_providers:
            if provider.id == provider_id:
                return provider
        raise KeyError(provider_id)

    @property
    def sign_ins(self) -> tuple[IdentityProvider, ...]:
        """The providers where people sign in."""
        return tuple(provider for provider in self.identity_providers if not provider.by_keys)

    def provider_of(self, issuer: str) -> IdentityProvider | None:
        """Return the provider that this issuer belongs to, compared to the letter (OIDC Core 3.1.3.7)."""
        return next((p for p in self.identity_providers if issuer in p.issuers), None)


@dataclass(frozen=True, slots=True)
class Validity:
    """A span of time, both ends optional; ``until`` is the first moment that no longer counts."""

    start: datetime | None = None
    until: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Whether ``now`` lies within."""
        return (self.start is None or self.start <= now) and (self.until is None or now < self.until)


@dataclass(frozen=True, slots=True)
class Project:
    """A project the policy speaks of. ``existing``: the site already has it; p3idp grants on it but never makes it.

    ``properties``: further attributes that it carries in Keystone, such as ``egi.VO``, by name.
    """

    ref: ProjectRef
    description: str = ""
    existing: bool = False
    properties: tuple[tuple[str, str], ...] = ()


class Condition(NamedTuple):
    """What a rule asks of a person; the lists as in AccessRule."""

    entitlement: Entitlement
    assurance: tuple[str, ...]
    identity_providers: tuple[ProviderId, ...]
    issuing_clients: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AccessRule:
    """One line of policy: who holds this entitlement gets these roles on these projects.

    ``assurance``: where not empty, one of these values must be among the assurance claims.
    ``identity_providers``: from which providers; empty means all. ``issuing_clients``: where not empty, the token must
    be issued to one of these, besides what the provider asks. ``group`` is the Keystone group that stands for
    the rule, in the site's domain; ``group_name`` gives it another name than the usual one. ``place`` is (file,
    line) for people.
    """

    entitlement: Entitlement
    grants: tuple[tuple[ProjectRef, tuple[str, ...]], ...]
    validity: Validity = Validity()
    assurance: tuple[str, ...] = ()
    identity_providers: tuple[ProviderId, ...] = ()
    issuing_clients: tuple[str, ...] = ()
    place: tuple[str, int] = ("", 0)
    group_name: str = ""

    @property
    def group(self) -> str:
        """The group's name: what the entitlement says, without the namespace (Keystone allows 64 characters)."""
        return self.group_name or self.entitlement.short

    @property
    def wanted(self) -> str:
        """What opens it, in a word for people."""
        return str(self.entitlement)

    @property
    def condition(self) -> Condition:
        """What a person must show. Rules that share a group share this or their grants: it carries all their grants."""
        return Condition(self.entitlement, self.assurance, self.identity_providers, self.issuing_clients)


@dataclass(frozen=True, slots=True)
class NamedPerson:
    """Somebody who has access by name, also before they first come: a subject of one identity provider.

    ``name`` is for people alone. ``group`` is the Keystone group of this person, in the site's domain: whatever
    communities name them, one person has one. ``place`` is (file, line) for people.
    """

    subject: str
    identity_provider: ProviderId
    grants: tuple[tuple[ProjectRef, tuple[str, ...]], ...]
    validity: Validity = Validity()
    name: str = ""
    place: tuple[str, int] = ("", 0)

    @property
    def group(self) -> str:
        """The group's name. A subject is longer than Keystone's 64 characters, so it is a digest of who this is."""
        told = f"{self.identity_provider}\0{self.subject}"
        return f"person:{hashlib.sha256(told.encode()).hexdigest()[:40]}"

    @property
    def wanted(self) -> str:
        """What opens it, in a word for people."""
        return f"the subject {self.subject} of {self.identity_provider}"

    @property
    def condition(self) -> tuple[ProviderId, str]:
        """Who it is."""
        return self.identity_provider, self.subject


def is_person_group(name: str) -> bool:
    """Whether this can be the name of a named person's group."""
    return _PERSON_GROUP.fullmatch(name) is not None


Rule = AccessRule | NamedPerson  # what gives access: somebody shows something, or is somebody


@dataclass(frozen=True, slots=True)
class Example:
    """Claims in, access out: a test that the policy carries with it.

    ``access``: project to roles, all of it. ``at``: the moment it is decided for; None means that every
    validity holds.
    """

    title: str
    claims: Mapping[str, object]
    access: tuple[tuple[ProjectRef, tuple[str, ...]], ...]
    identity_provider: ProviderId
    place: tuple[str, int] = ("", 0)
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Community:
    """A community (VO): whom to ask, which projects, and the rules of access."""

    name: str
    title: str
    contact: str
    projects: tuple[Project, ...]
    rules: tuple[AccessRule, ...]
    examples: tuple[Example, ...] = ()
    validity: Validity = Validity()
    suspended: Suspension | None = None
    people: tuple[NamedPerson, ...] = ()

    @property
    def gives(self) -> tuple[Rule, ...]:
        """All that gives access: the rules, and the people who are named."""
        return *self.rules, *self.people


@dataclass(frozen=True, slots=True)
class VerbatimRules:
    """Rules for Keystone alone, as they stand in one provider's file: they open Keystone's own door and no other.

    ``rules`` are Keystone's JSON for schema 2.0; ``lines`` says where each begins in ``file``.
    """

    provider: ProviderId
    rules: tuple[Mapping[str, Any], ...]
    file: str = ""
    lines: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Policy:
    """The whole policy directory, parsed. ``digest``: SHA-256 of the files, to name the version people saw.

    ``verbatim`` rules are no part of any decision. ``texts``: the files themselves by name, for the history.
    ``environment``: the Keystone that it is for, where the policy says of several what differs there.
    """

    site: Site
    communities: tuple[Community, ...]
    digest: str = ""
    verbatim: tuple[VerbatimRules, ...] = ()
    texts: Mapping[str, str] = field(default_factory=dict, compare=False, repr=False)
    environment: str = ""

    def verbatim_of(self, provider: ProviderId) -> tuple[VerbatimRules, ...]:
        """The verbatim rules of one provider."""
        return tuple(each for each in self.verbatim if each.provider == provider)

    def rules_at(self, now: datetime) -> Iterator[AccessRule]:
        """The rules that hold at ``now``, by themselves and by their community, in the policy's order.

        Those of a suspended community stay and give nothing: whoever logs in meanwhile keeps the same groups, so
        that no other token of theirs ends, and is back at once when the community is.
        """
        for community in self._open(now):
            held = (rule for rule in community.rules if rule.validity.holds(now))
            yield from (replace(rule, grants=()) for rule in held) if community.suspended else held

    def people_at(self, now: datetime) -> Iterator[NamedPerson]:
        """The people who are named and whose time it is, likewise."""
        for community in self._open(now):
            held = (person for person in community.people if person.validity.holds(now))
            yield from (replace(person, grants=()) for person in held) if community.suspended else held

    def _open(self, now: datetime) -> Iterator[Community]:
        return (community for community in self.communities if community.validity.holds(now))
