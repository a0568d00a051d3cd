"""The exchange from form to answer, on a Keystone, a verifier and a ledger with a memory."""

from dataclasses import replace
from datetime import timedelta

import pytest
from exchange_world import BEGIN, ENDED, KEYSTONE, OPERATORS, P3, P4, World, a_provider

from p3idp.adapters.memory.login import MemoryKeystoneLogin
from p3idp.core.audit.event import Outcome
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.policy.model import AccessRule, ProjectRef, ProviderId, Validity
from p3idp.errors.exchange import (
    ExchangeError,
    ExchangeOff,
    ExchangeUnavailable,
    InvalidTarget,
    KeystoneDisagrees,
    LifetimeUnkept,
    NoAccess,
    ProjectNotNamed,
    SubjectTokenOver,
    SubjectTokenRefused,
)
from p3idp.errors.login import ProviderRefusedClient, ProviderUnreachable, ProviderUntrusted

P3_ID = "id-of-p3-in-egi"


@pytest.fixture
def world() -> World:
    return World()


def test_a_member_gets_a_token_for_the_project(world: World):
    token = world.ask()
    assert (token.project, token.roles, token.scope) == (P3, ("member",), "project:p3@egi")
    assert token.resource == f"{KEYSTONE}/projects/{P3_ID}"
    assert token.expires_at <= BEGIN + timedelta(minutes=30)
    assert token.expires_in == 30 * 60 - 1  # to the whole second, downwards
    assert world.tokens.asked == ["token-alice"], "the token is verified once"


@pytest.mark.parametrize(
    "changes",
    [
        {"scope": "project:p3"},
        {"scope": None, "resource": f"{KEYSTONE}/projects/{P3_ID}"},
        {"resource": f"{KEYSTONE}/projects/{P3_ID}"},
        {"resource": f"https://inside.test:5000/v3/projects/{P3_ID}"},
    ],
    ids=["site's domain", "resource", "both", "inner address"],
)
def test_the_project_may_be_named_in_several_ways(world: World, changes):
    assert world.ask(**changes).project == P3


def test_a_keystone_token_that_ends_early_enough_is_handed_out_as_it_is(world: World):
    world.keystone.token_life = timedelta(minutes=10)
    assert world.ask().expires_at == (BEGIN + timedelta(minutes=10)).replace(microsecond=0)
    assert world.keystone.made == []


def test_a_longer_one_is_replaced_by_one_that_ends_with_the_source(world: World):
    token = world.ask()
    assert token.expires_at == (BEGIN + timedelta(minutes=30)).replace(microsecond=0)
    (credential,) = world.keystone.made
    assert credential.name.startswith(CREDENTIAL_PREFIX)
    assert not credential.unrestricted
    assert credential.expires_at <= BEGIN + timedelta(minutes=30)


def test_repeated_exchanges_never_move_the_end_and_tidy_up(world: World):
    ends = set()
    for _ in range(5):
        ends.add(world.ask().expires_at)
        world.clock.forward(minutes=5)
    assert ends == {(BEGIN + timedelta(minutes=30)).replace(microsecond=0)}
    world.clock.forward(hours=1)
    world.arrive("alice", {P3: ("member",)}, life=timedelta(hours=2))
    world.ask()
    assert len(world.keystone.made) == 1, "the credentials that are over are gone"


def test_the_policys_own_end_counts_as_well():
    world = World(until=BEGIN + timedelta(minutes=7))
    assert world.ask().expires_at == (BEGIN + timedelta(minutes=7)).replace(microsecond=0)


def test_a_role_whose_rule_ended_does_not_leave_though_keystone_still_gives_it():
    world = World()
    (community,) = world.policy.communities
    over = AccessRule(OPERATORS, ((P3, ("observer",)),), Validity(until=BEGIN))
    world.policy = replace(world.policy, communities=(replace(community, rules=(*community.rules, over)),))
    world.arrive("alice", {P3: ("member", "observer")})
    assert world.ask().roles == ("member",)
    world.keystone.token_life = timedelta(minutes=10)
    assert world.ask().roles == ("member",), "not with a token that would end in time by itself either"


def test_without_a_way_to_shorten_the_exchange_is_refused():
    world = World(a_provider(authorization_ttl=timedelta(0)))
    with pytest.raises(LifetimeUnkept):
        world.ask()
    assert world.ledger.events[-1].reason == "exchange-lifetime"


