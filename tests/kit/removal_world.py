"""A site in memory whose people join and leave: provider, Keystone with memberships that lapse, consents, rechecks.

Its Keystone decides about a login by the policy that was applied, and not by the engine that p3idp imitates Keystone
with: where the two disagreed, a test would show it.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from access_world import AccessWorld
from policies import NOW

from p3idp.adapters.memory.checkin import MemoryCheckin, MemoryPerson
from p3idp.adapters.memory.holdings import MemoryHoldings
from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.memory.removal import MemoryRechecks, MemoryUsers
from p3idp.adapters.regex_worker import RegexWorker
from p3idp.core.access.people.known import ShadowUser, user_id
from p3idp.core.access.resources import Key, Kind
from p3idp.core.credentials.held import Membership
from p3idp.core.login.remembered import remembered
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Reason
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.removal.bounds import Pace
from p3idp.core.removal.findings import Limits
from p3idp.core.removal.steps import Removal
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.ops.logins import Remembering
from p3idp.ops.offline import Offline
from p3idp.ops.recheck import Recheck, Rechecked
from p3idp.ops.removal import RemovalOps, Revoked
from p3idp.ports.keystone import KeystoneToken

TTL = timedelta(hours=8)


@dataclass
class RemovalWorld:
    """One site. ``now`` moves by hand; ``keystone_down`` makes every part of Keystone silent."""

    access: AccessWorld
    checkin: MemoryCheckin = field(init=False)
    people: MemoryPeople = field(default_factory=MemoryPeople)
    holdings: MemoryHoldings = field(default_factory=MemoryHoldings)
    logins: MemoryLogins = field(default_factory=MemoryLogins)
    offline: MemoryOffline = field(default_factory=MemoryOffline)
    rechecks: MemoryRechecks = field(default_factory=MemoryRechecks)
    users: MemoryUsers = field(init=False)
    limits: Limits = field(default_factory=lambda: Limits(max_leavers=10, max_percent=100))
    pace: Pace = field(default_factory=Pace)
    now: datetime = NOW
    keystone_down: bool = False
    tokens_ended: list[str] = field(default_factory=list)
    logged_in: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.access.apply()
        self.checkin = MemoryCheckin(self.access.files.load().site.identity_providers[0])
        self.users = MemoryUsers(self.people)

    # People

    def joins(self, login: str, *entitlements: str) -> None:
        """Somebody whom the provider knows with these entitlements, from now on."""
        self.checkin.people[login] = MemoryPerson(f"{login}@egi.eu", login.title(), entitlements)

    def signs_in(self, login: str) -> None:
        """At the broker: p3idp sees the claims, and Keystone a login with the same token."""
        token = self.checkin.give_token(login, self.now)
        claims = self.checkin.verify_access_token(token, self.now)
        self.remember(claims, self.now)
        try:
            self.login(self.provider, token)
        except FederatedLoginRefused:
            return

    def enters_by_apache(self, login: str) -> None:
        """Past p3idp, so that nothing is remembered."""
        self.login(self.provider, self.checkin.give_token(login, self.now, "keystone"))

    def consents(self, *logins: str) -> None:
        """Somebody signs in and agrees to be asked about."""
        for login in logins:
            self.signs_in(login)
            self.offline.keep(self.checkin.give_consent(login, self.now))

    def leaves(self, login: str, *entitlements: str) -> None:
        """The provider says less of somebody from now on: all of it, or these."""
        person = self.checkin.people[login]
        person.entitlements = tuple(e for e in person.entitlements if entitlements and e not in entitlements)

    def user(self, login: str) -> ShadowUser:
        return next(user for user in self.people.shadows if user.name == f"{login}@egi.eu")

    def change(self, login: str, **more: object) -> None:
        """Somebody else changes a user of Keystone."""
        self.people.shadows = [
            replace(user, **more) if user.name == f"{login}@egi.eu" else user  # type: ignore[arg-type]  # as a test says
            for user in self.people.shadows
        ]

    def groups(self, login: str) -> list[str]:
        held = self.holdings.in_groups.get(self.user(login).id, [])
        return sorted(m.group[1].partition(":")[0] for m in held if m.until is None or m.until > self.now)

    def disabled(self) -> list[str]:
        return sorted(user.name.partition("@")[0] for user in self.people.shadows if not user.enabled)

    # Keystone's door

    @property
    def provider(self) -> IdentityProvider:
        return self.access.files.load().site.identity_providers[0]

    def login(self, provider: IdentityProvider, token: RawToken) -> KeystoneToken:
        """See ports.keystone.FederatedLogin."""
        self._answer()
        held = self.access.keystone.held[Kind.IDENTITY_PROVIDER, (str(provider.id),)]
        claims = self.checkin.verify_access_token(token, self.now)
        groups = self._groups(claims)
        if not groups or not held.attributes["enabled"]:
            raise FederatedLoginRefused("Keystone did not accept this token.")
        identity = user_id("domain", claims.subject)
        if all(user.id != identity for user in self.people.shadows):
            self.people.shadows.append(ShadowUser(identity, claims.subject, str(provider.id)))
        before = self.holdings.in_groups.get(identity, [])
        alive = {each.group for each in before if each.until and each.until > self.now}
        if alive and alive != groups:
            self.tokens_ended.append(claims.subject)
        by_hand = [each for each in before if each.until is None]
        self.holdings.in_groups[identity] = [*by_hand, *(Membership(group, self.now + TTL) for group in groups)]
        self.logged_in.append(claims.subject)
        return KeystoneToken(Secret("token"), identity, claims.subject, self.now + TTL, self.now)

    def _groups(self, claims: VerifiedClaims) -> frozenset[Key]:
        policy = self.access.files.load()
        decision = decide(policy, claims, self.now)
        rules = [each.rule for each in decision.trace if getattr(each, "reason", Reason.SUSPENDED) is Reason.SUSPENDED]
        named = {(policy.site.domain, rule.group) for rule in rules}
        return frozenset(key for key in named if (Kind.GROUP, key) in self.access.keystone.held)

    def _answer(self) -> None:
        if self.keystone_down:
            raise KeystoneUnreachable("Keystone does not answer.")

    # p3idp

    def remember(self, claims: VerifiedClaims, now: datetime) -> None:
        Remembering(self.logins, lambda outcome: None)(claims, now)

    def narrow(self, login: str) -> None:
        """Somebody's claims as a token of another client shows them: without entitlements."""
        token = self.checkin.give_token(login, self.now)
        claims = self.checkin.verify_access_token(token, self.now)
        self.logins.remember(remembered(replace(claims, client="keystone", entitlements=()), self.now))

    @property
    def ops(self) -> RemovalOps:
        return RemovalOps(
            policy=self.access.files.load,
            reader=self,
            people=self.people,
            holdings=self.holdings,
            switch=self.users,
            keystone=self,
            account=self.access.keystone.account,
            logins=lambda: self.logins,
            consents=lambda: self.offline,
            ledger=lambda: self.access.ledger,
            lock=lambda: self.access.lock,
            search=RegexWorker(),
            clock=lambda: self.now,
            clients={"egi": "p3idp"},
            pace=self.pace,
            limits=self.limits,
        )

    def read(self, *args: object):  # type: ignore[no-untyped-def]  # as the port says
        """See ports.keystone.FederationReader."""
        self._answer()
        return self.access.keystone.read(*args)  # type: ignore[arg-type]

    def target(self) -> str:
        return self.access.keystone.target()

    def review(self) -> Removal:
        return self.ops.review(self.now).removal

    def steps(self) -> list[str]:
        return [f"{s.action} {s.subject.partition('@')[0]} {s.why}" for s in self.review().steps]

    def kept(self) -> list[str]:
        return [f"{each.subject.partition('@')[0]} {each.why}" for each in self.review().kept]

    def revoke(self, *accepted: str) -> Revoked:
        return self.ops.revoke(self.now, self.review().digest, accepted)

    @property
    def rechecker(self) -> Recheck:
        offline = Offline(self.offline, self.checkin, lambda: self.access.ledger, self.remember)
        return Recheck(self.ops, lambda: offline, lambda: self.rechecks)

    def recheck(self, *accepted: str, everyone: bool = True) -> Rechecked:
        return self.rechecker.run(self.now, everyone=everyone, accepted=accepted)

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)
