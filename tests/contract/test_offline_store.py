"""One suite for whatever keeps consents, in memory and in a database; then what the database alone must hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from p3idp.adapters.coordination import file_lock
from p3idp.adapters.memory.offline import MemoryOffline
from p3idp.adapters.seal import FernetSeal, KeyedHash
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.offline import StoredOffline
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable
from p3idp.ports.offline import Consents, OfflineAccess, OfflineStore

NOW = datetime(2026, 11, 22, 9, 0, 0, 250_000, tzinfo=UTC)
DAY = timedelta(days=1)
KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
EGI, HUB = ProviderId("egi"), ProviderId("hub")
ALICE = OfflineAccess(EGI, "https://egi.example.org", "alice@egi.eu", Secret("alices-first-token"), NOW, NOW)
BOB = replace(ALICE, subject="bób@egi.eu", refresh_token=Secret("bobs-token"))


def stored(engine: Engine, keys: str = KEY, lasts: timedelta = 365 * DAY) -> StoredOffline:
    secret, locks = Secret(keys), Path(str(engine.url.database)).with_suffix(".locks")
    seal, names = FernetSeal(secret, "consent", "offline.key"), KeyedHash(secret, "p", "offline.key")
    return StoredOffline(engine, seal, names, lambda: file_lock(locks, "here"), lasts)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


@pytest.fixture(params=["memory", "database"])
def store(request: pytest.FixtureRequest, engine: Engine) -> OfflineStore:
    return MemoryOffline() if request.param == "memory" else stored(engine)


def test_a_consent_comes_back_as_it_was(store: OfflineStore) -> None:
    assert store.consents(NOW) == Consents()
    for access in (BOB, ALICE):
        store.keep(access)
    assert store.consents(NOW) == Consents((ALICE, BOB))
    assert store.newest(EGI, BOB.subject, NOW) == BOB


def test_what_is_kept_is_of_one_person_at_one_provider(store: OfflineStore) -> None:
    store.keep(ALICE)
    assert store.newest(HUB, ALICE.subject, NOW) is None
    assert store.newest(EGI, "somebody", NOW) is None


def test_who_consents_anew_replaces_what_was_kept(store: OfflineStore) -> None:
    anew = replace(ALICE, refresh_token=Secret("another"), consented_at=NOW + DAY, asked_at=NOW + DAY)
    for access in (ALICE, anew):
        store.keep(access)
    assert store.consents(NOW + DAY).kept == (anew,)


def test_the_next_token_takes_the_place_of_exactly_the_one_that_was_used(store: OfflineStore) -> None:
    rotated = replace(ALICE, refresh_token=Secret("second"), asked_at=NOW + DAY)
    store.keep(ALICE)
    assert store.replace(ALICE, rotated)
    assert not store.replace(ALICE, replace(ALICE, refresh_token=Secret("third"))), "the first is not kept any more"
    assert store.newest(EGI, ALICE.subject, NOW + DAY) == rotated


@pytest.mark.parametrize("new", [replace(ALICE, refresh_token=Secret("second")), None], ids=["rotated", "refused"])
def test_what_a_person_ended_meanwhile_does_not_come_back(store: OfflineStore, new: OfflineAccess | None) -> None:
    store.keep(ALICE)
    assert store.end(EGI, ALICE.subject)
    assert not store.replace(ALICE, new)
    assert store.consents(NOW) == Consents()


def test_what_a_person_gave_anew_meanwhile_is_not_ended(store: OfflineStore) -> None:
    anew = replace(ALICE, refresh_token=Secret("another"))
    for access in (ALICE, anew):
        store.keep(access)
    assert not store.replace(ALICE, None)
    assert store.newest(EGI, ALICE.subject, NOW) == anew


def test_ending_takes_one_person_at_one_provider_and_nobody_else(store: OfflineStore) -> None:
    elsewhere = replace(ALICE, provider=HUB)
    for access in (ALICE, elsewhere, BOB):
        store.keep(access)
    assert store.end(EGI, ALICE.subject)
    assert not store.end(EGI, ALICE.subject)
    assert store.consents(NOW).kept == (BOB, elsewhere)


def test_a_consent_lasts_its_time_however_often_the_provider_is_asked(store: OfflineStore) -> None:
    store.keep(ALICE)
    asked = replace(ALICE, refresh_token=Secret("second"), asked_at=NOW + 300 * DAY)
    assert store.replace(ALICE, asked)
    assert store.consents(NOW + 364 * DAY).kept == (asked,)
    assert store.consents(NOW + 365 * DAY).kept == ()
    assert store.newest(EGI, ALICE.subject, NOW + 365 * DAY) is None


def test_one_process_at_a_time_uses_a_persons_token(store: OfflineStore) -> None:
    him, her = (EGI, BOB.subject), (EGI, ALICE.subject)
    with store.alone(*her) as first, store.alone(*her) as second, store.alone(*him) as other:
        assert (first, second, other) == (True, False, True)
    with store.alone(EGI, ALICE.subject) as again:
        assert again


def test_no_text_of_a_consent_holds_its_token(store: OfflineStore) -> None:
    store.keep(ALICE)
    for told in (repr(store.consents(NOW)), str(store.newest(EGI, ALICE.subject, NOW)), repr(store)):
        assert "alices-first-token" not in told


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM consents")).scalar_one())


@pytest.mark.parametrize("use", ["keep", "replace"])
def test_what_has_ended_is_deleted_by_use(engine: Engine, use: str) -> None:
    old, later = replace(BOB, consented_at=NOW - 365 * DAY, asked_at=NOW - 365 * DAY), NOW + timedelta(seconds=1)
    stored(engine).keep(old)
    if use == "keep":
        stored(engine).keep(replace(ALICE, asked_at=later))
    else:
        stored(engine).keep(replace(ALICE, asked_at=NOW - DAY))
        assert rows(engine) == 2
        stored(engine).replace(ALICE, replace(ALICE, asked_at=later))
    assert rows(engine) == 1


def test_a_shorter_time_in_the_settings_ends_what_was_kept_for_longer_and_a_longer_one_prolongs_nothing(
    engine: Engine,
) -> None:
    stored(engine).keep(ALICE)
    assert stored(engine, lasts=30 * DAY).consents(NOW + 31 * DAY).kept == ()
    assert stored(engine, lasts=30 * DAY).newest(EGI, ALICE.subject, NOW + 31 * DAY) is None
    assert stored(engine, lasts=730 * DAY).consents(NOW + 366 * DAY).kept == ()
    longer = stored(engine, lasts=730 * DAY)
    assert longer.newest(EGI, ALICE.subject, NOW + 366 * DAY) is None
    assert longer.replace(ALICE, replace(ALICE, refresh_token=Secret("second"), asked_at=NOW + DAY))
    assert longer.consents(NOW + 364 * DAY).kept
    assert longer.consents(NOW + 366 * DAY).kept == (), "nor where the provider was asked since"


def test_a_copy_of_the_database_names_nobody_and_holds_no_token(tmp_path: Path, engine: Engine) -> None:
    stored(engine).keep(ALICE)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        kept = repr(connection.execute(text("SELECT * FROM consents")).all())
    kept += "".join(file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file())
    for told in ("alice", "first-token", "egi.example.org"):
        assert told not in kept


def test_what_was_stopped_is_nowhere_on_disk_any_more_not_even_sealed(tmp_path: Path, engine: Engine) -> None:
    def on_disk() -> str:
        return "".join(file.read_bytes().decode("latin-1") for file in tmp_path.rglob("*") if file.is_file())

    stored(engine).keep(ALICE)
    with engine.connect() as connection:
        sealed = connection.execute(text("SELECT sealed FROM consents")).scalar_one()
    assert sealed in on_disk()
    stored(engine).end(EGI, ALICE.subject)
    assert sealed not in on_disk()


def test_locks_name_nobody(tmp_path: Path, engine: Engine) -> None:
    with stored(engine).alone(EGI, ALICE.subject):
        found = [file for file in tmp_path.rglob("*") if "locks" in str(file)]
    assert found
    assert not [file for file in found if "alice" in str(file) or (file.is_file() and b"alice" in file.read_bytes())]


def test_with_another_key_nothing_is_readable_and_that_is_counted(engine: Engine) -> None:
    stored(engine).keep(ALICE)
    stranger = stored(engine, OTHER_KEY)
    assert stranger.consents(NOW) == Consents((), 1)
    assert stranger.newest(EGI, ALICE.subject, NOW) is None
    assert stored(engine).consents(NOW).kept == (ALICE,)


def test_keys_are_rotated_without_ending_consents_and_without_a_second_row(engine: Engine) -> None:
    stored(engine).keep(ALICE)
    rotated = stored(engine, f"{OTHER_KEY}\n{KEY}")
    again = replace(ALICE, refresh_token=Secret("second"))
    assert rotated.newest(EGI, ALICE.subject, NOW) == ALICE
    assert rotated.replace(ALICE, again)
    assert rows(engine) == 1
    assert stored(engine, OTHER_KEY).consents(NOW) == Consents((again,))


def test_while_keys_are_rotated_old_and_new_processes_meet_at_the_same_lock(engine: Engine) -> None:
    before, after = stored(engine), stored(engine, f"{OTHER_KEY}\n{KEY}")
    with before.alone(EGI, ALICE.subject), after.alone(EGI, ALICE.subject) as second:
        assert not second
    with after.alone(EGI, ALICE.subject), before.alone(EGI, ALICE.subject) as second:
        assert not second


def test_who_can_write_the_database_hands_nobody_anothers_token_and_makes_none_last(engine: Engine) -> None:
    store = stored(engine)
    for access in (ALICE, BOB):
        store.keep(access)
    with engine.begin() as connection:
        sealed = connection.execute(text("SELECT sealed FROM consents")).scalars().first()
        connection.execute(text("UPDATE consents SET sealed = :sealed"), {"sealed": sealed})
    assert (store.consents(NOW).unreadable, len(store.consents(NOW).kept)) == (1, 1)
    with engine.begin() as connection:
        connection.execute(text("UPDATE consents SET until = until * 2, at = at * 2"))
    assert store.consents(NOW + 366 * DAY).kept == ()


@pytest.mark.parametrize("sealed", ["", "é", "no seal"])
def test_a_spoilt_row_is_unreadable_and_harms_nothing(engine: Engine, sealed: str) -> None:
    store = stored(engine)
    store.keep(ALICE)
    with engine.begin() as connection:
        connection.execute(text("UPDATE consents SET sealed = :sealed"), {"sealed": sealed})
    store.keep(BOB)
    assert store.consents(NOW) == Consents((BOB,), 1)
    assert store.newest(EGI, ALICE.subject, NOW) is None


def test_of_many_at_once_one_replaces(engine: Engine) -> None:
    stored(engine).keep(ALICE)
    following = [replace(ALICE, refresh_token=Secret(f"second-{n}")) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        won = list(pool.map(lambda new: stored(engine).replace(ALICE, new), following))
    assert won.count(True) == 1
    assert stored(engine).newest(EGI, ALICE.subject, NOW) == following[won.index(True)]


def test_a_database_that_is_gone_says_so(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE consents"))
    store = stored(engine)
    for call in (
        lambda: store.keep(ALICE),
        lambda: store.consents(NOW),
        lambda: store.replace(ALICE, None),
        lambda: store.end(EGI, "x"),
    ):
        with pytest.raises(LedgerUnavailable):
            call()