def test_a_keystone_that_keeps_no_end_gives_nothing(world: World):
    world.keystone.caps_credentials = False
    with pytest.raises(LifetimeUnkept):
        world.ask()


def test_a_keystone_that_lies_about_the_end_is_caught_at_the_last_look(world: World, monkeypatch):
    monkeypatch.setattr(type(world.keystone), "scope_until", lambda self, token, project, end, name: token)
    with pytest.raises(LifetimeUnkept, match="outlive"):
        world.ask()


@pytest.mark.parametrize("left", [-1.0, 0.0, 4.0])
def test_a_source_about_to_end_is_refused(world: World, left: float):
    world.clock.forward(minutes=30, seconds=-left)
    with pytest.raises(SubjectTokenOver):
        world.ask()


def test_a_source_that_ends_in_the_middle_is_over_and_no_fault_of_the_sites(world: World, monkeypatch):
    world.clock.forward(minutes=29, seconds=50)
    login = type(world.keystone).login

    def slowly(*asked):
        answered = login(*asked)
        world.clock.forward(seconds=11)
        return answered

    monkeypatch.setattr(type(world.keystone), "login", slowly)
    with pytest.raises(SubjectTokenOver):
        world.ask()
    assert world.ledger.events[-1].reason == "exchange-subject-token-over"


def test_whoever_holds_nothing_by_the_policy_is_refused_before_keystone_is_asked(world: World):
    with pytest.raises(NoAccess, match=r"no project: no entitlements came along\. Ask c@x\.test"):
        world.ask("token-bob")
    assert world.keystone.calls == []


def test_what_the_policy_does_not_give_is_refused_although_keystone_would(world: World):
    extra = ProjectRef("egi", "extra")
    world.arrive("alice", {P3: ("member",), extra: ("admin",), ENDED: ("member",)})
    for ref in (extra, ENDED):
        with pytest.raises(InvalidTarget):
            world.ask(scope=f"project:{ref.name}@{ref.domain}")


def test_every_unreachable_project_gets_the_same_answer_after_the_same_calls(world: World):
    extra = ProjectRef("egi", "extra")
    world.arrive("alice", {P3: ("member",), P4: ("member",), extra: ("member",)})
    world.keystone.disabled.add(P4)
    asked = {
        "unknown": {"scope": "project:nowhere@egi"},
        "other domain": {"scope": "project:p3@other"},
        "disabled": {"scope": "project:p4@egi"},
        "given by Keystone alone": {"scope": "project:extra@egi"},
        "unknown id": {"scope": None, "resource": f"{KEYSTONE}/projects/0123"},
        "id of a disabled one": {"scope": None, "resource": f"{KEYSTONE}/projects/id-of-p4-in-egi"},
    }
    seen = set()
    for changes in asked.values():
        world.keystone.calls.clear()
        with pytest.raises(InvalidTarget) as caught:
            world.ask(**changes)
        seen.add((caught.value.detail, caught.value.hint, caught.value.code, tuple(world.keystone.calls)))
    assert len(seen) == 1
    assert seen.pop()[3] == ("login", "projects")


def test_resource_and_scope_must_mean_the_same_project(world: World):
    world.arrive("alice", {P3: ("member",), P4: ("member",)})
    with pytest.raises(ExchangeError, match="two different projects"):
        world.ask(scope="project:p4@egi", resource=f"{KEYSTONE}/projects/{P3_ID}")


def test_without_a_project_the_answer_names_the_persons_own(world: World):
    world.arrive("alice", {P3: ("member",), P4: ("member",), ProjectRef("egi", "extra"): ("member",)})
    with pytest.raises(ProjectNotNamed, match=r"project:p3@egi, project:p4@egi\.$"):
        world.ask(scope=None)


def test_a_person_keystone_does_not_let_in_is_told_whose_fault_it_is(world: World):
    del world.keystone.people["token-alice"]
    with pytest.raises(KeystoneDisagrees):
        world.ask()


def test_a_person_whose_user_is_disabled_is_told_that_it_may_come_back(world: World):
    world.keystone.people["token-alice"].enabled = False
    with pytest.raises(KeystoneDisagrees, match="your user at Keystone is disabled") as caught:
        world.ask()
    assert "enabled within minutes" in caught.value.hint


