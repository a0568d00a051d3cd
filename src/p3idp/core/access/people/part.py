"""What a plan says of people. Owns the values, the coverage, and their JSON.

None of it enters the plan's digest: somebody may sign in between plan and apply. A finding that is made of it does, and
its words are made so that a sign-in seldom changes them (findings.py).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.access.people.cloud import Right
from p3idp.core.audit.event import Json


class Fate(StrEnum):
    """What becomes of somebody, the worst first."""

    OTHER_USER = "other-user"
    LOSES_EVERYTHING = "loses-everything"
    LOSES = "loses"
    LOSES_AND_GAINS = "loses-and-gains"
    GAINS = "gains"


class Seen(StrEnum):
    """By what somebody is judged."""

    CLAIMS = "claims"  # of the last login that p3idp saw
    GROUPS = "groups"  # that Keystone has them in now: what a mapping does to them is not known
    NAME = "name"  # that the policy gives access to: they never came, as far as p3idp knows


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody whom the plan touches. ``subject``: as Keystone calls them where p3idp saw no claims.

    ``known``: whether Keystone has a user for them. ``regrouped``: put into a group or taken out of one at their next
    login, at which Keystone ends their earlier tokens. ``keeps``: whether anything is left.
    """

    subject: str
    provider: str
    seen: Seen
    known: bool
    gained: tuple[Right, ...] = ()
    lost: tuple[Right, ...] = ()
    keeps: bool = True
    other_user: bool = False
    regrouped: bool = False

    @property
    def fate(self) -> Fate | None:
        """In one word; None where only their groups change."""
        if self.other_user:
            return Fate.OTHER_USER
        if self.lost:
            if not self.keeps:
                return Fate.LOSES_EVERYTHING
            return Fate.LOSES_AND_GAINS if self.gained else Fate.LOSES
        return Fate.GAINS if self.gained else None


@dataclass(frozen=True, slots=True)
class RuleEffect:
    """What the plan does to whoever logs in with just what a rule asks for. ``people``: remembered ones in its groups.

    ``by``: the attribute and value by which they meet it, where others meet it by another.
    """

    provider: str
    groups: tuple[str, ...]
    gained: tuple[Right, ...]
    lost: tuple[Right, ...]
    people: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many people the plan can speak of.

    ``known``: users that Keystone has of these providers, None where that cannot be told; ``remembered``: logins with
    claims, ``both``: known ones among them. ``unasked``: known ones whose groups were not asked for, being too many.
    """

    remembers: bool = False
    known: int | None = None
    remembered: int = 0
    both: int = 0
    unreadable: int = 0
    unasked: int = 0
    complete: bool = True


@dataclass(frozen=True, slots=True)
class People:
    """The part of a plan that is about people. ``people``: those it touches, the worst first.

    ``other_users``: people whom Keystone would take for new ones. ``wiped``: grants made by hand to people that
    schema 3.0 would take away.
    """

    coverage: Coverage
    people: tuple[Person, ...] = ()
    rules: tuple[RuleEffect, ...] = ()
    other_users: int = 0
    wiped: int = 0
    notes: tuple[str, ...] = ()

    @property
    def regrouped(self) -> int:
        """How many people's earlier tokens end at their next login."""
        return sum(person.regrouped for person in self.people)

    def losing(self, *fates: Fate) -> int:
        """How many people have one of these fates."""
        return sum(person.fate in fates for person in self.people)

    def as_json(self) -> Mapping[str, Json]:
        """All of it, for machines."""
        coverage = self.coverage
        return {
            "coverage": {name: getattr(coverage, name) for name in coverage.__slots__},
            "people": [_person(person) for person in self.people],
            "rules": [_rule(rule) for rule in self.rules],
            "tokens_end": self.regrouped,
            "other_users": self.other_users,
            "wiped_grants": self.wiped,
            "notes": list(self.notes),
        }


def _person(person: Person) -> Mapping[str, Json]:
    return {
        "subject": person.subject,
        "identity_provider": person.provider,
        "seen_by": str(person.seen),
        "in_keystone": person.known,
        "change": str(person.fate or "regrouped"),
        "gained": _rights(person.gained),
        "lost": _rights(person.lost),
        "has_access": person.keeps,
        "tokens_end": person.regrouped,
    }


def _rule(rule: RuleEffect) -> Mapping[str, Json]:
    return {
        "identity_provider": rule.provider,
        "groups": list(rule.groups),
        "by": rule.by,
        "remembered_people": rule.people,
        "gained": _rights(rule.gained),
        "lost": _rights(rule.lost),
    }


def _rights(rights: Iterable[Right]) -> Json:
    return [dict(right._asdict()) for right in rights]
