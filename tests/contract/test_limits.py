"""The port of limits: one suite for the library's storage and the twin in memory, and a storage that is away."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from limits.storage import MemoryStorage

from p3idp.adapters.limits import AWAY_SECONDS, CountingLimiter, open_limiter
from p3idp.adapters.memory.limits import MemoryLimiter
from p3idp.core.secret import Secret
from p3idp.errors.limits import TooMany
from p3idp.errors.settings import SettingsInvalid
from p3idp.ports.limits import Limit, Limiter

THREE = Limit("three", 3, 1)


@pytest.fixture(params=["memory", "library"])
def limiter(request: pytest.FixtureRequest) -> Limiter:
    if request.param == "memory":
        return MemoryLimiter(lambda: datetime.now(UTC))
    return open_limiter("memory://", None, time.time)


def refused(limiter: Limiter, limit: Limit, key: str, cost: int = 1) -> TooMany | None:
    try:
        limiter.take(limit, key, cost)
    except TooMany as refusal:
        return refusal
    return None


def is_let(limiter: Limiter, limit: Limit, key: str, cost: int = 1) -> bool:
    refusal = refused(limiter, limit, key, cost)
    assert refusal is None or 1 <= (refusal.retry_after or 0) <= limit.seconds, "how long to wait"
    return refusal is None


def test_as_many_as_the_limit_and_no_more(limiter: Limiter):
    assert [is_let(limiter, THREE, "a") for _ in range(5)] == [True, True, True, False, False]


def test_keys_and_limits_count_apart(limiter: Limiter):
    assert not is_let(limiter, THREE, "a", 4)
    assert is_let(limiter, THREE, "b")
    assert is_let(limiter, Limit("other", 3, 1), "a")


def test_what_did_not_fit_uses_up_the_rest(limiter: Limiter):
    assert is_let(limiter, THREE, "a")
    assert not is_let(limiter, THREE, "a", 20)
    assert not is_let(limiter, THREE, "a"), "two were left before"


def test_a_window_ends_and_a_flood_does_not_lengthen_it(limiter: Limiter):
    began = time.monotonic()
    refused = 0
    while not is_let(limiter, THREE, "a", 3) or refused == 0:
        refused += 1
        assert time.monotonic() < began + 5
        time.sleep(0.02)
    assert refused > 10


def test_no_limit_counts_nothing(limiter: Limiter):
    assert all(is_let(limiter, Limit("off", 0), "a", 1000) for _ in range(3))


@pytest.mark.parametrize("key", ["", "x" * 10_000, "with blanks\r\nand lines", "Łódź", "a/b/c"])
def test_a_key_is_any_text(limiter: Limiter, key: str):
    assert [is_let(limiter, THREE, key) for _ in range(4)] == [True, True, True, False]
    assert is_let(limiter, THREE, key + "!")


def test_no_name_and_no_address_lies_in_the_storage():
    storage = Away()
    limiter = CountingLimiter(storage, time.time)
    assert is_let(limiter, THREE, "https://idp.test alice@egi.eu 192.0.2.1")
    kept = " ".join(storage.storage)
    assert not [word for word in ("alice", "192.0.2.1", "idp.test") if word in kept]
    assert len(kept) < 200, "memcached takes 250 bytes"


class Away(MemoryStorage):
    """A storage that can go away, as Redis does: with an error of its driver, or after a while."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away, self.asked = False, 0

    def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        self.asked += 1
        if self.is_away:
            raise ConnectionError("redis://p3idp:hunter2@cache:6379 refuses")
        return super().incr(key, expiry, amount)


def with_clock() -> tuple[Away, CountingLimiter, Callable[[float], None]]:
    storage, moved = Away(), [0.0]
    limiter = CountingLimiter(storage, lambda: time.time() + moved[0])
    return storage, limiter, lambda seconds: moved.__setitem__(0, moved[0] + seconds)


def test_while_the_storage_is_away_the_process_counts_for_itself(caplog: pytest.LogCaptureFixture):
    storage, limiter, _ = with_clock()
    minute = Limit("minute", 3)
    assert is_let(limiter, minute, "a", 3)
    storage.is_away = True
    assert [is_let(limiter, minute, "a") for _ in range(5)] == [True, True, True, False, False]
    assert storage.asked == 2, "one that hangs is not waited for at every request"
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "hunter2" not in caplog.text


def test_a_storage_that_is_back_counts_again():
    storage, limiter, forward = with_clock()
    minute = Limit("minute", 3)
    assert is_let(limiter, minute, "a", 3)
    storage.is_away = True
    assert is_let(limiter, minute, "a", 3)
    storage.is_away = False
    assert not is_let(limiter, minute, "a"), "still counted here"
    forward(AWAY_SECONDS)
    asked = storage.asked
    assert is_let(limiter, minute, "b")
    assert storage.asked == asked + 1, "counted there"


def test_a_flood_asks_the_storage_no_more_than_its_limit():
    storage, limiter, forward = with_clock()
    minute = Limit("minute", 3)
    assert [is_let(limiter, minute, "a") for _ in range(100)] == [True] * 3 + [False] * 97
    assert storage.asked == 4
    forward(61)
    storage.reset()
    assert is_let(limiter, minute, "a")


def test_what_is_remembered_of_floods_is_bounded(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p3idp.adapters.limits._MOST_USED_UP", 5)
    _, limiter, forward = with_clock()
    one = Limit("minute", 1)
    for turn in range(2):
        for number in range(20):
            assert not is_let(limiter, one, f"{turn}-{number}", 2)
            assert len(limiter._used_up) <= 5
        forward(61)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mongodb://cache", "is not"),
        ("async+memory://", "is not"),
        ("nonsense", "is not"),
    ],
)
def test_a_storage_that_cannot_be_opened_is_one_message(url: str, said: str):
    with pytest.raises(SettingsInvalid, match=said) as refusal:
        open_limiter(url, Secret("hunter2"), time.time)
    assert "hunter2" not in f"{refusal.value.detail} {refusal.value.debug}"


def test_the_wait_is_what_is_left_of_the_window():
    now = datetime(2026, 11, 22, 8, tzinfo=UTC)
    moments = [now, now + timedelta(seconds=42)]
    twin = MemoryLimiter(lambda: moments.pop(0))
    assert is_let(twin, Limit("minute", 1), "a")
    assert (refused(twin, Limit("minute", 1), "a") or TooMany("")).retry_after == 18


def test_the_library_states_the_wait_as_the_twin_does():
    _, limiter, forward = with_clock()
    assert is_let(limiter, Limit("minute", 1), "a")
    forward(42)
    refusal = refused(limiter, Limit("minute", 1), "a") or TooMany("")
    assert refusal.retry_after in (18, 19)
