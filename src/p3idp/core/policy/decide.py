"""Decide who may use what, from typed claims. Owns the decision and its trace.

Nothing here splits, searches or evaluates text. Values that Keystone's mapping engine would read as more than
one value, or as something else than text, are refused, so that both engines give the same access.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import AccessRule, Community, IdentityProvider, Policy, ProjectRef, ProviderId


class TypedClaims(Protocol):
    """What a decision needs to know of a person; VerifiedClaims has it, and so have a policy's examples."""

    @property
    def provider(self) -> ProviderId:
        """The identity provider's id in the policy."""
        ...

    @property
    def issuer(self) -> str:
        """The issuer."""
        ...

    @property
    def subject(self) -> str:
        """Who, as the policy's subject claim says."""
        ...

    @property
    def client(self) -> str:
        """The client that the token was issued to."""
        ...

    @property
    def entitlements(self) -> tuple[str, ...]:
        """All values of all entitlement claims."""
        ...

    @property
    def assurance(self) -> tuple[str, ...]:
        """All values of the assurance claim."""
        ...


@dataclass(frozen=True, slots=True)
class Granted:
    """The rule gives access, because ``held`` was among the entitlements. ``until``: when it ends by the policy."""

    community: Community
    rule: AccessRule
    held: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The rule gives nothing: ``reason`` is a stable word, ``detail`` says which condition failed."""

    community: Community
    rule: AccessRule
    reason: str
    detail: str


Verdict = Granted | Refused


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """Roles on a project. ``until`` is the first moment at which one of the roles ends; None where none ends."""

    project: ProjectRef
    roles: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy gives somebody, and why. ``refusal``: why nothing was even looked at; empty otherwise."""

    access: tuple[ProjectAccess, ...]
    trace: tuple[Verdict, ...]
    refusal: str = ""

    @property
    def granted(self) -> tuple[Granted, ...]:
        """The rules that gave something, in the policy's order."""
        return tuple(verdict for verdict in self.trace if isinstance(verdict, Granted))

    @property
    def refused(self) -> tuple[Refused, ...]:
        """The rules that gave nothing, in the policy's order."""
        return tuple(verdict for verdict in self.trace if isinstance(verdict, Refused))

    def on(self, project: ProjectRef) -> ProjectAccess | None:
        """What there is on one project."""
        return next((access for access in self.access if access.project == project), None)

    def withheld(self, project: ProjectRef) -> frozenset[str]:
        """The roles on one project that the policy knows and does not give now: Keystone may not have heard yet."""
        named = {
            role for verdict in self.refused for ref, roles in verdict.rule.grants if ref == project for role in roles
        }
        given = self.on(project)
        return frozenset(named.difference(given.roles if given else ()))


def decide(policy: Policy, claims: TypedClaims, now: datetime) -> Decision:
    """What ``claims`` give under ``policy`` at ``now``. Raises nothing: a refusal is an answer."""
    provider = policy.site.provider_of(claims.issuer)
    refusal = _general_refusal(provider, claims)
    if provider is None or refusal:
        return Decision((), (), refusal)
    held = [(text, entitlement) for text in claims.entitlements if (entitlement := parse_entitlement(text))]
    trace = tuple(
        _judge(community, rule, provider, held, claims.assurance, now)
        for community in policy.communities
        for rule in community.rules
    )
    return Decision(_access(v for v in trace if isinstance(v, Granted)), trace)


def _general_refusal(provider: IdentityProvider | None, claims: TypedClaims) -> str:
    if provider is None or provider.id != claims.provider:
        return f"The issuer {claims.issuer} does not belong to the identity provider {claims.provider}."
    if not claims.subject:
        return f"The claim {provider.claims.subject} is empty, so nobody is named."
    # Where audiences are listed too, a token of another client may be addressed to one: its verifier has seen to it.
    listed = provider.issuing_clients and not provider.audiences
    if listed and claims.client not in provider.issuing_clients:
        return f"Tokens issued to the client {claims.client or '(none named)'} are not accepted here."
    values = (claims.subject, claims.client, *claims.entitlements, *claims.assurance)
    ambiguous = next(filter(None, map(ambiguity, values)), "")
    return (
        f"A claim holds {ambiguous}, which Keystone would not read as it stands; nothing is given." if ambiguous else ""
    )


def ambiguity(value: str) -> str:
    """What makes this value unsafe to hand to Keystone's mapping engine; empty where nothing does.

    The engine splits every value at ``;``, reads a value that looks like a list as a list, and one that
    starts with ``JSON:`` as JSON.
    """
    if ";" in value:
        return "a semicolon"
    if value.lstrip().startswith("["):
        return "the beginning of a list"
    if value.lstrip().startswith("JSON:"):
        return "the beginning of JSON"
    if not value.isprintable():
        return "a character that cannot be shown"
    return ""


def _judge(
    community: Community,
    rule: AccessRule,
    provider: IdentityProvider,
    held: Sequence[tuple[str, Entitlement]],
    assurance: tuple[str, ...],
    now: datetime,
) -> Verdict:
    for what, validity in ((f"the community {community.name}", community.validity), ("this rule", rule.validity)):
        if not validity.holds(now):
            begins = validity.start is not None and now < validity.start
            when = f"begins {validity.start:%Y-%m-%d}" if begins else f"ended {validity.until:%Y-%m-%d}"
            return Refused(community, rule, "not-yet-valid" if begins else "no-longer-valid", f"{what} {when}")
    if rule.identity_providers and provider.id not in rule.identity_providers:
        wanted = ", ".join(rule.identity_providers)
        return Refused(community, rule, "identity-provider", f"the rule wants {wanted}; this is {provider.id}")
    through = next((text for text, entitlement in held if entitlement.grants(rule.entitlement)), None)
    if through is None:
        return Refused(community, rule, "entitlement", f"none of the entitlements is {rule.entitlement}")
    if rule.assurance and not set(rule.assurance) & set(assurance):
        return Refused(community, rule, "assurance", f"the assurance must be {' or '.join(rule.assurance)}")
    return Granted(community, rule, through, earliest(community.validity.until, rule.validity.until))


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of several ends; None means never."""
    return min((moment for moment in moments if moment is not None), default=None)


def _access(granted: Iterable[Granted]) -> tuple[ProjectAccess, ...]:
    """Add up what the rules give: a role lasts as long as the longest rule that gives it."""
    ends: dict[ProjectRef, dict[str, datetime | None]] = {}
    for verdict in granted:
        for project, roles in verdict.rule.grants:
            held = ends.setdefault(project, {})
            for role in roles:
                held[role] = _latest(held[role], verdict.until) if role in held else verdict.until
    return tuple(
        ProjectAccess(project, tuple(sorted(roles)), earliest(*roles.values()))
        for project, roles in sorted(ends.items())
    )


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