def test_a_silent_keystone_is_unavailable(world: World):
    world.keystone.down = True
    with pytest.raises(ExchangeUnavailable):
        world.ask()


@pytest.mark.parametrize("problem", [ProviderUnreachable, ProviderUntrusted, ProviderRefusedClient])
def test_a_provider_that_cannot_be_asked_is_unavailable(world: World, problem):
    world.tokens.problem = problem("secret-host.inside does not answer")
    with pytest.raises(ExchangeUnavailable) as caught:
        world.ask()
    assert "secret-host" not in caught.value.detail


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("expired", SubjectTokenOver),
        ("inactive", SubjectTokenOver),
        ("client", SubjectTokenRefused),
        ("signature", SubjectTokenRefused),
        ("no-clients", ExchangeOff),
    ],
)
def test_what_the_verifier_refuses_is_named_and_asks_nobody_else(world: World, reason, error):
    world.tokens.reasons["bad"] = reason
    with pytest.raises(error):
        world.ask("bad")
    assert world.keystone.calls == []


def test_the_endpoint_is_off_until_the_policy_names_clients():
    world = World(a_provider(issuing_clients=(), audiences=()))
    with pytest.raises(ExchangeOff):
        world.ask()
    assert world.tokens.asked == []
    assert World(a_provider(issuing_clients=(), audiences=("p3idp",))).ask().project == P3


def test_a_provider_without_named_clients_stays_off_beside_one_with_them(world: World):
    hub = a_provider(id=ProviderId("hub"), issuers=("https://hub.test",), issuing_clients=())
    site = world.policy.site
    world.policy = replace(world.policy, site=replace(site, identity_providers=(*site.identity_providers, hub)))
    world.arrive("alice", {P3: ("member",)}, provider=ProviderId("hub"), issuer="https://hub.test")
    with pytest.raises(ExchangeOff):
        world.ask()
    assert world.keystone.calls == []


def test_an_issuer_speaks_for_its_own_provider_only(world: World):
    hub = a_provider(id=ProviderId("hub"), issuers=("https://hub.test",))
    site = world.policy.site
    world.policy = replace(world.policy, site=replace(site, identity_providers=(*site.identity_providers, hub)))
    world.arrive("alice", {P3: ("member",)}, issuer="https://hub.test")
    with pytest.raises(SubjectTokenRefused):
        world.ask()


def test_a_token_for_another_project_is_not_handed_out(world: World, monkeypatch: pytest.MonkeyPatch):
    scope_until = MemoryKeystoneLogin.scope_until
    monkeypatch.setattr(
        MemoryKeystoneLogin, "scope_until", lambda *asked: replace(scope_until(*asked), project_id="another")
    )
    with pytest.raises(LifetimeUnkept, match="another project"):
        world.ask()


def test_every_end_of_somebody_known_is_in_the_ledger_and_no_token_is(world: World):
    token = world.ask()
    for changes in ({"scope": "project:nowhere@egi"}, {"token": "token-bob"}):
        with pytest.raises(ExchangeError):
            world.ask(**changes)
    outcomes = [(event.outcome, event.reason, event.actor.id) for event in world.ledger.events]
    alice, bob = "alice@egi.eu@https://idp.test/auth/realms/egi", "bob@egi.eu@https://idp.test/auth/realms/egi"
    assert outcomes == [
        (Outcome.SUCCESS, "", alice),
        (Outcome.FAILURE, "exchange-invalid-target", alice),
        (Outcome.FAILURE, "exchange-no-access", bob),
    ]
    assert world.ledger.events[0].details["expires_at"] == token.expires_at.isoformat()
    written = repr(world.ledger.events)
    assert not [secret for secret in (token.value.reveal(), "token-alice", "token-bob") if secret in written]


def test_what_cannot_be_written_down_is_not_handed_out(world: World):
    world.ledger.full = True
    with pytest.raises(ExchangeUnavailable, match="written down"):
        world.ask()


def test_a_malformed_form_asks_nobody_and_fills_no_ledger(world: World):
    with pytest.raises(ExchangeError):
        world.ask(grant_type="password")
    assert (world.tokens.asked, world.keystone.calls, world.ledger.events) == ([], [], [])


def test_tokens_that_are_not_believed_fill_no_ledger(world: World):
    for number in range(3):
        with pytest.raises(ExchangeError):
            world.ask(token=f"forged-{number}")
    assert world.ledger.events == []
