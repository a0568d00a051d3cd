"""People one by one: what they have now and what they would have. Owns the comparison and its coverage.

Who was seen with claims is judged by their next login. Of whom Keystone alone knows, the groups they are in now are
followed: what a changed mapping does to them cannot be told.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

from p3idp.core.access.people.assertion import Asserted
from p3idp.core.access.people.cloud import Cloud, Door, Entered, Right
from p3idp.core.access.people.known import Register, ShadowUser
from p3idp.core.access.people.part import Fate, Person, RuleEffect, Seen
from p3idp.core.access.people.rules import fills_in, rule_logins, touched_groups
from p3idp.core.access.resources import Key
from p3idp.core.access.rule_changes import Rule
from p3idp.core.keystone_rules import Search
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.mappings.assertion import attributes
from p3idp.core.policy.model import ClaimNames, Policy

NOBODY: frozenset[Right] = frozenset()
GroupsOf = Callable[[ShadowUser], frozenset[Key] | None]


@dataclass(slots=True)
class Comparison:
    """Two clouds, asked about the people of one policy's site.

    ``renamed``: providers whose people become others. ``unmade``: rules that no login could be made up for.
    """

    before: Cloud
    later: Cloud
    policy: Policy
    register: Register
    renamed: Collection[str] = ()
    unmade: int = 0
    touched: frozenset[Key] = frozenset()
    _doors: dict[str, "tuple[_Side, _Side]"] = field(default_factory=dict)
    _members: defaultdict[Key, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        self.touched = touched_groups(self.before, self.later)

    def by_claims(self, login: RememberedLogin) -> Person | None:
        """Somebody whose last login is remembered; None where the plan changes nothing for them."""
        sides = self.sides(str(login.provider))
        user = self.register.find(login)
        old, new = (side.enter(login) if user is None or user.enabled else None for side in sides)
        for entered in (old, new):
            for group in entered.groups | entered.lasting if entered else ():
                self._members[group].add((login.provider, login.subject))
        own = user.own if user else ()
        had = old.rights | self.before.with_implied(own) if old else NOBODY
        has = new.rights | self.later.with_implied(self._kept(str(login.provider), own)) if new else NOBODY
        regrouped = user is not None and old is not None and new is not None and self._ends_tokens(old, new)
        told = _told(login.subject, str(login.provider), Seen.CLAIMS, user is not None, had, has, regrouped=regrouped)
        return self._changed(told, was_in=old is not None or user is not None)

    def _ends_tokens(self, old: Entered, new: Entered) -> bool:
        """Whether Keystone puts somebody into a group or takes them out of one; a deleted group is no such change."""
        return bool(
            new.groups - old.groups or (old.groups - new.groups) & self.later.groups or old.lasting - new.lasting
        )

    def by_groups(self, user: ShadowUser, groups_of: GroupsOf) -> Person | None:
        """Somebody of whom Keystone alone knows; None where nothing changes, or their groups are not known."""
        old, new = self.sides(user.provider)
        shuts = old.door is not None and new.door is None
        asked = groups_of(user) if user.enabled and (shuts or self.touched) else None
        held = (asked or frozenset()) & self.before.groups
        own = user.own if asked is not None else ()
        had = self.before.of_groups(held) | self.before.with_implied(own)
        kept = self._kept(user.provider, own)
        named, then = (cloud.lasting(user.provider, user.name) for cloud in (self.before, self.later))
        has = NOBODY if shuts else self.later.of_groups(held - named | then) | self.later.with_implied(kept)
        told = _told(user.name, user.provider, Seen.GROUPS, True, had, has, regrouped=False)
        return self._changed(told, was_in=True)

    @property
    def named(self) -> Set[tuple[str, str]]:
        """Everybody whom either side names."""
        return self.before.named | self.later.named

    def by_name(self, provider: str, subject: str) -> Person | None:
        """Somebody of whom nothing is known but that the policy names them, or did; None where nothing changes."""
        had, has = (
            side.cloud.of_groups(side.cloud.lasting(provider, subject)) if side.door else NOBODY
            for side in self.sides(provider)
        )
        told = _told(subject, provider, Seen.NAME, False, had, has, regrouped=False)
        return self._changed(told, was_in=bool(had))

    def _changed(self, person: Person, *, was_in: bool) -> Person | None:
        if was_in and person.provider in self.renamed:
            person = replace(person, other_user=True)
        return person if person.fate or person.regrouped else None

    def _kept(self, provider: str, own: Collection[Right]) -> Collection[Right]:
        """Of somebody's own grants, those that their next login leaves: schema 3.0 takes those on projects."""
        wiped = self.sides(provider)[1].version == "3.0"
        return [right for right in own if right.target != "project"] if wiped else own

    def wiped(self, user: ShadowUser) -> int:
        """How many grants of this user's own end because the mapping becomes one of schema 3.0."""
        old, new = self.sides(user.provider)
        ends = new.version == "3.0" and old.version != "3.0"
        return sum(right.target == "project" for right in user.own) if ends else 0

    def effects(self, provider: str, search: Search) -> Iterator[RuleEffect]:
        """What happens to whoever logs in with exactly what a rule asks for. To be asked after all people."""
        old, new = self.sides(provider)
        mappings = [side.cloud.mapping(provider, side.protocol) for side in (old, new)]
        every = (old.door and old.door.issuers) != (new.door and new.door.issuers)
        seen: set[tuple[frozenset[Key], frozenset[Right], frozenset[Right]]] = set()
        for made in rule_logins(
            self.before, self.later, mappings[0], mappings[1], self.touched, every=every, search=search
        ):
            had, has = (entered.rights if (entered := side.take(made.attributes)) else NOBODY for side in (old, new))
            self.unmade += made.attributes is None
            key = (made.groups, has - had, had - has)
            if has != had and key not in seen:
                seen.add(key)
                people = set[tuple[str, str]]().union(*(self._members[group] for group in made.groups))
                groups = tuple(sorted(name for _, name in made.groups))
                yield RuleEffect(provider, groups, tuple(sorted(key[1])), tuple(sorted(key[2])), len(people), made.by)

    def sides(self, provider: str) -> "tuple[_Side, _Side]":
        """Both sides of a provider."""
        if provider not in self._doors:
            known = next((p for p in self.policy.site.identity_providers if p.id == provider), None)
            names, protocol = (known.claims, known.protocol) if known else (ClaimNames(), "")
            audiences, home = known.audiences if known else (), self.policy.site.domain
            old, new = (
                _Side(cloud, cloud.door(provider, protocol), names, audiences, protocol, home)
                for cloud in (self.before, self.later)
            )
            self._doors[provider] = old, new
        return self._doors[provider]


