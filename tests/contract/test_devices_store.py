"""One suite for sign-ins on other devices, on the twin in memory and on the real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from p3idp.adapters.memory.device import MemoryDevices
from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.devices import StoredDevices
from p3idp.adapters.store.engine import open_store
from p3idp.core.device.device import LIFE, REMEMBERED, Answer, Device, Poll, Upstream, hashed, polled
from p3idp.core.device.user_code import make_user_code
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.exchange import ExchangeUnavailable
from p3idp.ports.device import Devices

NOW = datetime(2026, 11, 22, 9, 0, 0, 125_000, tzinfo=UTC)
MOST = 20
KEY = Secret(Fernet.generate_key().decode())


def device(number: int, at: datetime = NOW, **changes: object) -> Device:
    made = Device(
        id=hashed(f"secret {number}"),
        user_code=make_user_code(f"code {number}"),
        client="p3idp-cli",
        provider=ProviderId("egi"),
        scopes=("openid", "offline_access"),
        address="2001:db8::/64",
        agent="p3idp/1 on login01",
        began_at=at,
        until=at + LIFE,
        poll_at=at,
    )
    return replace(made, **changes)


def sent(number: int, at: datetime = NOW) -> Device:
    """One whom somebody said yes to."""
    upstream = Upstream(Secret("upstream-secret"), Secret("verifier"), "IDP-1", "https://idp.test/d", 5, at, "b")
    return device(number, at, answer=Answer.YES, upstream=upstream, tries=2, busy_until=at)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


@pytest.fixture(params=["memory", "database"])
def devices(request: pytest.FixtureRequest, engine: Engine) -> Devices:
    if request.param == "memory":
        return MemoryDevices(MOST)
    return StoredDevices(engine, FernetSeal(KEY, "device sign-in"), MOST)


def count(devices: Devices, numbers: range) -> int:
    return sum(devices.find(device(number).user_code) is not None for number in numbers)


@pytest.mark.parametrize("made", [device(1), sent(2)], ids=["open", "sent"])
def test_it_comes_back_as_it_was_kept(devices: Devices, made: Device):
    assert devices.add(made, NOW)
    assert devices.find(made.user_code) == made
    assert devices.find("BBBBBBBB") is None


def test_two_devices_never_show_one_code(devices: Devices):
    assert devices.add(device(1), NOW)
    assert not devices.add(device(2, user_code=device(1).user_code), NOW)
    assert devices.find(device(1).user_code) == device(1)


def test_a_step_changes_ends_or_leaves_a_device(devices: Devices):
    devices.add(device(1), NOW)
    assert devices.change(device(1).id, lambda found: (replace(found, tries=7), "told")) == "told"
    assert devices.find(device(1).user_code) == device(1, tries=7)
    assert devices.change(device(1).id, lambda found: (found, found.tries)) == 7
    assert devices.change(device(1).id, lambda _: (None, "gone")) == "gone"
    assert devices.find(device(1).user_code) is None
    assert devices.change(device(1).id, lambda found: (found, "never")) is None


def test_of_steps_at_once_none_is_lost(devices: Devices):
    devices.add(device(1), NOW)
    with ThreadPoolExecutor(8) as many:
        list(
            many.map(lambda _: devices.change(device(1).id, lambda d: (replace(d, tries=d.tries + 1), True)), range(40))
        )
    found = devices.find(device(1).user_code)
    assert found is not None
    assert found.tries == 40


def test_of_many_polls_at_once_one_asks(devices: Devices):
    devices.add(sent(1), NOW)
    with ThreadPoolExecutor(8) as many:
        met = list(many.map(lambda _: devices.change(sent(1).id, lambda found: polled(found, NOW)), range(16)))
    assert sorted(met) == [Poll.ASK, *[Poll.TOO_FAST] * 15]


def test_the_oldest_that_nobody_looked_at_make_room(devices: Devices):
    """D12: whoever floods drops their own, and who has agreed already is never dropped."""
    devices.add(sent(0), NOW)
    for number in range(1, 101):
        assert devices.add(device(number, NOW + timedelta(milliseconds=number)), NOW + timedelta(seconds=1))
    assert count(devices, range(101)) == MOST
    assert count(devices, range(101 - MOST + 1, 101)) == MOST - 1
    assert devices.find(sent(0).user_code) == sent(0)


def test_who_said_no_makes_room_as_well(devices: Devices):
    """D12: a no costs nothing, so it must not hold a place."""
    for number in range(MOST):
        devices.add(device(number), NOW)
        assert devices.change(device(number).id, lambda found: (replace(found, answer=Answer.NO), True))
    assert devices.add(device(99), NOW + timedelta(seconds=1))
    assert count(devices, range(MOST)) == MOST - 1


def test_where_people_are_at_work_with_all_of_them_nobody_else_begins(devices: Devices):
    for number in range(MOST):
        devices.add(sent(number), NOW)
    with pytest.raises(ExchangeUnavailable):
        devices.add(device(99), NOW)
    assert count(devices, range(MOST)) == MOST


def test_what_is_over_is_remembered_a_while_and_then_goes(devices: Devices):
    devices.add(device(1), NOW)
    end = NOW + LIFE + REMEMBERED
    devices.add(device(2, end - timedelta(seconds=1)), end - timedelta(seconds=1))
    assert devices.find(device(1).user_code) is not None
    devices.add(device(3, end), end)
    assert devices.find(device(1).user_code) is None
    assert count(devices, range(1, 4)) == 2


def test_a_copy_of_the_database_redeems_nothing(engine: Engine):
    stored = StoredDevices(engine, FernetSeal(KEY, "device sign-in"))
    stored.add(sent(1), NOW)
    with engine.connect() as connection:
        rows = str(connection.execute(text("SELECT * FROM devices")).all())
    for secret in ("secret 1", "upstream-secret", "verifier", "IDP-1", "2001:db8"):
        assert secret not in rows


def test_a_row_under_another_id_or_key_is_none(engine: Engine):
    """Who can write the database moves nobody's agreement to another device."""
    stored = StoredDevices(engine, FernetSeal(KEY, "device sign-in"))
    stored.add(sent(1), NOW)
    stored.add(device(2), NOW)
    with engine.execution_options(writing=True).begin() as connection:
        connection.execute(
            text("UPDATE devices SET sealed = (SELECT sealed FROM devices WHERE id = :from_) WHERE id = :to"),
            {"from_": sent(1).id, "to": device(2).id},
        )
    assert stored.find(device(2).user_code) is None
    assert stored.change(device(2).id, lambda found: (found, "taken over")) is None
    other = StoredDevices(engine, FernetSeal(Secret(Fernet.generate_key().decode()), "device sign-in"))
    assert other.find(sent(1).user_code) is None
