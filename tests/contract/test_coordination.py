"""The lock between two applies: one holder, at once refused, and told in our words what is wrong."""

import os
import stat

import pytest

from p3idp.adapters.coordination import CoordinatedLock, file_lock
from p3idp.adapters.memory.history import MemoryLock
from p3idp.core.secret import Secret
from p3idp.errors.access import CoordinationUnavailable


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


@pytest.mark.parametrize("url", ["nonsense", "nothing://x", "redis://user@127.0.0.1:1", "file:///proc/no/such"])
def test_a_lock_that_cannot_be_had_is_one_message_without_its_password(url):
    with pytest.raises(CoordinationUnavailable) as refused, CoordinatedLock(url, "me", Secret("hunter2")).hold("a"):
        raise AssertionError("nothing must be done without the lock")
    assert "hunter2" not in refused.value.detail + refused.value.debug + refused.value.hint
    assert refused.value.exit_status == 5
