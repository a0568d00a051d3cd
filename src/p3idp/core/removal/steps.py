"""What is to be done about people's access, as a value that can be printed, hashed, reviewed and refused.

Owns Step, Kept and Removal; who gets a step is judge.py's, which of them are dangerous findings.py's.
"""

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from p3idp.core.access.plan import Finding
from p3idp.core.access.resources import Key
from p3idp.core.audit.event import Json, canonical


class Action(StrEnum):
    """What is done, in the order of work: what takes away comes first."""

    DISABLE = "disable"
    SIGN_IN = "sign-in"  # a federated login in the person's name, with a token that they consented to
    ENABLE = "enable"
    KEEP_OUT = "keep-out"  # take our mark away, so that a disabled user stays so


class Why(StrEnum):
    """The reason for a step. Once released, a word keeps its meaning."""

    LEFT_LAST = "left-last"
    LEFT_ONE = "left-one"
    PROVIDER = "provider-suspended"
    LAPSES = "lapses"
    RETURNED = "returned"
    PROVIDER_BACK = "provider-back"
    BY_HAND = "by-hand"


@dataclass(frozen=True, slots=True)
class Step:
    """One step for one user of Keystone. ``since``: the moment of the claims or the suspension that asks for it.

    ``groups``: those that somebody leaves by it; all of theirs where they are disabled. ``lasting``: those among them
    that somebody put them into for good.
    """

    action: Action
    why: Why
    user: str
    subject: str
    provider: str
    told: str
    since: datetime | None = None
    groups: tuple[Key, ...] = ()
    lasting: tuple[Key, ...] = ()

    @property
    def who(self) -> str:
        """The person, for people and for findings."""
        return f"{self.subject} of {self.provider}"

    @property
    def removes(self) -> bool:
        """Whether it takes something away because of what an identity provider said."""
        return self.why in (Why.LEFT_LAST, Why.LEFT_ONE)

    @property
    def order(self) -> tuple[int, str, str, str]:
        """Its place in the order of work."""
        return [*Action].index(self.action), self.provider, self.subject, self.user

    def item(self) -> Mapping[str, Json]:
        """The step without its moment, which moves with every recheck."""
        return {
            "action": str(self.action),
            "why": str(self.why),
            "user": self.user,
            "subject": self.subject,
            "identity_provider": self.provider,
        }

    def as_json(self) -> Mapping[str, Json]:
        """The step for machines."""
        since = self.since.isoformat(timespec="seconds") if self.since else None
        groups: Json = [list(group) for group in self.groups]
        return {**self.item(), "told": self.told, "since": since, "groups": groups}


class KeptWhy(StrEnum):
    """Why somebody stays as they are though something speaks for a step. Once released, a word keeps its meaning."""

    APPROVER = "approver"
    NARROW = "narrow-claims"
    STALE = "stale-claims"
    UNCLEAR = "unclear-claims"
    WAITS = "waits"


@dataclass(frozen=True, slots=True, order=True)
class Kept:
    """Somebody about whom nothing is done, and why."""

    provider: str
    subject: str
    why: KeptWhy
    told: str

    def as_json(self) -> Mapping[str, Json]:
        """For machines."""
        return {
            "identity_provider": self.provider,
            "subject": self.subject,
            "why": str(self.why),
            "told": self.told,
        }


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many users there are, of how many claims are known, how many consented, how many somebody else disabled."""

    users: int = 0
    known: int = 0
    consented: int = 0
    disabled_by_others: int = 0
    unreadable: int = 0
    unasked: int = 0

    def as_json(self) -> Mapping[str, Json]:
        """For machines."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Removal:
    """Steps in the order of work, and what is to be said of them."""

    policy: str
    target: str
    steps: tuple[Step, ...]
    findings: tuple[Finding, ...] = ()
    kept: tuple[Kept, ...] = ()
    coverage: Coverage = Coverage()

    @property
    def digest(self) -> str:
        """SHA-256 of what a person decides on: who is disabled and enabled, and the findings.

        Sign-ins are no part of it: they need somebody's token, and so are made by a recheck alone.
        """
        content: Mapping[str, Json] = {
            "policy": self.policy,
            "target": self.target,
            "steps": [step.item() for step in self.switches],
            "findings": [finding.as_json() for finding in self.findings],
        }
        return hashlib.sha256(canonical(content).encode()).hexdigest()

    @property
    def switches(self) -> tuple[Step, ...]:
        """The steps that disable or enable."""
        return tuple(step for step in self.steps if step.action is not Action.SIGN_IN)

    def as_json(self) -> Mapping[str, Json]:
        """All of it for machines, digest included."""
        return {
            "policy": self.policy,
            "target": self.target,
            "steps": [step.as_json() for step in self.steps],
            "findings": [finding.as_json() for finding in self.findings],
            "kept": [kept.as_json() for kept in self.kept],
            "coverage": self.coverage.as_json(),
            "digest": self.digest,
        }

    def blocking(self, step: Step, accepted: Collection[str] = ()) -> tuple[Finding, ...]:
        """The findings that hold this step back."""
        standing = (f for f in self.findings if f.blocking and not (f.acceptable and f.name in accepted))
        return tuple(finding for finding in standing if concerns(finding, step))


def concerns(finding: Finding, step: Step) -> bool:
    """Whether a finding is about this step: about one person, or about all who would lose something."""
    return finding.subject == step.who if finding.name in OF_ONE else step.removes


# Findings about one person, who is their subject: everybody else's steps go on.
OF_ONE = frozenset({"own-roles"})
