"""Hold every user of the policy's identity providers against what is known of them. Owns the reading for it.

A handful of lists, and one call for each person whose groups matter; the judging is core/removal/judge's.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from p3idp.core.access.people.cloud import Cloud
from p3idp.core.access.people.compare import Comparison
from p3idp.core.access.people.known import Register, ShadowUser
from p3idp.core.access.resources import Key, Kind
from p3idp.core.credentials.held import Membership
from p3idp.core.login.remembered import RememberedLogin, remembered
from p3idp.core.policy.claims import GivenClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Reason
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import Approvers, IdentityProvider, Policy, ProviderId
from p3idp.core.removal.bounds import Pace
from p3idp.core.removal.findings import Limits, removal_findings
from p3idp.core.removal.judge import Seen, Terms, Verdict, judge
from p3idp.core.removal.steps import Coverage, Kept, Removal, Step
from p3idp.ports.holdings import HoldingsReader
from p3idp.ports.keystone import FederationReader
from p3idp.ports.people import PeopleReader
from p3idp.ports.regex import Search

_LONG_AGO = datetime.min.replace(tzinfo=UTC)


class Look:
    """One look at Keystone, for one policy."""

    def __init__(
        self,
        policy: Policy,
        reader: FederationReader,
        people: PeopleReader,
        holdings: HoldingsReader,
        search: Search,
        account: str,
        clients: Mapping[str, str],
    ) -> None:
        self.policy, self._holdings, self._account, self._clients = policy, holdings, account, clients
        self.target, self.observed = reader.target(), reader.read(policy.site.domain)
        self.shadows = people.users(policy.site.domain, self._providers())
        self.cloud = Cloud(self.observed, search, self.shadows.group_ids, self.shadows.domain_id)
        self._register = Register(self.shadows)
        self._sides = Comparison(self.cloud, self.cloud, policy, self._register)
        self._memberships: dict[str, Sequence[Membership]] = {}

    def _providers(self) -> Sequence[str]:
        """Those of the policy, and those that it made and names no longer: their users are still there."""
        named = {str(provider.id) for provider in self.policy.site.identity_providers}
        held = self.observed.of(Kind.IDENTITY_PROVIDER).values()
        return sorted({*named, *(each.key[0] for each in held if each.owner == self.policy.site.id)})

    def provider(self, name: str) -> IdentityProvider | None:
        """An identity provider of the policy."""
        return next((each for each in self.policy.site.identity_providers if each.id == name), None)

    def shut(self) -> Mapping[str, datetime | None]:
        """The providers that the policy suspends or dropped, where Keystone lets nobody in through them by now."""
        suspended = {str(each.id): each.suspended for each in self.policy.site.identity_providers}
        found: dict[str, datetime | None] = {}
        for each in self.observed.of(Kind.IDENTITY_PROVIDER).values():
            name, dropped = each.key[0], each.key[0] not in suspended
            stopped = suspended.get(name)
            if (stopped or (dropped and each.owner == self.policy.site.id)) and not each.attributes.get("enabled"):
                found[name] = stopped.since if stopped else None
        return found

    def user_of(self, login: RememberedLogin) -> ShadowUser | None:
        """The user of somebody, of their own identity provider: another one's word on a like-named subject is none."""
        user = self._register.find(login)
        return user if user is not None and user.provider == login.provider else None

    def users_of(self, people: Iterable[tuple[ProviderId, str]]) -> Mapping[tuple[ProviderId, str], ShadowUser]:
        """The users of these people, of those who have one."""
        found = {}
        for provider, subject in people:
            nobody = remembered(GivenClaims(provider, "", subject, "", (), ()), _LONG_AGO)
            if (user := self.user_of(nobody)) is not None:
                found[provider, subject] = user
        return found

    def disabled(self) -> tuple[ShadowUser, ...]:
        """The users that this policy disabled and nobody enabled, the latest first."""
        marked = [(user.disabled_by, user) for user in self.shadows.users if user.disabled_by and not user.enabled]
        ours = [(mark.at, user) for mark, user in marked if mark.policy == self.policy.site.id]
        return tuple(user for _, user in sorted(ours, key=lambda each: (each[0], each[1].name), reverse=True))

    def memberships(self, user: str) -> Sequence[Membership]:
        """The groups of a user, asked for once."""
        if user not in self._memberships:
            self._memberships[user] = self._holdings.memberships(user)
        return self._memberships[user]

    def removal(
        self,
        logins: Iterable[RememberedLogin],
        now: datetime,
        pace: Pace,
        limits: Limits,
        ready: Mapping[tuple[ProviderId, str], ShadowUser],
        *,
        consented: int = 0,
        unreadable: int = 0,
        unasked: int = 0,
    ) -> Removal:
        """Judge everybody. ``logins``: the newest claims of each; ``ready``: who could be signed in."""
        terms = self._terms(now, pace, {user.id for user in ready.values()})
        newest = self._newest(logins)
        steps: list[Step] = []
        kept: list[Kept] = []
        for user in self.shadows.users:
            verdict = self._judge(user, newest.get(user.id), terms)
            steps += verdict.steps
            kept += [verdict.kept] if verdict.kept else []
        steps.sort(key=lambda step: step.order)
        policy, users = str(self.policy.site.id), self.shadows.users
        judged = sum(self._is_whole(login) for login in newest.values())
        findings = removal_findings(steps, users, judged, self._missing(), now, policy, limits)
        others = sum(not u.enabled and (u.disabled_by is None or u.disabled_by.policy != policy) for u in users)
        coverage = Coverage(len(users), len(newest), consented, others, unreadable, unasked)
        return Removal(policy, self.target, tuple(steps), findings, tuple(sorted(kept)), coverage)

    def _terms(self, now: datetime, pace: Pace, ready: Collection[str]) -> Terms:
        held = self.observed.of(Kind.IDENTITY_PROVIDER)
        ttl: dict[str, timedelta] = {}
        for provider in self.policy.site.identity_providers:
            there = held.get((str(provider.id),))
            minutes = there.attributes.get("authorization_ttl") if there else None
            ttl[provider.id] = timedelta(minutes=minutes) if isinstance(minutes, int) else provider.authorization_ttl
        return Terms(
            now=now,
            policy=str(self.policy.site.id),
            account=self._account,
            groups=self.cloud.groups,
            shut=self.shut(),
            ttl=ttl,
            renew_before={name: max(pace.kept, lasts / 2) for name, lasts in ttl.items()},
            ready=ready,
        )

    def _newest(self, logins: Iterable[RememberedLogin]) -> Mapping[str, RememberedLogin]:
        found: dict[str, RememberedLogin] = {}
        for login in logins:
            # Where environments share a database: the provider may have another issuer there, and other people.
            known = self.policy.site.provider_of(login.issuer)
            user = self.user_of(login) if known and known.id == login.provider else None
            if user is not None and (user.id not in found or found[user.id].at <= login.at):
                found[user.id] = login
        return found

    def _judge(self, user: ShadowUser, login: RememberedLogin | None, terms: Terms) -> Verdict:
        if login is None:
            return judge(Seen(user), terms)
        side = self._sides.sides(user.provider)[0]
        entered = side.enter(login)
        gives = self._gives(login, terms.now) if entered is None else True
        # A rule that asks for what p3idp does not remember may let them in all the same.
        unsure = gives is False and (side.unknown or self.cloud.broken)
        return judge(
            Seen(
                user=user,
                login=login,
                whole=self._is_whole(login),
                gives=None if unsure else gives,
                enters=entered.groups if entered else None,
                approver=_approves(self.policy.site.approvers, login),
                could=lambda: self._could(login),
                memberships=lambda: self.memberships(user.id),
            ),
            terms,
        )

    def _could(self, login: RememberedLogin) -> frozenset[Key] | None:
        """The groups that tokens of any honoured client would lead to; None where none lets them in."""
        provider, side = self.provider(login.provider), self._sides.sides(login.provider)[0]
        others = [replace(login, client=client) for client in (provider.issuing_clients if provider else ())]
        entered = [found.groups for each in others if (found := side.enter(each)) is not None]
        return frozenset[Key]().union(*entered) if entered else None

    def _is_whole(self, login: RememberedLogin) -> bool:
        return bool(login.client) and self._clients.get(login.provider) == login.client

    def _gives(self, login: RememberedLogin, now: datetime) -> bool | None:
        """Whether the policy has a rule for these claims, be its community suspended; None for unusable claims."""
        decision = decide(self.policy, login, now)
        if decision.refusal is not None:
            return None
        return bool(decision.granted) or any(each.reason is Reason.SUSPENDED for each in decision.refused)

    def _missing(self) -> Collection[str]:
        return {*self.observed.missing, *(() if self.shadows.complete else ("users",))}


def _approves(approvers: Approvers | None, login: RememberedLogin) -> bool:
    if approvers is None or login.provider != approvers.provider:
        return False
    held = [each for each in map(parse_entitlement, login.entitlements) if each]
    return login.subject in approvers.subjects or any(
        each.grants(wanted) for each in held for wanted in approvers.entitlements
    )
