"""Readiness under load: one look at a time, and nobody waits for it who need not."""

import threading
from datetime import UTC, datetime, timedelta

from p3idp.ops.health import Part, Readiness


class MovingClock:
    """A clock that a test moves."""

    now = datetime(2026, 11, 22, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


def test_while_a_neighbour_hangs_others_get_the_last_answer_at_once() -> None:
    clock, hang, looking, go_on = MovingClock(), threading.Event(), threading.Event(), threading.Event()

    def check() -> None:
        if hang.is_set():
            looking.set()
            go_on.wait(10)

    readiness = Readiness([Part("slow", check, False, "")], clock)
    first = readiness.report()
    hang.set()
    clock.now += timedelta(seconds=10)
    stuck = threading.Thread(target=readiness.report)
    stuck.start()
    assert looking.wait(5)
    assert readiness.report() is first
    go_on.set()
    stuck.join(5)
    assert readiness.report() is not first


def test_a_clock_that_steps_back_does_not_keep_an_old_answer() -> None:
    clock, looks = MovingClock(), []
    readiness = Readiness([Part("any", lambda: looks.append(1), False, "")], clock)
    readiness.report()
    clock.now -= timedelta(days=1)
    readiness.report()
    assert len(looks) == 2
