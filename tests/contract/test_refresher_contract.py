"""What every provider does with refresh tokens: the twin in memory, and the lab's real stand-in for Check-in."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from exchange_world import a_provider

from p3idp import wiring
from p3idp.adapters.memory.checkin import MemoryCheckin, MemoryPerson
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.login import ConsentEnded, ProviderRefusedClient, ProviderUnreachable, TokenRefused
from p3idp.lab.handle import LabHandle
from p3idp.lab.sign_in import SCOPES
from p3idp.ports.offline import OfflineAccess, Refresher
from p3idp.settings.secret_ref import SecretRef

OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"


@dataclass
class World:
    """Alice, who is a vm_operator, and bob; each can consent, and alice's entitlement be taken away."""

    refresher: Refresher
    consent: Callable[[str], OfflineAccess]
    withdraw: Callable[[], None]
    restore: Callable[[], None]


def memory_world() -> World:
    checkin = MemoryCheckin(a_provider())
    alice = checkin.people["alice"] = MemoryPerson("alice@egi.eu", "Alice Example", (OPERATOR,))
    checkin.people["bob"] = MemoryPerson("bob@egi.eu", "Bob Nobody")

    def hold(*entitlements: str) -> None:
        alice.entitlements = entitlements

    return World(checkin, lambda login: checkin.give_consent(login, datetime.now(UTC)), hold, lambda: hold(OPERATOR))


def lab_world(lab: LabHandle) -> World:
    offline = wiring.wire_offline(lab.settings)
    assert offline is not None
    people = {person["login"]: person for person in lab.control().people()}

    def consent(login: str) -> OfflineAccess:
        tokens = lab.tokens(login, client="p3idp", scopes=f"{SCOPES} offline_access")
        now, token = datetime.now(UTC), Secret(tokens["refresh_token"])
        return OfflineAccess(ProviderId("egi"), lab.urls.issuer, people[login]["sub"], token, now, now)

    control = lab.control()
    return World(
        offline.refresher,
        consent,
        lambda: control.withdraw("alice", OPERATOR),
        lambda: control.restore("alice", OPERATOR),
    )


@pytest.fixture(params=["memory", "lab"])
def world(request: pytest.FixtureRequest) -> World:
    return memory_world() if request.param == "memory" else lab_world(request.getfixturevalue("lab"))


def ask(world: World, access: OfflineAccess) -> tuple[OfflineAccess, tuple[str, ...]]:
    traded = world.refresher.trade(access)
    claims = world.refresher.believe(access, traded, datetime.now(UTC))
    assert (claims.provider, claims.subject) == (access.provider, access.subject)
    return replace(access, refresh_token=traded.refresh_token), claims.entitlements


def test_the_word_is_fresh_and_the_token_rotates(world: World) -> None:
    first = world.consent("alice")
    second, held = ask(world, first)
    assert OPERATOR in held
    assert second.refresh_token != first.refresh_token
    world.withdraw()
    try:
        third, held = ask(world, second)
    finally:
        world.restore()
    assert OPERATOR not in held
    assert OPERATOR in ask(world, third)[1]


def test_a_used_token_ends_the_whole_consent(world: World) -> None:
    first = world.consent("alice")
    second, _ = ask(world, first)
    for access in (first, second):
        with pytest.raises(ConsentEnded):
            world.refresher.trade(access)


def test_what_is_revoked_is_not_honoured_any_more(world: World) -> None:
    access, _ = ask(world, world.consent("alice"))
    assert world.refresher.revoke(access)
    with pytest.raises(ConsentEnded):
        world.refresher.trade(access)
    assert world.refresher.revoke(access), "twice is fine (RFC 7009 section 2.2)"


def test_a_made_up_token_is_no_consent(world: World) -> None:
    with pytest.raises(ConsentEnded):
        world.refresher.trade(replace(world.consent("alice"), refresh_token=Secret("made-up")))


def test_the_word_on_somebody_else_is_refused(world: World) -> None:
    alices = world.consent("alice")
    crossed = replace(alices, refresh_token=world.consent("bob").refresh_token)
    traded = world.refresher.trade(crossed)
    with pytest.raises(TokenRefused) as refused:
        world.refresher.believe(crossed, traded, datetime.now(UTC))
    assert refused.value.reason == "sub-differs"


def test_a_provider_that_is_down_says_nothing_about_the_person() -> None:
    world = memory_world()
    access = world.consent("alice")
    assert isinstance(world.refresher, MemoryCheckin)
    world.refresher.down = True
    for call in (world.refresher.trade, world.refresher.revoke):
        with pytest.raises(ProviderUnreachable):
            call(access)


def test_an_issuer_that_the_policy_does_not_name_is_never_asked(lab: LabHandle) -> None:
    world = lab_world(lab)
    access = world.consent("alice")
    for strange in (
        replace(access, issuer=lab.urls.hub_issuer),
        replace(access, issuer="https://evil.example"),
        replace(access, provider=ProviderId("hub")),
    ):
        for call in (world.refresher.trade, world.refresher.revoke):
            with pytest.raises(TokenRefused) as refused:
                call(strange)
            assert refused.value.reason == "issuer"
    ask(world, access)


def test_a_wrong_secret_of_ours_is_no_word_on_the_person(lab: LabHandle, monkeypatch: pytest.MonkeyPatch) -> None:
    world = lab_world(lab)
    access = world.consent("alice")
    monkeypatch.setenv("WRONG_SECRET", "wrong")
    settings = lab.settings
    wrong = settings.providers["egi"].model_copy(update={"client_secret": SecretRef(env="WRONG_SECRET")})
    offline = wiring.wire_offline(settings.model_copy(update={"providers": {**settings.providers, "egi": wrong}}))
    assert offline is not None
    with pytest.raises(ProviderRefusedClient):
        offline.refresher.trade(access)
    ask(world, access)
