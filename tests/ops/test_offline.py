"""Asking about somebody who is away: which token is used, when the next is kept, and what ends a consent."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from exchange_world import a_provider
from stand_ins import ListedEvents, MovableClock

from p3idp.adapters.memory.checkin import MemoryCheckin, MemoryPerson
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.core.audit.event import Outcome, person
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.login import ConsentEnded, ProviderRefusedClient, ProviderUnreachable, TokenRefused
from p3idp.errors.offline import ConsentBusy
from p3idp.ops.offline import Offline, Stopped
from p3idp.ports.offline import OfflineAccess, Traded

MEMBER = "urn:mace:egi.eu:group:vo.access.egi.eu:role=member#aai.egi.eu"
LATER = timedelta(minutes=10)


@dataclass
class Checkin(MemoryCheckin):
    """The provider in memory; ``during`` happens while it is being asked, ``failing`` is what it says of the answer."""

    during: Callable[[], object] = lambda: None
    failing: Exception | None = None
    lost: bool = False

    def trade(self, access: OfflineAccess) -> Traded:
        traded = super().trade(access)
        self.during()
        if self.lost:
            raise KeyboardInterrupt  # the process ends here, whatever anybody wanted to do next
        return traded

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        if self.failing:
            raise self.failing
        return super().believe(access, traded, now)


@dataclass
class World:
    """Alice has consented, and it is ten minutes later."""

    clock: MovableClock = field(default_factory=MovableClock)
    ledger: ListedEvents = field(default_factory=ListedEvents)
    store: MemoryOffline = field(default_factory=MemoryOffline)
    seen: list[VerifiedClaims] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.checkin = Checkin(a_provider())
        self.checkin.people["alice"] = MemoryPerson("alice@egi.eu", "Alice", (MEMBER,))
        self.checkin.people["bob"] = MemoryPerson("bob@egi.eu", "Bob")
        self.offline = Offline(
            self.store, self.checkin, lambda: self.ledger, lambda claims, now: self.seen.append(claims)
        )
        self.alice = self.checkin.give_consent("alice", self.clock())
        self.store.keep(self.alice)
        self.clock.forward(minutes=10)

    def ask(self) -> VerifiedClaims:
        return self.offline.ask(self.alice, self.clock()).claims

    def kept(self) -> OfflineAccess | None:
        return self.store.newest(self.alice.provider, self.alice.subject, self.clock())

    def written(self) -> list[tuple[str, str, str]]:
        return [(event.action, event.actor.id, event.reason) for event in self.ledger.events]


@pytest.fixture
def world() -> World:
    return World()


def test_the_answer_is_fresh_and_the_rest_of_p3idp_sees_it(world: World) -> None:
    assert world.ask().entitlements == (MEMBER,)
    world.checkin.people["alice"].entitlements = ()
    assert world.ask().entitlements == ()
    assert [claims.entitlements for claims in world.seen] == [(MEMBER,), ()]
    kept = world.kept()
    assert kept
    assert (kept.consented_at, kept.asked_at) == (world.alice.consented_at, world.clock())


def test_whichever_consent_is_handed_in_the_newest_token_is_used(world: World) -> None:
    for _ in range(3):
        world.ask()  # with what was kept at the beginning, as a run does that listed everybody first


def test_the_next_token_is_kept_before_what_came_with_it_is_looked_at(world: World) -> None:
    world.checkin.failing = ProviderUnreachable("Introspection does not answer.")
    with pytest.raises(ProviderUnreachable):
        world.ask()
    kept = world.kept()
    assert kept
    assert kept.refresh_token != world.alice.refresh_token
    assert kept.asked_at == world.alice.asked_at, "nobody was heard of"
    assert not world.seen
    world.checkin.failing = None
    assert world.ask().entitlements == (MEMBER,)


def test_a_process_that_dies_with_the_next_token_in_hand_costs_the_consent_and_gives_nobody_access(
    world: World,
) -> None:
    world.checkin.lost = True
    with pytest.raises(KeyboardInterrupt):
        world.ask()
    world.checkin.lost = False
    with pytest.raises(ConsentEnded):
        world.ask()
    assert (world.kept(), world.seen) == (None, [])
    assert world.written() == [("revoke/consent", "egi", "consent-ended")]


def test_without_a_place_for_the_next_token_nothing_is_believed(world: World) -> None:
    world.store.full = True
    with pytest.raises(LedgerUnavailable):
        world.ask()
    assert not world.seen


def test_what_the_provider_ends_is_forgotten_and_written_down(world: World) -> None:
    world.checkin.withdraw_consent("alice")
    with pytest.raises(ConsentEnded):
        world.ask()
    assert world.kept() is None
    [event] = world.ledger.events
    assert (event.action, event.outcome, event.actor.id) == ("revoke/consent", Outcome.SUCCESS, "egi")
    assert event.target[1] == "alice@egi.eu@" + world.alice.issuer
    with pytest.raises(ConsentEnded):
        world.ask()
    assert len(world.ledger.events) == 1


@pytest.mark.parametrize(
    "error",
    [
        ProviderUnreachable("Silence."),
        ProviderRefusedClient("Our secret is wrong."),
        Refusal(Reason.IAT_FUTURE, "A clock is wrong.").as_error(),
    ],
    ids=lambda error: error.code,
)
def test_what_says_nothing_about_the_person_ends_nothing(world: World, error: Exception) -> None:
    world.checkin.failing = error
    with pytest.raises(type(error)):
        world.ask()
    assert world.kept()
    assert not world.ledger.events
    assert not world.seen


def test_a_provider_that_does_not_answer_at_all_leaves_the_token_as_it_was(world: World) -> None:
    world.checkin.down = True
    with pytest.raises(ProviderUnreachable):
        world.ask()
    assert world.kept() == world.alice


def test_a_token_of_somebody_else_is_not_believed_and_nobodys_consent(world: World) -> None:
    """The provider confuses people, or somebody put another's token into the database and its seal."""
    bobs = world.checkin.give_consent("bob", world.clock())
    world.store.keep(replace(bobs, subject="alice@egi.eu"))
    with pytest.raises(TokenRefused) as refused:
        world.ask()
    assert refused.value.reason == "sub-differs"
    assert (world.kept(), world.seen) == (None, [])
    assert world.written() == [("revoke/consent", "egi", "sub-differs")]
    assert not any(grant.current for grant in world.checkin._grants.values() if grant.login == "bob"), "given back"


