"""One side of a replay: what a login gets under it. Owns the words that both sides share, and a policy's side."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple, Protocol

from p3idp.core.policy.model import Policy, Rule
from p3idp.core.policy.replay import QuickPolicy, rules_of
from p3idp.errors.policy import ClaimsInvalid

Claims = Mapping[str, object]
Held = tuple[int, ...]


class Item(NamedTuple):
    """One thing that somebody may hold: a role on a project, or membership of a group (by name, or by id)."""

    kind: str
    name: str
    domain: str = ""
    role: str = ""

    def __str__(self) -> str:
        where = f"{self.name}@{self.domain}" if self.domain else self.name
        return f"{self.role} on {where}" if self.kind == "project" else f"{self.kind} {where}"


class Gifts:
    """Things that are given together, numbered: both sides give the same thing the same number."""

    def __init__(self) -> None:
        self._numbers: dict[frozenset[Item], int] = {}
        self._gifts: list[frozenset[Item]] = []

    def number(self, items: Iterable[Item]) -> int:
        """The number of these, which may be new."""
        gift = frozenset(items)
        number = self._numbers.setdefault(gift, len(self._gifts))
        if number == len(self._gifts):
            self._gifts.append(gift)
        return number

    def items(self, held: Held) -> frozenset[Item]:
        """All that the gifts of these numbers hold."""
        return frozenset().union(*(self._gifts[number] for number in held))


class RuleName(NamedTuple):
    """A rule for people: where it stands, and what it is about."""

    place: str
    title: str


class Judged(NamedTuple):
    """A login under one side.

    ``person``: the subject, at ``provider``; empty where the side cannot name anybody. ``user`` is what Keystone makes
    the user's id of, empty where Keystone lets nobody in. ``held``: numbers of gifts, each once and in order.
    ``refusal`` says why no rule was looked at.
    """

    provider: str
    person: str
    user: str = ""
    held: Held = ()
    refusal: str = ""


class Side(Protocol):
    """The draft, or what is in force."""

    @property
    def home(self) -> str:
        """The domain of the people, of which Keystone makes their ids too; empty where that is not known."""
        ...

    def judge(self, claims: Claims, provider: str | None) -> Judged:
        """What these claims get. Raises ClaimsInvalid where they are none."""
        ...

    def through(self, claims: Claims, provider: str | None, items: frozenset[Item]) -> Iterable[int]:
        """Numbers of the rules by which these claims, judged before, hold any of ``items``."""
        ...

    def rule(self, number: int) -> RuleName:
        """A rule's name."""
        ...


class PolicySide:
    """A policy at a moment: access is roles on projects, by rules."""

    def __init__(self, policy: Policy, now: datetime, gifts: Gifts) -> None:
        self._quick = QuickPolicy(policy.site, rules_of(policy, now), now)
        self._items = tuple(frozenset(items_of(rule)) for rule in self._quick.rules)
        self._gifts = tuple(map(gifts.number, self._items))
        self._providers = frozenset(str(provider.id) for provider in policy.site.identity_providers)
        self.home = policy.site.domain

    def judge(self, claims: Claims, provider: str | None) -> Judged:
        """See Side. A provider that the policy has no more, or not yet, is a refusal: the other side may know it."""
        try:
            found = self._quick.decide_given(claims, provider)
        except ClaimsInvalid:
            if stranger := self._stranger(claims, provider):
                return Judged("", "", refusal=f"the policy has no identity provider {stranger}")
            raise
        provider, subject, rules, refusal = found
        if not rules:
            return Judged(provider, subject, refusal=refusal)
        gifts = self._gifts
        return Judged(provider, subject, subject, tuple(sorted({gifts[number] for number in rules})))

    def through(self, claims: Claims, provider: str | None, items: frozenset[Item]) -> Iterable[int]:
        """See Side."""
        rules = self._quick.decide_given(claims, provider).rules
        return [number for number in rules if not self._items[number].isdisjoint(items)]

    def rule(self, number: int) -> RuleName:
        """See Side."""
        return rule_name(self._quick.rules[number])

    def _stranger(self, claims: Claims, provider: str | None) -> str:
        if provider is not None:
            return "" if provider in self._providers else provider
        issuer = claims.get("iss")
        known = not isinstance(issuer, str) or not issuer or self._quick.site.provider_of(issuer) is not None
        return "" if known else f"of the issuer {issuer}"


def rule_name(rule: Rule) -> RuleName:
    """A rule of the policy by its place and what opens it."""
    file, line = rule.place
    return RuleName(f"{file}:{line}", rule.wanted)


def items_of(rule: Rule) -> Iterable[Item]:
    """What a rule gives."""
    return (Item("project", project.name, project.domain, role) for project, roles in rule.grants for role in roles)
