"""When people were asked about, from memory and from a database: by Keystone, without names, also with new keys."""

import sqlite3
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from policies import NOW

from p3idp.adapters.memory.removal import MemoryRechecks
from p3idp.adapters.seal import KeyedHash
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.rechecks import StoredRechecks
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret

ALICE, BOB = (ProviderId("egi"), "alice@egi.eu"), (ProviderId("egi"), "bob@egi.eu")
KEY = Fernet.generate_key().decode()


def stored(tmp_path, keys: str = KEY, address: str = "https://one/v3") -> StoredRechecks:
    names = KeyedHash(Secret(keys), "rechecked person", "offline.key")
    return StoredRechecks(open_store(f"sqlite:///{tmp_path}/p3idp.sqlite"), names, address)


@pytest.fixture(params=["memory", "database"])
def memory(request, tmp_path):
    return MemoryRechecks() if request.param == "memory" else stored(tmp_path)


def test_the_last_moment_of_each_is_known_and_nothing_of_others(memory):
    memory.remember({ALICE: NOW}, NOW)
    memory.remember({ALICE: NOW + timedelta(minutes=5), BOB: NOW}, NOW)
    assert memory.acted([ALICE, BOB]) == {ALICE: NOW + timedelta(minutes=5), BOB: NOW}
    assert memory.acted([BOB]) == {BOB: NOW}
    assert memory.acted([(ProviderId("hub"), ALICE[1])]) == {}


def test_moments_are_rounded_to_the_safe_side(memory):
    memory.remember({ALICE: NOW.replace(microsecond=999_999)}, NOW)
    assert memory.acted([ALICE]) == {ALICE: NOW}


def test_each_keystone_has_its_own(tmp_path):
    stored(tmp_path).remember({ALICE: NOW}, NOW)
    assert stored(tmp_path, address="https://two/v3").acted([ALICE]) == {}


def test_an_older_key_still_knows_and_a_new_one_takes_over(tmp_path):
    stored(tmp_path).remember({ALICE: NOW}, NOW)
    both = f"{Fernet.generate_key().decode()}\n{KEY}"
    assert stored(tmp_path, both).acted([ALICE]) == {ALICE: NOW}
    stored(tmp_path, both).remember({ALICE: NOW + timedelta(hours=1)}, NOW)
    assert stored(tmp_path, both).acted([ALICE]) == {ALICE: NOW + timedelta(hours=1)}


def test_what_is_months_old_is_forgotten_and_no_name_is_ever_kept(tmp_path):
    memory = stored(tmp_path)
    memory.remember({ALICE: NOW - timedelta(days=61)}, NOW)
    memory.remember({BOB: NOW}, NOW)
    assert memory.acted([ALICE]) == {}
    rows = sqlite3.connect(tmp_path / "p3idp.sqlite").execute("select * from rechecks").fetchall()
    assert len(rows) == 1
    assert not any(word in str(rows) for word in ("alice", "bob", "egi", "one"))


def test_thousands_at_once(tmp_path):
    memory = stored(tmp_path)
    people = {(ProviderId("egi"), str(number)): NOW for number in range(1200)}
    memory.remember(people, NOW)
    memory.remember(people, NOW)
    assert len(memory.acted(people)) == 1200