@pytest.mark.parametrize("hears", [True, False], ids=["told by both", "told by the one who asked"])
def test_who_stops_while_being_asked_has_stopped(world: World, hears: bool) -> None:
    def stop() -> None:
        by = person("alice@egi.eu", world.alice.issuer)
        world.checkin.down = not hears
        world.offline.stop(ProviderId("egi"), "alice@egi.eu", world.clock(), by)
        world.checkin.down = False

    world.checkin.during = stop
    with pytest.raises(ConsentEnded):
        world.ask()
    assert (world.kept(), world.seen) == (None, [])
    assert not any(grant.current for grant in world.checkin._grants.values()), "the provider honours nothing any more"


def test_who_consents_anew_while_being_asked_keeps_the_new_consent(world: World) -> None:
    anew = world.checkin.give_consent("alice", world.clock())
    world.checkin.during = lambda: world.store.keep(anew)
    assert world.ask().subject == "alice@egi.eu"
    world.checkin.during = lambda: None
    kept = world.kept()
    assert kept
    assert kept.refresh_token == anew.refresh_token
    world.ask()


def test_who_consents_anew_while_the_old_one_is_being_refused_keeps_the_new_consent(world: World) -> None:
    anew = world.checkin.give_consent("alice", world.clock())
    world.checkin.withdraw_consent("alice")
    anew = replace(anew, refresh_token=world.checkin.give_consent("alice", world.clock()).refresh_token)
    before = world.store.newest
    handed = iter([world.alice])

    def newest(provider: ProviderId, subject: str, now: datetime) -> OfflineAccess | None:
        found = next(handed, None) or before(provider, subject, now)
        world.store.keep(anew)
        return found

    offline = replace(world.offline, store=_Reading(world.store, newest))
    with pytest.raises(ConsentEnded):
        offline.ask(world.alice, world.clock())
    assert world.kept() == anew
    assert not world.ledger.events, "what was refused was not kept any more"


class _Reading:
    def __init__(self, store: MemoryOffline, newest: Callable[..., OfflineAccess | None]) -> None:
        self.newest, self.alone, self.replace = newest, store.alone, store.replace


def test_one_process_at_a_time_asks_about_a_person(world: World) -> None:
    busy = []

    def meanwhile() -> None:
        with pytest.raises(ConsentBusy) as refused:
            world.offline.ask(world.alice, world.clock())
        busy.append(refused.value.temporary)

    world.checkin.during = meanwhile
    assert world.ask().subject == "alice@egi.eu"
    assert busy == [True]


def test_a_consent_that_has_run_out_asks_nobody(world: World) -> None:
    world.clock.forward(days=365)
    with pytest.raises(ConsentEnded):
        world.ask()
    assert any(grant.current for grant in world.checkin._grants.values()), "its token was not used"


def test_forgetting_ends_a_subjects_consents_everywhere_and_nobody_elses(world: World) -> None:
    bobs = world.checkin.give_consent("bob", world.clock())
    for access in (replace(world.alice, provider=ProviderId("hub")), bobs):
        world.store.keep(access)
    by = person("root", "here")
    forgotten = world.offline.forget("alice@egi.eu", world.clock(), by)
    assert [access.provider for access in forgotten] == ["egi", "hub"]
    assert world.offline.forget("alice@egi.eu", world.clock(), by) == ()
    assert world.store.consents(world.clock()).kept == (bobs,)
    assert world.written() == [("revoke/consent", by.id, "stopped")] * 2


def test_stopping_ends_it_here_also_where_the_provider_cannot_be_told(world: World) -> None:
    world.checkin.down = True
    by = person("alice@egi.eu", world.alice.issuer)
    assert world.offline.stop(ProviderId("egi"), "alice@egi.eu", world.clock(), by) is Stopped.HERE
    assert world.kept() is None
    assert world.ledger.events[0].details["ended"] == "here"
    assert world.offline.stop(ProviderId("egi"), "alice@egi.eu", world.clock(), by) is Stopped.NOTHING


def test_stopping_ends_it_here_also_where_the_ledger_is_full(world: World) -> None:
    world.ledger.full = True
    with pytest.raises(LedgerUnavailable):
        world.offline.stop(ProviderId("egi"), "alice@egi.eu", world.clock(), person("a", "b"))
    assert world.kept() is None


def test_no_record_and_no_text_holds_a_token(world: World, caplog: pytest.LogCaptureFixture) -> None:
    first = world.offline.ask(world.alice, world.clock())
    world.checkin.down = True
    world.offline.stop(ProviderId("egi"), "alice@egi.eu", world.clock(), person("a", "b"))
    said = repr((first, world.ledger.events, world.offline, world.alice, caplog.messages))
    tokens = [*world.checkin._grants, first.access_token.reveal()]
    assert len(tokens) == 3
    hidden = repr(world.checkin)  # the twin itself remembers them
    assert [token for token in tokens if token in said.replace(hidden, "")] == []
    assert "refresh_token=***" in said
