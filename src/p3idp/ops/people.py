"""Say what a plan does to people. Owns what is read for that, how much of it, and that a plan goes on without it.

Who gains and who loses is core/access/people's.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from p3idp.core.access.people.cloud import Cloud, after
from p3idp.core.access.people.compare import Comparison, worst_first
from p3idp.core.access.people.findings import Bounds, people_findings
from p3idp.core.access.people.known import Register, ShadowUser, ShadowUsers
from p3idp.core.access.people.part import Coverage, People, Person, RuleEffect
from p3idp.core.access.plan import Plan
from p3idp.core.access.resources import Key, Kind
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.keystone import KeystoneForbids
from p3idp.errors.settings import SecretUnavailable, SettingsInvalid
from p3idp.ops.access_plan import Planned, sorted_findings
from p3idp.ports.logins import LoginReader, Recalled
from p3idp.ports.people import PeopleReader
from p3idp.ports.regex import Search

MOST_ASKED = 500  # people whose groups are asked for, one call each
RENAMED = "changes-user-ids"


@dataclass(frozen=True, slots=True)
class PeopleView:
    """Adds to a plan what it does to people. ``logins``: None where nothing is remembered; opened when needed."""

    logins: Callable[[], LoginReader | None]
    reader: PeopleReader
    search: Search
    bounds: Bounds = field(default_factory=Bounds)

    def look(self, planned: Planned, now: datetime) -> Planned:
        """The same with people and the findings about them. Where nothing changes, nobody is asked for.

        What cannot be read is a note, and never the end of the plan. Raises KeystoneUnreachable.
        """
        plan = planned.plan
        if not plan.changes:
            return planned
        recalled, note = self._recall(now)
        look = _Look(planned, recalled or Recalled(), self.reader, self.search, remembers=recalled is not None)
        people = look.people(note)
        findings = sorted_findings((*plan.findings, *people_findings(people, self.bounds)))
        return replace(planned, plan=replace(plan, findings=findings, people=people))

    def _recall(self, now: datetime) -> tuple[Recalled | None, str]:
        """What is remembered, None where nothing is meant to be; and why nothing can be read."""
        try:
            store = self.logins()
            return (store.recall(now) if store else None), ""
        except (LedgerUnavailable, SecretUnavailable, SettingsInvalid) as exc:
            return Recalled(), f"Remembered logins cannot be read: {exc.detail}"


class _Look:
    """One look at everybody."""

    def __init__(
        self, planned: Planned, recalled: Recalled, reader: PeopleReader, search: Search, *, remembers: bool
    ) -> None:
        self._planned, self._recalled, self._search, self._remembers = planned, recalled, search, remembers
        self._reader, self._asked, self._unasked = reader, 0, 0
        self._domain = planned.policy.site.domain
        self._providers = _providers(planned)
        self._shadows = self._known()
        shadows = self._shadows or ShadowUsers()
        found, ids = planned.observed, shadows.group_ids or {}
        later = after(found, planned.plan.changes)
        before, then = (Cloud(side, search, ids, shadows.domain_id) for side in (found, later))
        renamed = _renamed(planned.plan)
        self._comparison = Comparison(before, then, planned.policy, Register(shadows), renamed)

    def _known(self) -> ShadowUsers | None:
        try:
            return self._reader.users(self._domain, self._providers)
        except KeystoneForbids:
            return None

    def people(self, note: str) -> People:
        """The people part of the plan; ``note`` is told with it."""
        people = sorted(self._persons(), key=worst_first)
        users = self._shadows.users if self._shadows else ()
        return People(
            coverage=self._coverage(users),
            people=tuple(people),
            rules=tuple(self._rules()),
            other_users=sum(person.other_user for person in people),
            wiped=sum(self._comparison.wiped(user) for user in users),
            notes=tuple(filter(None, (note, *self._notes()))),
        )

    def _persons(self) -> Iterator[Person]:
        for login in self._recalled.logins:
            if person := self._comparison.by_claims(login):
                yield person
        for user in self._strangers():
            if person := self._comparison.by_groups(user, self._groups_of):
                yield person
        for provider, subject in sorted(self._comparison.named - self._seen()):
            if person := self._comparison.by_name(provider, subject):
                yield person

    def _seen(self) -> set[tuple[str, str]]:
        """Everybody who came, as far as that is known: Keystone calls people by their subjects."""
        users = self._shadows.users if self._shadows else ()
        logins = {(str(login.provider), login.subject) for login in self._recalled.logins}
        return logins | {(user.provider, user.name) for user in users}

    def _strangers(self) -> Iterator[ShadowUser]:
        """Users whose claims p3idp does not know."""
        if self._shadows is not None:
            seen = {user.id for login in self._recalled.logins if (user := self._comparison.register.find(login))}
            yield from (user for user in self._shadows.users if user.id not in seen)

    def _groups_of(self, user: ShadowUser) -> frozenset[Key] | None:
        if self._asked >= MOST_ASKED:
            self._unasked += 1
            return None
        self._asked += 1
        return self._reader.groups_of(user.id)

    def _rules(self) -> Iterator[RuleEffect]:
        for provider in self._providers:
            effects = self._comparison.effects(provider, self._search)
            yield from sorted(effects, key=lambda each: (not each.lost, each.groups))

    def _coverage(self, users: tuple[ShadowUser, ...]) -> Coverage:
        return Coverage(
            remembers=self._remembers,
            known=len(users) if self._shadows is not None else None,
            remembered=len(self._recalled.logins),
            both=len(users) - sum(1 for _ in self._strangers()),
            unreadable=self._recalled.unreadable,
            unasked=self._unasked,
            complete=self._shadows is None or self._shadows.complete,
        )

    def _notes(self) -> Iterator[str]:
        comparison = self._comparison
        for name in sorted(comparison.before.broken | comparison.later.broken):
            yield f"Keystone's mapping {name} cannot be evaluated here, so nobody is judged by it."
        for provider in self._providers:
            unknown = sorted({name for side in comparison.sides(provider) for name in side.unknown})
            if unknown:
                yield (
                    f"The mapping of {provider} asks for {', '.join(unknown)}, which is not remembered: its rules that "
                    "do apply to nobody here."
                )
        if comparison.unmade:
            yield f"No login could be made up for {comparison.unmade} rules."


def _providers(planned: Planned) -> list[str]:
    """The policy's identity providers, and those of its domain that Keystone has besides."""
    held = planned.observed.of(Kind.IDENTITY_PROVIDER).values()
    here = {each.key[0] for each in held if each.attributes.get("domain") == planned.policy.site.domain}
    return sorted(here | {str(provider.id) for provider in planned.policy.site.identity_providers})


def _renamed(plan: Plan) -> frozenset[str]:
    return frozenset(finding.subject for finding in plan.findings if finding.name == RENAMED)
