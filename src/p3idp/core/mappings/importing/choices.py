"""What an import is told besides the mapping, and what comes of it. Owns those shapes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from p3idp.core.mappings.importing.remarks import Remark
from p3idp.core.mappings.importing.terms import Grants, Rule, Terms
from p3idp.core.policy.model import AccessRule, Policy


@dataclass(frozen=True, slots=True)
class Choices:
    """What the operator, or Keystone, says of the mapping. Empty: not said.

    ``groups``: (domain, name) of groups by id. ``roles``: a group's grants, as (project's domain, project) to roles;
    None where nobody knows; ``unsayable`` are those on something else than a project. ``protocol``, ``issuers`` and
    ``ttl_minutes``: as Keystone has them. ``keep_projects``: rules that give roles directly stay as they are.
    ``needs_roles``: so do rules whose group has no role on a project, or one on something else.
    """

    provider: str = "egi"
    domain: str = ""
    issuers: tuple[str, ...] = ()
    tighten: bool = False
    protocol: str = "openid"
    ttl_minutes: int = 0
    groups: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    roles: Mapping[tuple[str, str], Mapping[tuple[str, str], tuple[str, ...]]] | None = None
    keep_projects: bool = False
    needs_roles: bool = False
    unsayable: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Said:
    """A rule of the policy, and the old rules that it says."""

    rule: AccessRule
    community: str
    terms: tuple[Terms, ...]


@dataclass(frozen=True, slots=True)
class Imported:
    """The policy (rules without grants where nobody knows them), its parts by old rule, and the remarks.

    ``kept`` are the rules that stay as they are, by number, ready for Keystone's schema 2.0.
    """

    policy: Policy
    said: tuple[Said, ...]
    kept: Mapping[int, Rule]
    remarks: tuple[Remark, ...]

    @property
    def said_rules(self) -> frozenset[int]:
        """The old rules that became policy."""
        return frozenset(terms.number for each in self.said for terms in each.terms)

    @property
    def unfilled(self) -> tuple[Said, ...]:
        """The rules of which nobody knows what they give."""
        return tuple(each for each in self.said if not each.rule.grants)


__all__ = ["Choices", "Grants", "Imported", "Said"]
