"""One suite for every ledger: in memory, and in a database."""

import os
import sqlite3
import stat
import threading
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy.event import listen

from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.adapters.store.engine import open_store, reading
from p3idp.adapters.store.ledger import StoredLedger
from p3idp.adapters.store.tables import METADATA
from p3idp.core.audit.event import Actor, AuditEvent, Outcome
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerDamaged, LedgerUnavailable
from p3idp.ops.audit import parse_head, verify_ledger

AT = datetime(2026, 11, 22, 9, tzinfo=UTC)


def event(number: int = 0, action: str = "authenticate/login", outcome=Outcome.SUCCESS, about: str = "") -> AuditEvent:
    at = AT + timedelta(seconds=number)
    return AuditEvent(action, outcome, Actor("egi", "alice@egi.eu"), ("service", "p3idp"), at, "req-1", about=about)


@pytest.fixture(params=["memory", "sqlite"])
def ledger(request, tmp_path):
    if request.param == "memory":
        return MemoryLedger("here")
    return StoredLedger(open_store(f"sqlite:///{tmp_path / 'p3idp.sqlite'}"), "here")


def test_records_come_back_as_they_were_kept_and_the_chain_holds(ledger):
    kept = [ledger.append(event(number)) for number in range(5)]
    assert list(ledger.records("here")) == kept
    assert [record.sequence for record in kept] == [1, 2, 3, 4, 5]
    (head,) = verify_ledger(ledger)
    assert (head.count, head.digest) == (5, kept[-1].digest)
    assert parse_head(str(head)) == head


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda file: file.write_bytes(b"no database" * 1000), "no SQLite database"),
        (lambda file: (file.unlink(), file.mkdir()), "cannot be opened"),
    ],
    ids=["other bytes", "a directory"],
)
def test_a_database_that_cannot_be_used_says_why(tmp_path, spoil, said):
    file = tmp_path / "p3idp.sqlite"
    open_store(f"sqlite:///{file}").dispose()
    spoil(file)
    with pytest.raises(LedgerUnavailable, match=said):
        open_store(f"sqlite:///{file}")


def test_a_full_disk_is_named_and_nothing_kept_is_lost(tmp_path):
    engine = open_store(f"sqlite:///{tmp_path / 'p3idp.sqlite'}")
    ledger = StoredLedger(engine, "here")
    kept = []
    engine.dispose()
    listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 1"))
    with pytest.raises(LedgerUnavailable, match="its disk is full"):
        kept.extend(ledger.append(event(number)) for number in count())
    assert list(ledger.records("here")) == kept
    assert verify_ledger(ledger)[0].count == len(kept)


def test_an_empty_ledger_is_whole(ledger):
    assert list(verify_ledger(ledger)) == []
    assert list(ledger.records("here")) == []


def test_the_latest_come_first_and_can_be_told_apart_by_action(ledger):
    for number, action in enumerate(["authenticate/login", "update/access", "authenticate/exchange"]):
        ledger.append(event(number, action))
    assert [record.sequence for record in ledger.latest(2)] == [3, 2]
    assert [record.sequence for record in ledger.latest(9, "authenticate/")] == [3, 1]
    assert list(ledger.latest(9, "%")) == []


def test_an_intent_is_open_until_a_record_closes_it(ledger):
    first = ledger.append(event(1, "update/access", Outcome.PENDING))
    second = ledger.append(event(2, "update/access", Outcome.PENDING))
    ledger.append(event(3, "other", Outcome.PENDING))
    assert [record.id for record in ledger.open_intents("update/access")] == [first.id, second.id]
    ledger.append(event(4, "update/access", Outcome.UNKNOWN, about=first.id))
    assert [record.id for record in ledger.open_intents("update/access")] == [second.id]