class _Side:
    """One provider's door on one side."""

    def __init__(
        self, cloud: Cloud, door: Door | None, names: ClaimNames, audiences: tuple[str, ...], protocol: str, home: str
    ) -> None:
        self.cloud, self.door, self.protocol, self._home = cloud, door, protocol, home
        self._asserted = Asserted(door, names, audiences) if door else None
        self.version = door.rules.version if door else ""
        asked = {str(value) for rule in door.rules.source for value in _values(rule, names)} if door else set()
        self._by_name = asked  # subjects that some rule asks for
        # People of one community hold the same: where the subject fills in nothing, they get the same.
        self._alike = door is not None and not any(map(fills_in, door.rules.source))
        self._known: dict[object, Entered | None] = {}
        self.unknown = self._asserted.unknown if self._asserted else ()

    def enter(self, login: RememberedLogin) -> Entered | None:
        """What a remembered login gets here."""
        entered = self._enter(login)
        lasting = self.cloud.lasting(str(login.provider), login.subject) if entered else frozenset[Key]()
        if entered is None or not lasting:
            return entered
        return Entered(entered.groups, entered.rights | self.cloud.of_groups(lasting), lasting)

    def _enter(self, login: RememberedLogin) -> Entered | None:
        if self._asserted is None:
            return None
        attributes = self._asserted.of(login)
        if attributes is None or not self._alike:
            return self.take(attributes)
        subject = login.subject if login.subject in self._by_name else ""
        held = (subject, login.issuer, login.client, login.entitlements, login.assurance, login.by_claim)
        if held not in self._known:
            self._known[held] = self.take(attributes)
        return self._known[held]

    def take(self, attributes: Mapping[str, str] | None) -> Entered | None:
        """What these attributes get here; None for nobody."""
        if attributes is None or self.door is None:
            return None
        return self.cloud.enter(self.door, attributes, self._home)


def _values(rule: Rule, names: ClaimNames) -> Iterator[object]:
    asked: list[Any] = [each for each in rule["remote"] if each["type"] in attributes(names.subject)]
    return (value for each in asked for value in each.get("any_one_of") or ())


def _told(
    subject: str, provider: str, seen: Seen, known: bool, had: frozenset[Right], has: frozenset[Right], *,
    regrouped: bool,
) -> Person:  # fmt: skip
    gained, lost = tuple(sorted(has - had)), tuple(sorted(had - has))
    return Person(subject, provider, seen, known, gained, lost, bool(has), False, regrouped)


def worst_first(person: Person) -> tuple[int, str, str]:
    """The order in which people are told."""
    return [*Fate, None].index(person.fate), person.provider, person.subject
