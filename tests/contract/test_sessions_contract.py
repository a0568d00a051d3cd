"""One suite for sessions and spent sign-ins, on the twin in memory and on the real database."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from p3idp.adapters.memory.sessions import MemorySessions, MemorySpentAttempts
from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.sessions import DatabaseSessions, DatabaseSpentAttempts
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.login.session import KeystoneView, Session, SessionId
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ProjectRef, ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.session import SessionsUnavailable
from p3idp.errors.settings import SettingsInvalid
from p3idp.ports.sessions import Sessions, SpentAttempts

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
ID, OTHER = SessionId("A" * 43), SessionId("B" * 43)
KEY = Fernet.generate_key().decode()


def session(name: str = "山田 太郎", began_at: datetime = NOW) -> Session:
    claims = VerifiedClaims(
        provider=ProviderId("egi"),
        issuer="https://egi.example.org",
        subject="alice@egi.eu",
        client="p3idp",
        issued_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        entitlements=("urn:mace:egi.eu:group:a:role=b", "urn:x"),
        assurance=("high",),
        scopes=("openid",),
        display_name=name,
        shown={"name": name, "groups": ["a", "b"]},
    )
    p3, old = ProjectRef("egi", "p3"), ProjectRef("egi", "old")
    held = (
        ApplicationCredential("c1", "nächtlich", p3, "1", ("member",), NOW + timedelta(days=1), unrestricted=True),
        ApplicationCredential("c2", "old", None, "2", ("member", "reader")),
    )
    ends = NOW + timedelta(hours=8)
    view = KeystoneView(NOW, "alice", ((p3, ("member", "reader")),), (old,), "", held, ends)
    return Session(claims, view, began_at, began_at)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


@pytest.fixture(params=["memory", "database"])
def sessions(request: pytest.FixtureRequest, engine: Engine) -> Sessions:
    return MemorySessions() if request.param == "memory" else DatabaseSessions(engine, FernetSeal(Secret(KEY), "s"))


@pytest.fixture(params=["memory", "database"])
def spent(request: pytest.FixtureRequest, engine: Engine) -> SpentAttempts:
    return MemorySpentAttempts() if request.param == "memory" else DatabaseSpentAttempts(engine)


def test_a_session_comes_back_as_it_was(sessions: Sessions) -> None:
    sessions.save(ID, session(), NOW + timedelta(hours=8))
    assert sessions.find(ID) == session()
    assert sessions.find(OTHER) is None


def test_use_is_remembered(sessions: Sessions) -> None:
    sessions.save(ID, session(), NOW + timedelta(hours=8))
    sessions.touch(ID, NOW + timedelta(minutes=3))
    sessions.touch(OTHER, NOW)
    found = sessions.find(ID)
    assert found is not None
    assert (found.seen_at, found.began_at) == (NOW + timedelta(minutes=3), NOW)


def test_a_removed_session_is_gone_and_removing_again_is_fine(sessions: Sessions) -> None:
    sessions.save(ID, session(), NOW + timedelta(hours=8))
    sessions.save(OTHER, session(), NOW + timedelta(hours=8))
    sessions.remove(ID)
    sessions.remove(ID)
    assert sessions.find(ID) is None
    assert sessions.find(OTHER) is not None


def test_what_has_ended_is_swept_when_another_begins(sessions: Sessions) -> None:
    sessions.save(ID, session(), NOW + timedelta(hours=8))
    sessions.save(OTHER, session(began_at=NOW + timedelta(hours=9)), NOW + timedelta(hours=17))
    assert sessions.find(ID) is None


def test_an_attempt_is_spent_once(spent: SpentAttempts) -> None:
    until = NOW + timedelta(minutes=10)
    assert not spent.is_spent("one")
    assert spent.spend("one", NOW, until)
    assert spent.is_spent("one")
    assert not spent.spend("one", NOW, until)
    assert not spent.is_spent("two")


def test_of_many_at_once_one_spends(spent: SpentAttempts) -> None:
    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(lambda _: spent.spend("one", NOW, NOW + timedelta(minutes=10)), range(8)))
    assert won.count(True) == 1


def test_a_copy_of_the_database_tells_and_opens_nothing(engine: Engine) -> None:
    sessions = DatabaseSessions(engine, FernetSeal(Secret(KEY), "s"))
    sessions.save(ID, session(), NOW + timedelta(hours=8))
    with engine.connect() as connection:
        kept = repr(connection.execute(text("SELECT * FROM web_sessions")).all())
    for secret in (ID, "alice", "urn:mace", "山田"):
        assert secret not in kept


def test_a_session_moved_to_another_row_is_none(engine: Engine) -> None:
    sessions = DatabaseSessions(engine, FernetSeal(Secret(KEY), "s"))
    sessions.save(ID, session("Victim"), NOW + timedelta(hours=8))
    sessions.save(OTHER, session("Mallory"), NOW + timedelta(hours=8))
    with engine.begin() as connection:
        victims = text("SELECT sealed FROM web_sessions WHERE id_hash = :id")
        sealed = connection.execute(victims, {"id": sha256(ID.encode()).hexdigest()}).scalar_one()
        connection.execute(text("UPDATE web_sessions SET sealed = :sealed"), {"sealed": sealed})
    assert sessions.find(OTHER) is None
    assert sessions.find(ID) is not None


def test_a_session_sealed_with_another_key_is_none(engine: Engine) -> None:
    DatabaseSessions(engine, FernetSeal(Secret(KEY), "s")).save(ID, session(), NOW + timedelta(hours=8))
    stranger = FernetSeal(Secret(Fernet.generate_key().decode()), "s")
    assert DatabaseSessions(engine, stranger).find(ID) is None


def test_keys_are_rotated_without_signing_anybody_out(engine: Engine) -> None:
    """R62: the newest key seals, older ones still open, retired ones do not."""
    new = Fernet.generate_key().decode()
    before, during, after = (FernetSeal(Secret(keys), "s") for keys in (KEY, f"{new}\n{KEY}", new))
    assert during.open(before.close(b"old", NOW), NOW) == b"old"
    assert after.open(during.close(b"new", NOW), NOW) == b"new"
    assert after.open(before.close(b"old", NOW), NOW) is None


def test_what_is_sealed_for_one_purpose_does_not_open_for_another() -> None:
    assert FernetSeal(Secret(KEY), "a").open(FernetSeal(Secret(KEY), "b").close(b"x", NOW), NOW) is None


def test_a_seal_is_refused_when_too_old_and_when_it_is_no_text_of_ours() -> None:
    seal = FernetSeal(Secret(KEY), "a")
    closed = seal.close(b"x", NOW)
    assert seal.open(closed, NOW + timedelta(seconds=600), 600) == b"x"
    assert seal.open(closed, NOW + timedelta(seconds=601), 600) is None
    assert [seal.open(odd, NOW) for odd in ("", "é", "gAAAA", closed[:-1], "A" * 70_000)] == [None] * 5


@pytest.mark.parametrize("key", ["short", "é", "A" * 44, ""])
def test_a_key_that_is_none_is_named_in_the_error_and_not_shown(key: str) -> None:
    with pytest.raises(SettingsInvalid, match=r"web\.cookie_key") as refused:
        FernetSeal(Secret(key), "a")
    assert not key or key not in refused.value.detail


def test_a_database_that_is_gone_lets_nobody_in(tmp_path: Path) -> None:
    engine = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE web_sessions"))
        connection.execute(text("DROP TABLE spent_attempts"))
    with pytest.raises(SessionsUnavailable):
        DatabaseSessions(engine, FernetSeal(Secret(KEY), "s")).find(ID)
    with pytest.raises(SessionsUnavailable):
        DatabaseSpentAttempts(engine).spend("one", NOW, NOW)
    engine.dispose()