def test_a_head_written_down_earlier_is_held_against_the_ledger(ledger):
    ledger.append(event())
    (head,) = verify_ledger(ledger)
    ledger.append(event())
    verify_ledger(ledger, [head])
    with pytest.raises(LedgerDamaged, match="the whole chain is missing"):
        verify_ledger(ledger, [parse_head(f"elsewhere:1:{'0' * 64}")])


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "p3idp.sqlite"
    stored = StoredLedger(open_store(f"sqlite:///{path}"), "here")
    for number in range(4):
        stored.append(event(number))
    stored.engine.dispose()
    return path


DAMAGE = {
    "a changed byte of an event": "UPDATE ledger SET event = replace(event, 'alice', 'alicf') WHERE sequence = 2",
    "a copied column that lies": "UPDATE ledger SET outcome = 'failure' WHERE sequence = 2",
    "an event that is no JSON": "UPDATE ledger SET event = 'x' WHERE sequence = 2",
    "a removed record": "DELETE FROM ledger WHERE sequence = 2",
    "a removed end": "DELETE FROM ledger WHERE sequence = 4",
    "a removed head": "DELETE FROM ledger_heads",
    "records numbered anew": "UPDATE ledger SET sequence = sequence + 1 WHERE sequence > 3",
    "a record moved to another writer": "UPDATE ledger SET writer = 'there' WHERE sequence = 4",
    "everything gone": "DELETE FROM ledger",
}


@pytest.mark.parametrize("statement", DAMAGE.values(), ids=DAMAGE)
def test_damage_in_the_database_is_found(file, statement):
    with sqlite3.connect(file) as connection:
        connection.execute(statement)
    connection.close()
    with pytest.raises(LedgerDamaged):
        verify_ledger(StoredLedger(open_store(f"sqlite:///{file}"), "here"))


def test_a_ledger_without_its_head_takes_no_more_records(file):
    with sqlite3.connect(file) as connection:
        connection.execute("DELETE FROM ledger_heads")
    connection.close()
    with pytest.raises(LedgerDamaged):
        StoredLedger(open_store(f"sqlite:///{file}"), "here").append(event())


def test_several_writers_at_once_leave_no_gap_and_lose_nothing(tmp_path):
    url = f"sqlite:///{tmp_path / 'p3idp.sqlite'}"
    open_store(url).dispose()
    failures: list[BaseException] = []

    def write() -> None:
        try:
            stored = StoredLedger(open_store(url), "here")
            for number in range(10):
                stored.append(event(number))
        except BaseException as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    (head,) = verify_ledger(StoredLedger(open_store(url), "here"))
    assert head.count == 40


def test_a_record_is_on_the_disk_when_append_returns(file):
    """Every commit is synced: the write-ahead log with synchronous=FULL."""
    with reading(open_store(f"sqlite:///{file}")) as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


def test_the_database_file_is_for_its_owner_alone(file):
    assert stat.S_IMODE(os.stat(file).st_mode) == 0o600


def test_migrations_make_what_the_tables_say(file):
    with reading(open_store(f"sqlite:///{file}")) as connection:
        assert compare_metadata(MigrationContext.configure(connection), METADATA) == []


@pytest.mark.parametrize(
    "url",
    ["sqlite:////nowhere/at/all/p3idp.sqlite", "nonsense", "oracle+nothing://u@h/d", "postgresql://u@127.0.0.1:1/d"],
)
def test_a_database_that_can_not_be_opened_is_one_message_without_its_password(url):
    with pytest.raises(LedgerUnavailable) as refused:
        open_store(url, Secret("hunter2"))
    assert "hunter2" not in refused.value.detail + refused.value.debug


def test_a_full_disk_is_told_and_nothing_is_half_kept(file):
    stored = StoredLedger(open_store(f"sqlite:///{file}"), "here")
    with reading(stored.engine) as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")

    def fill() -> None:
        for number in range(200):
            stored.append(event(number))

    with pytest.raises(LedgerUnavailable):
        fill()
    verify_ledger(stored)
