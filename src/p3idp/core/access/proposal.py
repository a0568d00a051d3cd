"""A plan that two people decide on: proposal, approval, and who may make either. Owns these values.

Who somebody is comes from a verified token, as (identity provider, subject): one person is one, whatever client,
session or issuer of that provider the token is from. Keeping them is a port; the order of steps is ops/proposals.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.access.way_back import WayBack
from p3idp.core.audit.event import Actor, Json, person
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import Approvers, ProviderId


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who signed in. ``entitlement``: what made them an approver, empty where they are named."""

    provider: ProviderId
    subject: str
    issuer: str
    entitlement: str = ""

    def is_same(self, other: "Person") -> bool:
        """Whether both are one person."""
        return (self.provider, self.subject) == (other.provider, other.subject)

    def is_among(self, approvers: Approvers) -> bool:
        """Whether what made them an approver still does."""
        if self.provider != approvers.provider:
            return False
        return self.subject in approvers.subjects or self.entitlement in {str(one) for one in approvers.entitlements}

    @property
    def actor(self) -> Actor:
        """The person in the ledger."""
        return person(self.subject, self.issuer)

    def as_json(self) -> Mapping[str, Json]:
        """The person for machines."""
        named = {"provider": str(self.provider), "subject": self.subject, "issuer": self.issuer}
        return {**named, "entitlement": self.entitlement}

    def __str__(self) -> str:
        return f"{self.subject} ({self.provider})"


@dataclass(frozen=True, slots=True)
class Proposal:
    """A plan that somebody wants applied. ``plan``: what machines read of it; ``digest``: its own; ``until``: its end.

    ``accepted``: the dangers that the proposer accepted by name. ``record``: the ledger's on it.
    """

    id: str
    digest: str
    policy_digest: str
    rollback_to: WayBack | None
    accepted: tuple[str, ...]
    proposer: Person
    at: datetime
    until: datetime
    record: str
    plan: Mapping[str, Json]

    def is_over(self, now: datetime) -> bool:
        """Whether its time has passed."""
        return now >= self.until


@dataclass(frozen=True, slots=True)
class Approval:
    """A second person's word on one proposal and its digest. ``record``: the ledger's on it."""

    proposal: str
    digest: str
    approver: Person
    at: datetime
    record: str


@dataclass(frozen=True, slots=True)
class Warrant:
    """On whose word a run acts. ``actor``: who runs it, where they signed in; the others where two people decided."""

    actor: Actor | None = None
    proposal: Proposal | None = None
    approval: Approval | None = None

    def as_json(self) -> Mapping[str, Json]:
        """What the ledger says of it; nothing where nobody decided."""
        if self.proposal is None or self.approval is None:
            return {}
        people = {"proposer": self.proposal.proposer.as_json(), "approver": self.approval.approver.as_json()}
        return {"proposal": self.proposal.id, **people}


ALONE = Warrant()


@dataclass(frozen=True, slots=True)
class Objection:
    """Why two people's word does not count. ``reason``: a stable word."""

    reason: str
    detail: str


def objection(
    proposal: Proposal, approval: Approval, digest: str, approvers: Approvers | None, now: datetime
) -> Objection | None:
    """Why this approval does not let the plan of this digest pass at ``now``; None where it does."""
    proposer, approver = proposal.proposer, approval.approver
    if (approval.proposal, approval.digest) != (proposal.id, proposal.digest) or proposal.digest != digest:
        return Objection("another-plan", "The approval is of another plan.")
    if proposal.is_over(now):
        return Objection("over", f"The proposal ended at {proposal.until:%Y-%m-%d %H:%M}Z.")
    if approver.is_same(proposer):
        return Objection("same-person", f"{approver} proposed this; another person has to approve.")
    if approvers is None:
        return Objection("no-approvers", "The policy that was applied last names nobody who may approve.")
    for one in (proposer, approver):
        if not one.is_among(approvers):
            return Objection("not-approver", f"{one} is no approver of the policy that was applied last.")
    return None


def approver_of(claims: VerifiedClaims, approvers: Approvers) -> Person | None:
    """The person as an approver; None where they are none, or their token is another client's."""
    if claims.provider != approvers.provider:
        return None
    if approvers.issuing_clients and claims.client not in approvers.issuing_clients:
        return None
    known = Person(claims.provider, claims.subject, claims.issuer)
    if known.is_among(approvers):
        return known
    held = [parsed for text in claims.entitlements if (parsed := parse_entitlement(text))]
    for wanted in approvers.entitlements:
        if any(each.grants(wanted) for each in held):
            return Person(claims.provider, claims.subject, claims.issuer, str(wanted))
    return None


def is_fresh(claims: VerifiedClaims, now: datetime, within: timedelta) -> bool:
    """Whether the token was issued lately: an old one that lies about somewhere decides nothing."""
    return now - claims.issued_at <= within
