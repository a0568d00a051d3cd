"""What is kept on a researcher's machine: whom it is open to, what becomes of odd files, and that nothing is lost."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.backends.fail import Keyring as FailKeyring
from keyring.backends.null import Keyring as NullKeyring

from p3idp.client.cache.entries import Cache, identity_name
from p3idp.client.cache.files import PrivateFiles
from p3idp.client.cache.seal import KeyringSeal, NoSeal, find_seal, usable_keyring
from p3idp.client.identity import Identity, ProjectToken
from p3idp.core.secret import Secret
from p3idp.errors.client import SignInNeeded
from p3idp.errors.sign_in import CacheUnfit

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MARY = Identity("https://op.test", "cli", "mary@op.test", "Mary", ("openid",), Secret("canary-access"), NOON,
                NOON + HOUR, Secret("canary-refresh"))  # fmt: skip
TOKEN = ProjectToken(MARY.owner, "p3@egi", "0a1b", "https://k.test/v3", Secret("canary-keystone"), NOON, NOON + HOUR)
NAME = identity_name("https://op.test", "cli")


class MemoryKeyring(KeyringBackend):
    """A keyring that lives as long as the test."""

    priority = 5  # type: ignore[assignment]  # keyring's own backends say it like this

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}
        self.broken = False

    def get_password(self, service: str, username: str) -> str | None:
        if self.broken:
            raise RuntimeError("no session bus")
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


class PlaintextKeyring(MemoryKeyring):
    """Where keyrings.alt keeps its."""


PlaintextKeyring.__module__ = "keyrings.alt.file"


@pytest.fixture
def in_keyring() -> Iterator[Callable[[KeyringBackend], None]]:
    before = keyring.get_keyring()
    yield keyring.set_keyring
    keyring.set_keyring(before)


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, told: list[str]) -> Cache:
    return Cache(PrivateFiles(tmp_path / "kept"), NoSeal, told.append)


def keep(cache: Cache, identity: Identity = MARY) -> Path:
    with cache.room_for_identity(identity.issuer, identity.client_id) as put:
        put(identity)
    return cache.files.directory / identity_name(identity.issuer, identity.client_id)


def kept(cache: Cache) -> Identity | None:
    return cache.identity("https://op.test", "cli")


def test_what_is_kept_comes_back(cache: Cache):
    assert kept(cache) is None
    keep(cache)
    cache.keep_project_token("project-x.json", TOKEN)
    assert kept(cache) == MARY
    assert cache.project_tokens() == [("project-x.json", TOKEN)]
    assert cache.identity("https://op.test", "other") is None


def test_nobody_else_can_read_it_from_the_first_byte_on(cache: Cache):
    before = os.umask(0)
    try:
        with cache.files.room("x.json") as put:
            (begun,) = [file for file in cache.files.directory.iterdir() if not file.name.endswith(".lock")]
            assert stat.S_IMODE(begun.stat().st_mode) == 0o600
            put(b"{}")
        keep(cache)
        with cache.files.alone("x", 1):
            pass
    finally:
        os.umask(before)
    assert stat.S_IMODE(cache.files.directory.stat().st_mode) == 0o700
    assert {stat.S_IMODE(file.stat().st_mode) for file in cache.files.directory.iterdir()} == {0o600}


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda file: file.chmod(0o644), "chmod 600"),
        (lambda file: file.chmod(0o620), "chmod 600"),
        (lambda file: file.parent.chmod(0o755), "chmod 700"),
        (lambda file: file.parent.chmod(0o770), "chmod 700"),
        (lambda file: file.rename(file.with_suffix(".real")) and file.symlink_to(file.with_suffix(".real")), ""),
        (lambda file: file.unlink() or file.mkdir(0o700), ""),
        (lambda file: file.unlink() or os.mkfifo(file, 0o600), ""),
    ],
    ids=["readable", "writable by the group", "open directory", "group's directory", "link", "directory", "pipe"],
)
def test_what_others_could_touch_is_not_used(cache: Cache, spoil: Callable[[Path], object], says: str):
    file = keep(cache)
    spoil(file)
    with pytest.raises(CacheUnfit) as refused:
        kept(cache)
    assert says in refused.value.hint
    assert str(cache.files.directory) in refused.value.detail


def test_what_belongs_to_somebody_else_is_not_used(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    keep(cache)
    somebody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: somebody)
    with pytest.raises(CacheUnfit, match="somebody else"):
        kept(cache)
    with pytest.raises(CacheUnfit, match="somebody else"):
        keep(cache)


def test_a_directory_open_to_others_is_not_written_to(cache: Cache):
    cache.files.directory.mkdir(mode=0o777)
    cache.files.directory.chmod(0o777)
    with pytest.raises(CacheUnfit):
        keep(cache)
    assert list(cache.files.directory.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "ending"),
    [
        ('{"form": 2, "seal": "none", "body": "new things"}', "form-2"),
        ('{"form": 0, "seal": "none", "body": "{}"}', "form-0"),
        ("", "unreadable"),
        ("\x00" * 65536, "unreadable"),
        ("[]", "unreadable"),
        ('{"form": 1}', "unreadable"),
    ],
    ids=["newer", "older", "empty", "zeros", "list", "half"],
)
def test_a_file_of_another_version_is_set_aside_and_said(cache: Cache, told: list[str], text: str, ending: str):
    file = keep(cache)
    file.write_text(text)
    assert kept(cache) is None
    aside = file.with_name(f"{file.name}.{ending}")
    assert aside.read_text() == text
    assert told == [f"A file of another version of p3idp was set aside: {aside}"]
    keep(cache)
    assert kept(cache) == MARY


@pytest.mark.parametrize("body", ["{}", "[]", "7", '{"issuer": 1}'], ids=str)
def test_an_entry_without_its_parts_is_none(cache: Cache, body: str):
    keep(cache).write_text(json.dumps({"form": 1, "seal": "none", "body": body}))
    assert kept(cache) is None


def test_a_write_that_is_broken_off_leaves_what_was(cache: Cache):
    file = keep(cache)
    before = file.read_bytes()
    with pytest.raises(KeyboardInterrupt), cache.room_for_identity("https://op.test", "cli"):
        raise KeyboardInterrupt
    assert file.read_bytes() == before
    assert [each for each in cache.files.directory.iterdir() if each != file] == []


def test_what_a_killed_process_left_is_cleared(cache: Cache):
    file = keep(cache)
    left = file.with_name(f".{file.name}.abandoned")
    left.write_bytes(b"")
    keep(cache)
    assert not left.exists()


FULL = """
import resource, signal, sys
from pathlib import Path
sys.path[:0] = sys.argv[2:]
from p3idp.errors.sign_in import CacheNotWritten
from test_sign_in_cache import MARY, NoSeal, Cache, PrivateFiles, kept
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
cache = Cache(PrivateFiles(Path(sys.argv[1])), NoSeal, print)
try:
    with cache.room_for_identity(MARY.issuer, MARY.client_id):
        print("asked the provider")
