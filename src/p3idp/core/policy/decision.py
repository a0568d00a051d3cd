"""A decision as a value, with the verdict on every rule. Owns the shapes; deciding is decide.py's."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from p3idp.core.policy.model import Community, ProjectRef, Rule


class Reason(StrEnum):
    """Why a rule gives nothing: the first condition that is not met. Once released, a word keeps its meaning."""

    NOT_YET_VALID = "not-yet-valid"
    NO_LONGER_VALID = "no-longer-valid"
    IDENTITY_PROVIDER = "identity-provider"
    ISSUING_CLIENT = "issuing-client"
    ENTITLEMENT = "entitlement"
    ASSURANCE = "assurance"
    SUSPENDED = "suspended"


class Unusable(StrEnum):
    """Why a person's claims were not even held against the rules. Once released, a word keeps its meaning."""

    UNKNOWN_ISSUER = "unknown-issuer"
    PROVIDER_SUSPENDED = "provider-suspended"
    NO_SUBJECT = "no-subject"
    FOREIGN_CLIENT = "foreign-client"
    AMBIGUOUS_VALUE = "ambiguous-value"
    NOT_NAMED = "not-named"


@dataclass(frozen=True, slots=True)
class Refusal:
    """No rule was looked at, because of one claim.

    ``claim``: its name; several where it has aliases. ``value``: as it came, whatever that is: show ``detail``, which
    says it harmlessly.
    """

    reason: Unusable
    claim: str
    value: str
    detail: str

    def __str__(self) -> str:
        return self.detail


@dataclass(frozen=True, slots=True)
class Granted:
    """The rule gives access, because ``held`` was among the entitlements, or is who is named.

    ``until``: when it ends by the policy.
    """

    community: Community
    rule: Rule
    held: str
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The rule gives nothing: ``reason`` is a stable word, ``detail`` says which condition failed.

    ``wanted``: the values that the condition asks for, one of which would do; ``found``: what was there instead.
    """

    community: Community
    rule: Rule
    reason: Reason
    detail: str
    wanted: tuple[str, ...] = ()
    found: tuple[str, ...] = ()


Verdict = Granted | Refused


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """Roles on a project. ``until`` is the first moment at which one of the roles ends; None where none ends."""

    project: ProjectRef
    roles: tuple[str, ...]
    until: datetime | None


@dataclass(frozen=True, slots=True)
class Decision:
    """What the policy gives somebody, and why. ``refusal``: why nothing was even looked at; None otherwise.

    ``trace``: a verdict on every rule, and on this person by name; nobody learns who else is named.
    """

    access: tuple[ProjectAccess, ...]
    trace: tuple[Verdict, ...]
    refusal: Refusal | None = None

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
