"""Who is asked about, what is known of them, and who is told: the survey and its notices, on memory adapters."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from threading import Lock
from time import sleep

import pytest
from policies import ISSUER, NOW, OPERATOR, PolicyFiles, person

from p3idp.adapters.memory.holdings import MemoryHoldings
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.core.access.people.known import ShadowUser, ShadowUsers, user_id
from p3idp.core.credentials.held import ApplicationCredential, Holdings, Membership
from p3idp.core.credentials.outlook import Keeper, State
from p3idp.core.exchange.naming import credential_name
from p3idp.core.login.remembered import remembered
from p3idp.core.policy.model import ProjectRef, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.credentials import OwnerUnknown
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ops.credential_notices import CredentialNotices
from p3idp.ops.credentials import AT_ONCE, Coverage, CredentialWatch, Survey
from p3idp.ports.offline import OfflineAccess

GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
P3 = ProjectRef("egi", "p3")
DOMAIN = "domain-egi"
IN_6H, WEEK, FORTNIGHT = NOW + timedelta(hours=6), timedelta(days=7), timedelta(days=14)


@dataclass
class Town:
    """People of a site: users of Keystone with what they hold, their remembered logins and their consents."""

    files: PolicyFiles
    users: list[ShadowUser] = field(default_factory=list)
    keystone: MemoryHoldings = field(default_factory=MemoryHoldings)
    logins: MemoryLogins = field(default_factory=MemoryLogins)
    consents: MemoryOffline = field(default_factory=MemoryOffline)
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    complete: bool = True

    def __post_init__(self) -> None:
        self.keystone.grants[GROUP] = [("p", "member"), ("p", "reader")]

    def add(self, subject: str, *names: str, until: datetime | None = IN_6H, **more: object) -> str:
        """Somebody in the group with credentials of these names on p3."""
        identity = user_id(DOMAIN, subject)
        self.users.append(replace(ShadowUser(identity, subject, "egi"), **more))  # type: ignore[arg-type]  # as told
        self.keystone.in_groups[identity] = [Membership(GROUP, until)]
        self.keystone.held[identity] = Holdings(
            tuple(ApplicationCredential(f"id-{name}", name, P3, "p", ("member",)) for name in names)
        )
        return identity

    def saw(self, subject: str, *entitlements: str) -> None:
        self.logins.remember(remembered(person(*entitlements, subject=subject), NOW - timedelta(hours=1)))

    def agreed(self, subject: str) -> None:
        self.consents.keep(OfflineAccess(ProviderId("egi"), ISSUER, subject, Secret("r"), NOW, NOW))

    @property
    def watch(self) -> CredentialWatch:
        return CredentialWatch(
            policy=self.files.load,
            users=lambda domain, providers: ShadowUsers(tuple(self.users), DOMAIN, {}, self.complete),
            reader=self.keystone,
            logins=lambda: self.logins,
            consents=lambda: self.consents,
        )

    def survey(self, owner: str | None = None, now: datetime = NOW) -> Survey:
        return self.watch.survey(now, owner)

    def states(self) -> dict[str, tuple[State, Keeper]]:
        return {each.credential.name: (each.state, each.keeper) for each in self.survey().outlooks}

    def warn(self, now: datetime = NOW) -> dict[str, list[str]]:
        """One run of `warn`: by owner, the credentials that are told of."""
        desk = CredentialNotices(lambda: self.ledger, "memory://keystone")
        due = desk.due(self.survey(now=now), self.files.load().site, FORTNIGHT, WEEK)
        desk.record(due, now)
        return {each.owner.name: [about.credential.name for about in each.about] for each in due}


@pytest.fixture
def town(tmp_path) -> Town:
    return Town(PolicyFiles(tmp_path))


def test_what_is_known_of_the_owner_decides_what_keeps_a_credential(town):
    town.add("ann", "anns")
    town.add("ben", "bens")
    town.agreed("ben")
    town.add("cyd", "cyds", until=NOW)
    town.saw("cyd", OPERATOR)
    town.add("dan", "dans", until=NOW)
    town.saw("dan")
    town.add("eve", "eves", enabled=False)
    assert town.states() == {
        "anns": (State.LAPSES, Keeper.SIGN_IN),
        "bens": (State.LAPSES, Keeper.CONSENT),
        "cyds": (State.LAPSED, Keeper.SIGN_IN),
        "dans": (State.OWNER_NOT_A_MEMBER, Keeper.MEMBERSHIP),
        "eves": (State.OWNER_DISABLED, Keeper.MEMBERSHIP),
    }


def test_the_worst_comes_first(town):
    for subject, left in (("late", 9), ("soon", 1)):
        town.add(subject, subject, until=NOW + timedelta(hours=left))
    town.add("gone", "gone", until=NOW)
    town.add("off", "off", enabled=False)
    assert list(town.states()) == ["gone", "soon", "late", "off"]


def test_everybody_is_asked_about_once_and_holders_only_for_more(town):
    for number in range(40):
        town.add(f"nobody-{number}")
    holder = town.add("ann", "one", "two", "three")
    disabled = town.add("eve", "eves", enabled=False)
    told: list[tuple[int, int]] = []
    survey = town.watch.survey(NOW, progress=lambda done, every: told.append((done, every)))
    assert survey.coverage == Coverage(asked=42, holders=2)
    assert sorted(town.keystone.asked) == sorted(
        [("given_roles", holder), *(("credentials", user.id) for user in town.users)]
    )
    assert ("given_roles", disabled) not in town.keystone.asked
    assert told[-1] == (42, 42)


def test_no_more_calls_than_a_few_are_under_way_at_once(town, monkeypatch):
    under_way, most, lock = 0, 0, Lock()

    def slowly(keystone, user):
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        sleep(0.005)
        with lock:
            under_way -= 1
        return ()

    for number in range(12):
        town.add(f"nobody-{number}")
    monkeypatch.setattr(MemoryHoldings, "credentials", slowly)
    town.survey()
    assert most == AT_ONCE


def test_a_keystone_that_fails_ends_the_survey_and_is_not_asked_on(town):
    for number in range(500):
        town.add(f"nobody-{number}")
    town.keystone.problem = KeystoneUnreachable("Keystone does not answer.")
    with pytest.raises(KeystoneUnreachable):
        town.survey()
    assert len(town.keystone.asked) <= AT_ONCE + 1


@pytest.mark.parametrize("called", ["ann", user_id(DOMAIN, "ann")])
def test_one_owner_costs_one_look(town, called):
    town.add("ann", "anns")
    town.add("ben", "bens")
    survey = town.survey(called)
    assert [each.owner.name for each in survey.outlooks] == ["ann"]
    assert survey.coverage.asked == 1


def test_an_owner_nobody_knows_is_an_error_and_not_an_empty_list(town):
    town.add("ann", "anns")
    with pytest.raises(OwnerUnknown):
        town.survey("anne")


def test_somebody_of_two_providers_is_one_owner(town):
    identity = town.add("ann", "anns")
    town.users.append(ShadowUser(identity, "ann", "hub"))
    assert len(town.survey().outlooks) == 1


def test_what_p3idp_makes_for_exchanges_is_neither_listed_nor_counted(town):
    identity = town.add("ann")
    made = ApplicationCredential("x", credential_name("y"), P3, "p", ("member",), NOW + timedelta(minutes=5))
    town.keystone.held[identity] = Holdings((made,))
    survey = town.survey()
    assert (survey.outlooks, survey.coverage.holders) == ((), 0)


def test_lists_that_are_cut_and_rows_that_nobody_can_read_are_said(town):
    town.add("ann", "anns")
    town.saw("ann", OPERATOR)
    town.logins.unreadable, town.consents.unreadable, town.complete = 2, 3, False
    assert town.survey().coverage == Coverage(asked=1, holders=1, with_claims=1, complete=False, unreadable=5)


def test_an_owner_is_told_in_one_message_of_all_that_stops_soon(town):
    town.add("ann", "one", "two")
    town.add("far", "far", until=NOW + timedelta(days=15))
    town.add("ben", "bens")
    assert town.warn() == {"ann": ["one", "two"], "ben": ["bens"]}


def test_the_same_is_not_told_again_until_its_time_and_a_new_moment_is(town):
    identity = town.add("ann", "anns", until=NOW + timedelta(days=13))
    assert town.warn() == {"ann": ["anns"]}
    assert town.warn(NOW + timedelta(days=6, hours=23)) == {}
    assert town.warn(NOW + WEEK) == {"ann": ["anns"]}
    town.keystone.in_groups[identity] = [Membership(GROUP, NOW + timedelta(days=14))]
    assert town.warn(NOW + timedelta(days=8)) == {"ann": ["anns"]}, "renewed, and near its end once more"


def test_what_has_stopped_is_told_once_and_again_after_it_lived(town):
    identity = town.add("ann", "anns", until=NOW + timedelta(days=1))
    assert town.warn() == {"ann": ["anns"]}
    stopped, later = NOW + timedelta(days=2), NOW + timedelta(days=100)
    assert town.warn(stopped) == {"ann": ["anns"]}
    assert town.warn(later) == {}
    town.keystone.in_groups[identity] = [Membership(GROUP, later + timedelta(days=1))]
    assert town.warn(later) == {"ann": ["anns"]}
    assert town.warn(later + timedelta(days=2)) == {"ann": ["anns"]}


def test_nobody_is_told_of_what_is_renewed_but_of_what_should_have_been(town):
    town.add("ann", "anns", until=NOW + timedelta(hours=2))
    town.agreed("ann")
    assert town.warn() == {}
    assert town.warn(NOW + timedelta(minutes=1)) == {"ann": ["anns"]}, "a quarter of eight hours is left"


def test_the_ledger_holds_what_was_told_and_no_name_of_anybody(town):
    town.add("ann@secret.example", "anns")
    town.warn()
    (record,) = town.ledger.kept
    assert record.body["action"] == "notify/credentials"
    assert "id-anns" in record.event
    assert "ann@secret" not in record.event
    town.warn(NOW + timedelta(hours=1))
    assert len(town.ledger.kept) == 1, "nothing told, nothing kept"


def test_moments_in_other_zones_are_the_same_moments(town):
    identity = town.add("ann", "anns")
    assert town.warn() == {"ann": ["anns"]}
    town.keystone.in_groups[identity] = [Membership(GROUP, IN_6H.astimezone(UTC) + timedelta(seconds=20))]
    assert town.warn() == {}