except CacheNotWritten as full:
    print(full.exit_status.value, full.code, kept(cache) == MARY)
"""


def test_a_full_disk_is_met_before_the_provider_is_asked_and_loses_nothing(cache: Cache):
    keep(cache)
    words = [sys.executable, "-c", FULL, str(cache.files.directory), *filter(None, sys.path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["1 cache-not-written True"]
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] != 4096


@pytest.mark.parametrize(
    ("minutes", "fresh"), [(-60 * 24, False), (0, True), (57, True), (58.5, False), (61, False)], ids=str
)
def test_a_token_is_fresh_while_it_can_still_be_used(minutes: float, fresh: bool):
    """A clock that was set back by a day knows nothing of the token's end."""
    assert MARY.is_fresh(NOON + timedelta(minutes=minutes)) is fresh
    assert TOKEN.is_fresh(NOON + timedelta(minutes=minutes)) is fresh


# ---- encryption ----


def sealed(cache: Cache) -> Cache:
    return Cache(cache.files, lambda: find_seal(cache.files.directory), print)


def test_with_a_keyring_nothing_of_a_token_is_on_the_disk(cache: Cache, in_keyring: Callable[[KeyringBackend], None]):
    ring = MemoryKeyring()
    in_keyring(ring)
    file = keep(sealed(cache))
    sealed(cache).keep_project_token("project-x.json", TOKEN)
    assert kept(sealed(cache)) == MARY
    for each in cache.files.directory.iterdir():
        assert b"canary" not in each.read_bytes()
        assert b"mary" not in each.read_bytes()
    assert json.loads(file.read_text())["seal"] == "keyring"
    assert list(ring.held) == [("p3idp", str(cache.files.directory))]


