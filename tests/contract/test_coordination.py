"""The lock between two applies: one holder, at once refused, and told in our words what is wrong."""

import os
import stat
from types import SimpleNamespace

import pytest

from p3idp.adapters.coordination import CoordinatedLock, file_lock
from p3idp.adapters.memory.history import MemoryLock
from p3idp.core.secret import Secret
from p3idp.errors.access import CoordinationUnavailable
from p3idp.errors.settings import SettingsInvalid
from p3idp.settings.state import CoordinationSettings, StoreSettings
from p3idp.wiring.access import wire_lock


@pytest.fixture(params=["memory", "file"])
def lock(request, tmp_path):
    return MemoryLock() if request.param == "memory" else file_lock(tmp_path / "locks", "here-1")


def test_one_holds_it_and_the_next_is_refused_at_once(lock):
    with lock.hold("a") as first:
        with lock.hold("a") as second, lock.hold("b") as other:
            assert (first, second, other) == (True, False, True)
        with lock.hold("a") as third:
            assert not third, "whoever was refused has let go of nothing"
    with lock.hold("a") as again:
        assert again


def test_an_error_inside_lets_go(lock):
    with pytest.raises(KeyError), lock.hold("a"):
        raise KeyError
    with lock.hold("a") as again:
        assert again


def test_its_directory_is_for_the_owner_alone(tmp_path):
    with file_lock(tmp_path / "locks", "here-1").hold("a"):
        assert stat.S_IMODE(os.stat(tmp_path / "locks").st_mode) == 0o700


def test_a_directory_that_cannot_be_made_is_one_message(tmp_path):
    (tmp_path / "locks").write_text("a file is in the way")
    with pytest.raises(CoordinationUnavailable):
        file_lock(tmp_path / "locks", "here-1")


@pytest.mark.parametrize("odd", ["by a link", "everybody's"])
def test_a_directory_in_which_others_could_take_the_lock_away_is_refused(odd, tmp_path):
    """As somebody can make it beforehand where the database lies in a directory such as /tmp."""
    (tmp_path / "theirs").mkdir()
    if odd == "by a link":
        (tmp_path / "locks").symlink_to(tmp_path / "theirs")
    else:
        (tmp_path / "locks").mkdir()
        (tmp_path / "locks").chmod(0o777)
    with pytest.raises(CoordinationUnavailable, match="others"):
        file_lock(tmp_path / "locks", "here-1")


@pytest.mark.parametrize("name", ["a#b", "a?b"])
def test_a_path_that_an_address_would_cut_short_is_refused(name, tmp_path):
    """The lock of a#b would be that of a#c, in a directory that is neither's."""
    (tmp_path / name).mkdir()
    with pytest.raises(CoordinationUnavailable, match="cut short"):
        file_lock(tmp_path / name / "locks", "here-1")


def test_a_run_that_is_done_stays_done_where_its_lock_cannot_be_let_go(monkeypatch, caplog):
    def fails(*_: object, **__: object) -> None:
        raise OSError("hunter2")

    held = SimpleNamespace(acquire=lambda blocking: True, release=fails)
    driver = SimpleNamespace(start=lambda start_heart: None, get_lock=lambda name: held, stop=fails)
    monkeypatch.setattr("tooz.coordination.get_coordinator", lambda url, member: driver)
    done = []
    with CoordinatedLock("redis://h", "me", Secret("hunter2")).hold("a") as got:
        done.append(got)
    assert done == [True]
    assert "OSError" in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("url", ["nonsense", "nothing://x", "redis://user@127.0.0.1:1", "file:///proc/no/such"])
def test_a_lock_that_cannot_be_had_is_one_message_without_its_password(url):
    with pytest.raises(CoordinationUnavailable) as refused, CoordinatedLock(url, "me", Secret("hunter2")).hold("a"):
        raise AssertionError("nothing must be done without the lock")
    assert "hunter2" not in refused.value.detail + refused.value.debug + refused.value.hint
    assert refused.value.exit_status == 5


def test_a_driver_that_is_not_installed_is_named():
    with pytest.raises(CoordinationUnavailable) as refused, CoordinatedLock("memcached://127.0.0.1:1", "me").hold("a"):
        raise AssertionError("nothing must be done without the lock")
    assert "Python package pymemcache" in refused.value.detail


def settings(store: str, coordination: str | None = None) -> SimpleNamespace:
    return SimpleNamespace(store=StoreSettings(url=store), coordination=CoordinationSettings(url=coordination))


def test_beside_sqlite_the_lock_is_a_file_and_two_databases_have_two(tmp_path):
    one, two = (wire_lock(settings(f"sqlite:///{tmp_path}/{name}.sqlite")) for name in ("one", "two"))
    with one.hold("a") as first, two.hold("a") as second:
        assert (first, second) == (True, True)
    assert (tmp_path / "one.sqlite.locks").is_dir()


@pytest.mark.parametrize("url", ["postgresql://p3idp@db/p3idp", "sqlite://"])
def test_a_database_that_hosts_share_wants_a_lock_that_they_share(url):
    with pytest.raises(SettingsInvalid) as refused:
        wire_lock(settings(url))
    assert "[coordination] url" in refused.value.hint


def test_a_lock_that_was_named_is_the_one_that_is_used(tmp_path):
    with wire_lock(settings("postgresql://p3idp@db/p3idp", f"file://{tmp_path}/named")).hold("a") as got:
        assert got
    assert (tmp_path / "named").is_dir()


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hunter2@host:6379",
        "mysql://u:hunter2@h/d",
        "postgresql://h/d?password=hunter2",
        "mysql://u:hunt/er2@h/d",
    ],
)
def test_a_password_in_its_address_is_refused(url):
    with pytest.raises(ValueError, match="a secret is given by reference"):
        CoordinationSettings(url=url)


@pytest.mark.parametrize(
    ("url", "full"),
    [
        ("redis://host:6379", "redis://:p%40ss@host:6379"),
        ("postgresql://u@host/d", "postgresql://u:p%40ss@host/d"),
    ],
)
def test_the_password_goes_with_the_user_of_the_address(url, full):
    assert CoordinatedLock(url, "me", Secret("p@ss"))._full_url() == full
