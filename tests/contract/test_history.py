"""One suite for whatever keeps the history of applies: in memory, and in a database."""

import sqlite3
import zlib

import pytest

from p3idp.adapters.memory.history import MemoryHistory
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.history import MAX_TEXT, StoredHistory
from p3idp.errors.access import LedgerUnavailable
from p3idp.ports.history import Kept

HERE = ("https://keystone.test/v3", "site")


@pytest.fixture(params=["memory", "sqlite"])
def history(request, tmp_path):
    if request.param == "memory":
        return MemoryHistory(keep=3)
    return StoredHistory(open_store(f"sqlite:///{tmp_path / 'p3idp.sqlite'}"), 3)


def run(history, *, good: bool, place=HERE) -> int:
    number = history.begin(*place, f"here/{id(object())}", "begun")
    history.conclude(number, f"left {number}", good=good)
    return number


def numbers(history) -> list[int]:
    return [kept.number for kept in history.latest(99)]


def test_what_was_kept_comes_back_as_it_was(history):
    number = history.begin(*HERE, "here/7", "begun ünïcode 😀")
    assert history.entry(number) == history.of_intent("here/7") == Kept(number, "here/7", "begun ünïcode 😀", "")
    history.conclude(number, "left", good=True)
    assert history.entry(number) == Kept(number, "here/7", "begun ünïcode 😀", "left")
    assert history.entry(number + 1) is None
    assert history.of_intent("here/8") is None


def test_the_newest_come_first_and_by_keystone_and_policy(history):
    first, other, last = run(history, good=True), run(history, good=True, place=("x", "site")), run(history, good=True)
    assert numbers(history) == [last, other, first]
    assert [kept.number for kept in history.latest(1)] == [last]
    assert [kept.number for kept in history.latest(9, *HERE)] == [last, first]
    assert history.latest(9, "x", "another") == []


def test_the_oldest_go_and_numbers_are_never_used_again(history):
    for _ in range(5):
        run(history, good=True)
    assert numbers(history) == [5, 4, 3]
    assert run(history, good=True) == 6


def test_the_newest_good_one_stays_however_many_fail_after_it(history):
    run(history, good=True)
    best = run(history, good=True)
    for _ in range(6):
        run(history, good=False)
    assert numbers(history) == [8, 7, 6, best]
    run(history, good=True)
    assert numbers(history) == [9, 8, 7], "now there is a newer one"


def test_one_keystones_applies_push_out_nobody_elses(history):
    other = run(history, good=False, place=("x", "site"))
    for _ in range(5):
        run(history, good=True)
    assert numbers(history)[-1] == other


@pytest.mark.parametrize("spoilt", [b"no zlib", zlib.compress(b"\xff\xfe"), b""])
def test_what_does_not_unpack_is_empty_and_harms_nothing(tmp_path, spoilt):
    file = tmp_path / "p3idp.sqlite"
    history = StoredHistory(open_store(f"sqlite:///{file}"), 3)
    number = run(history, good=True)
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE access_history SET begun = ?", (spoilt,))
    connection.close()
    kept = history.entry(number)
    assert kept is not None
    assert (kept.begun, kept.left) == ("", f"left {number}")


def test_a_bomb_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr("p3idp.adapters.store.history.MAX_TEXT", 1000)
    history = StoredHistory(open_store(f"sqlite:///{tmp_path / 'p3idp.sqlite'}"), 3)
    number = history.begin(*HERE, "here/1", "0" * 100_000)
    kept = history.entry(number)
    assert kept is not None
    assert len(kept.begun) == 1000
    assert MAX_TEXT > 10**8, "a real one is far below"


def test_a_full_disk_is_told_in_our_words(tmp_path):
    file = tmp_path / "p3idp.sqlite"
    history = StoredHistory(open_store(f"sqlite:///{file}"), 3)
    with history.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    incompressible = "".join(chr(33 + (n * n * 7919 + n) % 8000) for n in range(400_000))
    with pytest.raises(LedgerUnavailable, match="its disk is full"):
        history.begin(*HERE, "here/1", incompressible)
