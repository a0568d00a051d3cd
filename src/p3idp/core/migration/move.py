"""A move from one claim or issuer to another. Owns what each stage makes of a provider's list.

Claims that hold entitlements are aliases, and all issuers of a provider mean the same people: so both can be accepted
for a time. The subject claim, the identity provider's id and its domain stay, and of those Keystone makes a user's id.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from p3idp.core.policy.model import ClaimNames, IdentityProvider, Policy, ProviderId, Site
from p3idp.core.policy.quoted import quoted
from p3idp.errors.migration import MigrationImpossible, MigrationNotBegun

Names = tuple[str, ...]


class Subject(StrEnum):
    """What moves."""

    CLAIM = "claim"
    ISSUER = "issuer"

    @property
    def key(self) -> Names:
        """Where a provider of site.yaml lists it."""
        return ("claims", "entitlements") if self is Subject.CLAIM else ("issuers",)


@dataclass(frozen=True, slots=True)
class Move:
    """From ``old`` to ``new``; ``provider``: at this identity provider alone."""

    subject: Subject
    old: str
    new: str
    provider: str | None = None

    def listed(self, provider: IdentityProvider) -> Names:
        """What a provider lists now."""
        return provider.claims.entitlements if self.subject is Subject.CLAIM else provider.issuers

    def providers(self, site: Site) -> Sequence[IdentityProvider]:
        """The providers that it is about: those that list the old one or the new one. Raises MigrationImpossible."""
        if self.old == self.new:
            raise MigrationImpossible(f"{quoted(self.old)} is the old one and the new one.")
        asked = [each for each in site.identity_providers if self.provider in (None, each.id)]
        if not asked:
            known = ", ".join(each.id for each in site.identity_providers)
            raise MigrationImpossible(
                f"The policy has no identity provider {quoted(str(self.provider))}; it has {known}."
            )
        found = [each for each in asked if {self.old, self.new} & set(self.listed(each))]
        if not found:
            listed = ", ".join(dict.fromkeys(name for each in asked for name in self.listed(each)))
            told = f"No identity provider of the policy lists the {self.subject} {quoted(self.old)}; listed: {listed}."
            raise MigrationImpossible(told)
        for each in found:
            self._refuse_identity(each.id, each.claims)
        return found

    def _refuse_identity(self, provider: ProviderId, names: ClaimNames) -> None:
        if self.subject is Subject.CLAIM and {self.old, self.new} & {names.subject, names.assurance}:
            told = f"{provider} calls people by {names.subject} and their assurance {names.assurance}: neither can hold"
            raise MigrationImpossible(f"{told} entitlements, and another subject claim makes other people of them.")

    def begun(self, provider: IdentityProvider) -> Names:
        """Both. The new claim stands first, as examples are written with it; the new issuer last: see moved()."""
        listed = self.listed(provider)
        if self.old not in listed or self.new in listed:
            return listed
        return (self.new, *listed) if self.subject is Subject.CLAIM else (*listed, self.new)

    def moved(self, provider: IdentityProvider) -> Names:
        """The new one first. Sign-ins start at a provider's first issuer: only once Keystone accepts both may they."""
        listed = self.listed(provider)
        self._refuse_not_begun(listed)
        return (self.new, *(name for name in listed if name != self.new))

    def ended(self, provider: IdentityProvider) -> Names:
        """Without the old one."""
        listed = self.listed(provider)
        self._refuse_not_begun(listed)
        return tuple(name for name in listed if name != self.old)

    def _refuse_not_begun(self, listed: Names) -> None:
        if self.new not in listed:
            raise MigrationNotBegun(f"The {self.subject} {quoted(self.new)} is not accepted yet.")

    def without_old(self, policy: Policy) -> Policy:
        """The policy once the old one is dropped, whatever its text."""
        mine = {each.id for each in self.providers(policy.site)}
        made = (self._dropped(each) if each.id in mine else each for each in policy.site.identity_providers)
        return replace(policy, site=replace(policy.site, identity_providers=tuple(made)))

    def _dropped(self, provider: IdentityProvider) -> IdentityProvider:
        names = self.ended(provider)
        if self.subject is Subject.ISSUER:
            return replace(provider, issuers=names)
        return replace(provider, claims=replace(provider.claims, entitlements=names))


class Stage(StrEnum):
    """How far a provider has come."""

    NOT_BEGUN = "not begun"
    BOTH = "both accepted"
    MOVED = "both accepted, the new one first"
    ENDED = "ended"


def stage_of(move: Move, provider: IdentityProvider) -> Stage:
    """The stage that its list shows."""
    listed = move.listed(provider)
    if move.new not in listed:
        return Stage.NOT_BEGUN
    if move.old not in listed:
        return Stage.ENDED
    return Stage.MOVED if listed[0] == move.new else Stage.BOTH
