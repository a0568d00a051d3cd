"""Signing in on another device at the broker: when the provider is asked, who gets the tokens, and that once."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from device_world import CLIENT, DeviceWorld, Shown, from_address

from p3idp.adapters.memory.device import MemoryDeviceProvider
from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.devices import StoredDevices
from p3idp.adapters.store.engine import open_store
from p3idp.core.audit.event import Outcome
from p3idp.core.device.device import Upstream
from p3idp.core.policy.model import Suspension
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.device import (
    DeviceCodeOver,
    DeviceDenied,
    DeviceExpired,
    DeviceInterrupted,
    DevicePending,
    DeviceRefused,
    DeviceSlowDown,
    PublicClientUnknown,
    RefreshTokenOver,
    UserCodeRefused,
)
from p3idp.errors.exchange import ExchangeOff, ExchangeUnavailable
from p3idp.errors.keystone import KeystoneUserDisabled
from p3idp.errors.login import ProviderUnreachable, TokenRefused
from p3idp.errors.session import ProviderSuspended
from p3idp.ports.device import NotYet


@pytest.fixture
def world() -> DeviceWorld:
    from_address("192.0.2.1")
    return DeviceWorld()


def ends(world: DeviceWorld, shown: Shown) -> type[BaseException]:
    """How a poll ends."""
    with pytest.raises(P3idpError) as ended:
        world.poll(shown)
    return type(ended.value)


def agreed(world: DeviceWorld, login: str = "alice") -> Shown:
    shown = world.begin()
    world.agree(shown, login)
    return shown


def test_a_person_who_agreed_is_signed_in_once(world: DeviceWorld):
    shown = world.begin()
    assert ends(world, shown) is DevicePending
    assert world.provider.began == []  # nobody has looked after it: the provider hears nothing
    world.wait()
    from_address("198.51.100.7")
    world.agree(shown)
    from_address("192.0.2.1")
    tokens = world.poll(shown)
    assert tokens.access_token.reveal() == "token-alice"
    assert tokens.refresh_token is not None
    assert world.devices.find(shown.user_code) is None
    world.wait()
    assert ends(world, shown) is DeviceCodeOver
    assert world.provider.asked == ["upstream-1"]
    (event,) = world.ledger.events
    assert (event.action, event.outcome, event.actor.id.split("@")[0]) == (
        "authenticate/device",
        Outcome.SUCCESS,
        "alice",
    )
    assert "token-alice" not in str(event)
    assert (event.details["asked_from"], event.details["agreed_from"]) == ("192.0.2.1", "198.51.100.7")


def test_everybody_asks_for_the_policys_scopes(world: DeviceWorld):
    for asked in ((), ("openid",), ("openid", "admin", "offline_access")):
        begun = world.desk.begin(CLIENT, asked, "")
        world.desk.agree(begun.device.user_code, "b")
    usual = ("openid", "entitlements")
    assert world.provider.began == [usual, usual, (*usual, "offline_access")]


def test_the_provider_is_asked_no_more_often_than_it_wants(world: DeviceWorld):
    """However often the device polls: here every five seconds, and the provider wants ten."""
    world.provider.interval = 10
    shown = world.begin()
    world.desk.agree(shown.user_code, "b")
    for _ in range(12):
        assert ends(world, shown) is DevicePending
        world.wait()
    assert len(world.provider.asked) == 6


def test_the_providers_slow_down_is_honoured_and_not_passed_on(world: DeviceWorld):
    shown = world.begin()
    world.desk.agree(shown.user_code, "b")
    world.provider.says = [NotYet.SLOW_DOWN]
    for _ in range(9):
        assert ends(world, shown) is DevicePending
        world.wait()
    assert len(world.provider.asked) == 5  # at once, and every ten seconds from then on


def test_a_silent_provider_is_asked_half_as_often_and_nothing_is_lost(world: DeviceWorld):
    shown = agreed(world)
    world.provider.says = [None, None]
    met = []
    for _ in range(6):
        met.append(ends(world, shown))
        world.wait()
    silent, pending = ExchangeUnavailable, DevicePending
    assert met == [silent, pending, silent, pending, pending, pending]  # after 5, 10 and then 20 seconds
    assert world.poll(shown).access_token.reveal() == "token-alice"


def test_two_replicas_that_poll_at_once_ask_once(tmp_path: Path):
    seal = FernetSeal(Secret(Fernet.generate_key().decode()), "device sign-in")
    engines = [open_store(f"sqlite:///{tmp_path}/store.sqlite") for _ in range(2)]
    world = DeviceWorld(StoredDevices(engines[0], seal))
    shown = agreed(world)
    other = DeviceWorld(StoredDevices(engines[1], seal))
    other.provider, other.exchange = world.provider, world.exchange
    _, second = other.replica()

    def poll(number: int) -> str:
        try:
            return (world.tokens, second)[number % 2].poll(Secret(shown.device_code), CLIENT).access_token.reveal()
        except (DeviceSlowDown, DeviceCodeOver) as refused:
            return refused.code

    with ThreadPoolExecutor(8) as many:
        met = list(many.map(poll, range(16)))
    assert met.count("token-alice") == 1
    assert world.provider.asked == ["upstream-1"]
    for engine in engines:
        engine.dispose()


@pytest.mark.parametrize(
    ("said", "end"),
    [(NotYet.DENIED, DeviceDenied), (NotYet.EXPIRED, DeviceExpired), (NotYet.OVER, DeviceInterrupted)],
)
def test_what_ends_it_at_the_provider_ends_it_here(world: DeviceWorld, said: NotYet, end: type[Exception]):
    shown = agreed(world)
    world.provider.says = [said]
    assert ends(world, shown) is end
    world.wait()
    assert ends(world, shown) is DeviceCodeOver


def test_no_is_no_for_as_long_as_the_device_asks(world: DeviceWorld):
    shown = world.begin()
    world.desk.refuse(shown.user_code)
    assert [ends(world, shown), ends(world, shown)] == [DeviceDenied, DeviceDenied]
    with pytest.raises(UserCodeRefused):
        world.desk.agree(shown.user_code, "b")
    assert world.provider.began == []


def test_a_no_that_is_said_while_the_provider_begins_stays_a_no(world: DeviceWorld, caplog: pytest.LogCaptureFixture):
    shown = world.begin()

    class Slow(MemoryDeviceProvider):
        def begin(self, *asked) -> Upstream | None:
            world.desk.refuse(shown.user_code)
            return super().begin(*asked)

    slow = Slow()
    with pytest.raises(UserCodeRefused):
        replace(world.desk, provider=slow).agree(shown.user_code, "b")
    slow.agree(1, "alice")
    assert ends(world, shown) is DeviceDenied
    (warning,) = caplog.messages
    assert "192.0.2.1" in warning, "somebody may be sending codes to people: from where"
    assert shown.user_code not in warning


def test_who_made_room_while_the_provider_begins_is_led_nowhere(world: DeviceWorld):
    shown = world.begin()

    class Slow(MemoryDeviceProvider):
        def begin(self, *asked) -> Upstream | None:
            found = world.devices.find(shown.user_code)
            assert found is not None
            world.devices.change(found.id, lambda _: (None, True))
            return super().begin(*asked)

    with pytest.raises(UserCodeRefused):
        replace(world.desk, provider=Slow()).agree(shown.user_code, "b")


def test_a_code_is_over_after_ten_minutes(world: DeviceWorld):
    shown = world.begin()
    world.wait(600)
    assert ends(world, shown) is DeviceExpired
    with pytest.raises(UserCodeRefused):
        world.desk.look(shown.user_code)


def test_whoever_mistypes_is_not_taken_for_one_who_guesses(world: DeviceWorld):
    """A class behind one address: what can be no code finds nothing, so it costs one of three hundred tries."""
    for typed in ["", "0000-0000", "BCDF-GHJ", "my code"] * 20:
        with pytest.raises(UserCodeRefused):
            world.desk.look(typed)
    assert world.desk.look(world.begin().user_code)


def test_who_said_yes_may_see_the_way_on_again_and_nobody_else(world: DeviceWorld):
    shown = world.begin()
    _, first = world.desk.agree(shown.user_code, "mine")
    _, again = world.desk.agree(shown.user_code, "mine")
    assert again == first
    with pytest.raises(UserCodeRefused):
        world.desk.agree(shown.user_code, "another's")
    with pytest.raises(UserCodeRefused):
        world.desk.refuse(shown.user_code)
    assert len(world.provider.began) == 1
    world.provider.agree(1, "alice")
    assert world.poll(shown).access_token.reveal() == "token-alice"


def test_where_the_provider_is_down_a_person_may_say_yes_again(world: DeviceWorld):
    shown = world.begin()
    world.provider.down = True
    with pytest.raises(ProviderUnreachable):
        world.desk.agree(shown.user_code, "b")
    world.provider.down = False
    world.agree(shown)
    assert world.poll(shown).access_token.reveal() == "token-alice"


# ---- who may not come in (D10): the tokens go back ----


def test_who_is_not_let_in_gets_a_reason_and_the_provider_its_tokens(world: DeviceWorld):
    shown = agreed(world, "bob")
    with pytest.raises(DeviceRefused) as refused:
        world.poll(shown)
    assert "gives you no project" in refused.value.detail
    assert sorted(text.split("-")[0] for text in world.provider.revoked) == ["refresh", "token"]
    assert [event.reason for event in world.ledger.events] == ["device-refused"]
    world.wait()
    assert ends(world, shown) is DeviceCodeOver


def test_a_person_who_signed_out_before_the_poll_is_not_let_in(world: DeviceWorld):
    shown = agreed(world)
    del world.exchange.tokens.claims["token-alice"]
    world.exchange.tokens.reasons["token-alice"] = "inactive"
    with pytest.raises(DeviceRefused) as refused:
        world.poll(shown)
    assert "inactive" in refused.value.detail
    assert "token-alice" in world.provider.revoked


def test_a_user_who_was_disabled_at_keystone_is_not_let_in(world: DeviceWorld):
    shown = agreed(world)

    def disabled(*_: object) -> None:
        raise KeystoneUserDisabled("The user is disabled.")

    world.exchange.keystone.login = disabled  # type: ignore[method-assign,assignment]
    with pytest.raises(DeviceRefused) as refused:
        world.poll(shown)
    assert "disabled" in refused.value.detail


def test_of_a_suspended_provider_nobody_comes_in(world: DeviceWorld):
    early, shown = world.begin(), agreed(world)
    site = world.exchange.policy.site
    closed = replace(site.identity_providers[0], suspended=Suspension(world.clock()))
    world.exchange.policy = replace(world.exchange.policy, site=replace(site, identity_providers=(closed,)))
    assert ends(world, shown) is DeviceRefused
    with pytest.raises(ProviderSuspended):
        world.desk.agree(early.user_code, "b")
    assert len(world.provider.began) == 1
    with pytest.raises(ExchangeOff):
        world.begin()
    with pytest.raises(ExchangeOff):
        world.tokens.refresh(Secret("refresh-1-alice"), CLIENT)


# ---- what must not get lost, or be kept ----


class Killed(BaseException):
    """What ends a process without asking it."""


def test_a_death_between_the_providers_answer_and_ours_is_told(world: DeviceWorld):
    shown = agreed(world)

    def die() -> None:
        raise Killed

    world.provider.on_given = die
    with pytest.raises(Killed):
        world.poll(shown)
    met = []
    for _ in range(7):
        world.wait()
        met.append(ends(world, shown))
    assert met == [*[DevicePending] * 5, DeviceInterrupted, DeviceCodeOver]
    assert [(event.outcome, event.reason) for event in world.ledger.events] == [(Outcome.FAILURE, "device-interrupted")]


def test_without_a_ledger_nobody_is_signed_in(world: DeviceWorld):
    shown = agreed(world)
    world.ledger.full = True
    assert ends(world, shown) is DeviceInterrupted
    assert "token-alice" in world.provider.revoked


def test_an_answer_that_cannot_be_believed_ends_the_sign_in(world: DeviceWorld):
    shown = agreed(world)

    class Lying(MemoryDeviceProvider):
        def ask(self, *asked) -> NotYet:
            raise TokenRefused("signature", "Its ID token is nobody's.")

    with pytest.raises(DeviceRefused):
        replace(world.tokens, provider=Lying()).poll(Secret(shown.device_code), CLIENT)
    world.wait()
    assert ends(world, shown) is DeviceCodeOver


def test_whoever_signs_in_is_remembered_as_at_every_other_door(world: DeviceWorld):
    seen: list[str] = []
    shown = agreed(world, "bob")
    watching = replace(world.tokens, remember=lambda claims, _: seen.append(claims.subject))
    with pytest.raises(DeviceRefused):
        watching.poll(Secret(shown.device_code), CLIENT)
    assert seen == ["bob@egi.eu"]


def test_who_comes_late_with_the_tokens_gives_them_back(world: DeviceWorld):
    """A process that was held up for longer than its claim: another one has taken over meanwhile."""
    shown = agreed(world)

    def be_slow() -> None:
        world.provider.on_given = None
        world.clock.forward(seconds=31)
        assert ends(world, shown) is DeviceInterrupted

    world.provider.on_given = be_slow
    assert ends(world, shown) is DeviceInterrupted
    assert len(world.provider.revoked) == 2


def test_who_comes_late_leaves_the_device_to_whoever_has_taken_over(world: DeviceWorld):
    shown = agreed(world)

    def be_slow() -> None:
        world.clock.forward(seconds=31)
        found = world.devices.find(shown.user_code)
        assert found is not None
        world.devices.change(found.id, lambda mine: (mine.claimed(world.clock()), True))

    world.provider.on_given = be_slow
    assert ends(world, shown) is DeviceInterrupted
    assert len(world.provider.revoked) == 2
    assert world.devices.find(shown.user_code) is not None


# ---- refreshing and ending ----


def test_a_refresh_is_passed_on_once_and_rotates(world: DeviceWorld):
    first = world.tokens.refresh(Secret("refresh-0-alice"), CLIENT)
    assert first.refresh_token is not None
    assert first.refresh_token.reveal() != "refresh-0-alice"
    with pytest.raises(RefreshTokenOver):
        world.tokens.refresh(Secret("refresh-0-alice"), CLIENT)
    assert world.provider.refreshed == ["refresh-0-alice", "refresh-0-alice"]


def test_a_refresh_token_outlives_a_provider_that_is_silent(world: DeviceWorld):
    world.provider.down = True
    with pytest.raises(ExchangeUnavailable):
        world.tokens.refresh(Secret("refresh-0-alice"), CLIENT)
    world.provider.down = False
    assert world.tokens.refresh(Secret("refresh-0-alice"), CLIENT).access_token.reveal() == "token-alice"


def test_a_client_that_the_policy_does_not_list_signs_nobody_in(world: DeviceWorld):
    """Its tokens would open nothing here."""
    site = world.exchange.policy.site
    others = replace(site.identity_providers[0], issuing_clients=("another",))
    world.exchange.policy = replace(world.exchange.policy, site=replace(site, identity_providers=(others,)))
    with pytest.raises(ExchangeOff):
        world.begin()
    with pytest.raises(ExchangeOff):
        world.tokens.refresh(Secret("refresh-0-alice"), CLIENT)
    with pytest.raises(ExchangeOff):
        world.tokens.revoke(Secret("refresh-0-alice"), CLIENT)
    assert (world.provider.began, world.provider.refreshed, world.provider.revoked) == ([], [], [])


def test_only_the_command_lines_client_is_served(world: DeviceWorld):
    for client in ("p3idp", "", "other"):
        with pytest.raises(PublicClientUnknown):
            world.desk.begin(client, (), "")
        with pytest.raises(PublicClientUnknown):
            world.tokens.refresh(Secret("refresh-0-alice"), client)
        with pytest.raises(PublicClientUnknown):
            world.tokens.revoke(Secret("refresh-0-alice"), client)
    assert (world.provider.began, world.provider.refreshed, world.provider.revoked) == ([], [], [])


def test_a_clock_set_back_never_gives_a_code_more_than_its_life(world: DeviceWorld):
    shown = world.begin()
    world.clock.now -= timedelta(days=1)
    assert ends(world, shown) is DeviceSlowDown
    world.clock.now += timedelta(days=1, minutes=10)
    assert ends(world, shown) is DeviceExpired
