"""One suite for whatever remembers logins, in memory and in a database; then what the database alone must hold."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.seal import FernetSeal, KeyedHash
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.logins import StoredLogins
from p3idp.core.login.remembered import RememberedLogin
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.settings import SettingsInvalid
from p3idp.ports.logins import LoginStore, Recalled

NOW = datetime(2026, 11, 22, 9, 0, 0, 250_000, tzinfo=UTC)
DAY = timedelta(days=1)
KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
ALICE = RememberedLogin(
    ProviderId("egi"),
    "https://egi.example.org",
    "alice@egi.eu",
    "p3idp-cli",
    ("urn:mace:egi.eu:group:a:role=b", "urn:x"),
    ("high",),
    NOW,
)
BOB = replace(ALICE, subject="bób@egi.eu", entitlements=())


def stored(engine: Engine, keys: str = KEY, keep: timedelta = 90 * DAY) -> StoredLogins:
    secret = Secret(keys)
    return StoredLogins(engine, FernetSeal(secret, "login", "logins.key"), KeyedHash(secret, "p", "logins.key"), keep)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


@pytest.fixture(params=["memory", "database"])
def logins(request: pytest.FixtureRequest, engine: Engine) -> LoginStore:
    return MemoryLogins() if request.param == "memory" else stored(engine)


def test_a_login_comes_back_as_it_was(logins: LoginStore) -> None:
    assert logins.recall(NOW) == Recalled()
    logins.remember(BOB)
    logins.remember(ALICE)
    assert logins.recall(NOW) == Recalled((ALICE, BOB))


def test_a_person_is_one_row_at_each_provider_and_the_latest_login_wins(logins: LoginStore) -> None:
    later = replace(ALICE, at=NOW + DAY, entitlements=("urn:y",), client="p3idp")
    elsewhere = replace(ALICE, provider=ProviderId("hub"))
    for login in (later, ALICE, elsewhere):
        logins.remember(login)
    assert logins.recall(NOW + DAY).logins == (later, elsewhere)


def test_of_two_pairs_that_read_alike_when_joined_each_is_its_own_row(logins: LoginStore) -> None:
    logins.remember(replace(ALICE, provider=ProviderId("a"), subject="bc"))
    logins.remember(replace(ALICE, provider=ProviderId("ab"), subject="c"))
    assert len(logins.recall(NOW).logins) == 2


def test_what_has_ended_is_not_read(logins: LoginStore) -> None:
    logins.remember(ALICE)
    assert logins.recall(NOW + 89 * DAY).logins == (ALICE,)
    assert logins.recall(NOW + 90 * DAY).logins == ()


def test_forgetting_takes_all_of_one_person_and_nobody_else(logins: LoginStore) -> None:
    elsewhere = replace(ALICE, provider=ProviderId("hub"))
    for login in (ALICE, elsewhere, BOB):
        logins.remember(login)
    assert logins.forget("alice@egi.eu", NOW).logins == (ALICE, elsewhere)
    assert logins.forget("alice@egi.eu", NOW) == Recalled()
    assert logins.recall(NOW).logins == (BOB,)


def rows(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM remembered_logins")).scalar_one())


@pytest.mark.parametrize("use", ["remember", "forget"])
def test_what_has_ended_is_deleted_by_use(engine: Engine, use: str) -> None:
    stored(engine).remember(ALICE)
    if use == "remember":
        stored(engine).remember(replace(BOB, at=NOW + 90 * DAY))
        assert rows(engine) == 1
    else:
        stored(engine).forget("nobody", NOW + 90 * DAY)
        assert rows(engine) == 0


def test_a_shorter_time_in_the_settings_ends_what_was_kept_for_longer_and_a_longer_one_prolongs_nothing(
    engine: Engine,
) -> None:
    stored(engine).remember(ALICE)
    assert stored(engine, keep=30 * DAY).recall(NOW + 31 * DAY).logins == ()
    assert stored(engine, keep=365 * DAY).recall(NOW + 91 * DAY).logins == ()
    stored(engine, keep=30 * DAY).forget("nobody", NOW + 31 * DAY)
    assert rows(engine) == 0


def test_a_copy_of_the_database_names_nobody(tmp_path: Path, engine: Engine) -> None:
    stored(engine).remember(ALICE)
    with engine.connect() as connection:
        connection.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
        kept = repr(connection.execute(text("SELECT * FROM remembered_logins")).all())
    kept += "".join(file.read_bytes().decode("latin-1") for file in tmp_path.iterdir())
    for told in ("alice", "urn:mace", "p3idp-cli", "egi.example.org"):
        assert told not in kept


def test_what_is_forgotten_is_in_no_file_any_more(tmp_path: Path, engine: Engine) -> None:
    """SQLite keeps deleted rows in free space and in its log; here another process has the database open too."""
    other = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    logins = stored(engine)
    for login in (ALICE, BOB):
        logins.remember(login)
    with other.connect() as connection:
        kept = [row.sealed.encode() for row in connection.execute(text("SELECT sealed FROM remembered_logins"))]
    logins.forget(ALICE.subject, NOW)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    other.dispose()
    assert sorted(sealed[40:90] in files for sealed in kept) == [False, True]


def test_with_another_key_nothing_is_readable_and_that_is_counted(engine: Engine) -> None:
    stored(engine).remember(ALICE)
    stranger = stored(engine, OTHER_KEY)
    assert stranger.recall(NOW) == Recalled((), 1)
    assert stranger.forget("alice@egi.eu", NOW) == Recalled((), 1)
    assert stored(engine).recall(NOW).logins == (ALICE,)


def test_keys_are_rotated_without_forgetting_and_without_a_second_row(engine: Engine) -> None:
    stored(engine).remember(ALICE)
    rotated = stored(engine, f"{OTHER_KEY}\n{KEY}")
    assert rotated.recall(NOW).logins == (ALICE,)
    again = replace(ALICE, at=NOW + DAY)
    rotated.remember(again)
    assert rows(engine) == 1
    assert stored(engine, OTHER_KEY).recall(NOW + DAY) == Recalled((again,))


def test_who_can_write_the_database_hands_nobody_anothers_claims_and_makes_none_last(engine: Engine) -> None:
    logins = stored(engine)
    logins.remember(ALICE)
    logins.remember(BOB)
    with engine.begin() as connection:
        sealed = connection.execute(text("SELECT sealed FROM remembered_logins")).scalars().first()
        connection.execute(text("UPDATE remembered_logins SET sealed = :sealed"), {"sealed": sealed})
    assert logins.recall(NOW).unreadable == 1
    assert len(logins.recall(NOW).logins) == 1
    with engine.begin() as connection:
        connection.execute(text("UPDATE remembered_logins SET until = until * 2, at = at * 2"))
    assert logins.recall(NOW + 91 * DAY).logins == ()


@pytest.mark.parametrize("sealed", ["", "é", "no seal"])
def test_a_spoilt_row_is_unreadable_and_harms_nothing(engine: Engine, sealed: str) -> None:
    logins = stored(engine)
    logins.remember(ALICE)
    with engine.begin() as connection:
        connection.execute(text("UPDATE remembered_logins SET sealed = :sealed"), {"sealed": sealed})
    logins.remember(BOB)
    assert logins.recall(NOW) == Recalled((BOB,), 1)


def test_of_many_at_once_one_row_stays(engine: Engine) -> None:
    moments = [replace(ALICE, at=NOW + timedelta(seconds=n)) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(stored(engine).remember, moments))
    assert stored(engine).recall(NOW + DAY).logins == (moments[-1],)


def test_a_key_that_is_none_is_named_by_its_setting() -> None:
    with pytest.raises(SettingsInvalid, match=r"logins\.key"):
        KeyedHash(Secret("short"), "p", "logins.key")


def test_a_database_that_is_gone_says_so(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE remembered_logins"))
    for call in (lambda: stored(engine).remember(ALICE), lambda: stored(engine).recall(NOW)):
        with pytest.raises(LedgerUnavailable):
            call()