def test_with_another_key_one_signs_in_again_and_loses_nothing(
    cache: Cache, in_keyring: Callable[[KeyringBackend], None]
):
    ring = MemoryKeyring()
    in_keyring(ring)
    file = keep(sealed(cache))
    before = file.read_bytes()
    in_keyring(MemoryKeyring())
    with pytest.raises(SignInNeeded, match="keyring"):
        kept(sealed(cache))
    in_keyring(FailKeyring())
    with pytest.raises(SignInNeeded, match="keyring"):
        kept(sealed(cache))
    assert file.read_bytes() == before
    in_keyring(ring)
    assert kept(sealed(cache)) == MARY


def test_a_file_that_was_changed_is_not_believed(cache: Cache, in_keyring: Callable[[KeyringBackend], None]):
    in_keyring(MemoryKeyring())
    file = keep(sealed(cache))
    outer = json.loads(file.read_text())
    file.write_text(json.dumps({**outer, "body": outer["body"][:-6] + "AAAAA="}))
    with pytest.raises(SignInNeeded):
        kept(sealed(cache))


def broken() -> MemoryKeyring:
    ring = MemoryKeyring()
    ring.broken = True
    return ring


class Chain(ChainerBackend):
    """Several keyrings, as keyring chains them."""

    backends = (PlaintextKeyring(), NullKeyring())  # type: ignore[assignment]  # ours are not the machine's


@pytest.mark.parametrize(
    "ring", [FailKeyring(), NullKeyring(), PlaintextKeyring(), Chain(), broken()],
    ids=["fail", "null", "plaintext", "chain of such", "broken"],
)  # fmt: skip
def test_what_keeps_nothing_safe_is_no_keyring(
    tmp_path: Path, in_keyring: Callable[[KeyringBackend], None], ring: KeyringBackend
):
    in_keyring(ring)
    assert isinstance(find_seal(tmp_path), NoSeal)
    assert getattr(ring, "held", {}) == {}


def test_a_usable_keyring_is_found_in_a_chain(in_keyring: Callable[[KeyringBackend], None], tmp_path: Path):
    good = MemoryKeyring()

    class Mixed(ChainerBackend):
        backends = (PlaintextKeyring(), good)  # type: ignore[assignment]  # as above

    in_keyring(Mixed())
    assert usable_keyring() is good
    assert isinstance(find_seal(tmp_path), KeyringSeal)


def test_a_key_that_another_process_made_meanwhile_is_kept(
    tmp_path: Path, in_keyring: Callable[[KeyringBackend], None]
):
    ring = MemoryKeyring()
    in_keyring(ring)

    @contextmanager
    def alone() -> Iterator[None]:
        ring.set_password("p3idp", str(tmp_path), "k" * 43 + "=")
        yield

    find_seal(tmp_path, alone)
    assert ring.held == {("p3idp", str(tmp_path)): "k" * 43 + "="}
