"""A command that this one waits for. Owns signals handed on to it, and the status that tells how it ended."""

import os
import signal
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta

_HANDED_ON = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM", "SIGUSR1", "SIGUSR2", "SIGWINCH")
# A terminal's keys reach the whole group in front of it: handed on, they would arrive twice.
_KEYS = tuple(getattr(signal, name) for name in ("SIGHUP", "SIGINT", "SIGQUIT", "SIGWINCH") if hasattr(signal, name))


def run_child(
    command: Sequence[str],
    environment: Mapping[str, str],
    held: int,
    often: timedelta,
    meanwhile: Callable[[], None],
) -> int:
    """Run the command to its end, and return its status as a shell does: 128 and the signal's number for one killed.

    It inherits the handle ``held``. ``meanwhile`` is called every so ``often``. Raises OSError where it cannot start.
    """
    heard: list[int] = []
    child: subprocess.Popen[bytes] | None = None

    def hand_on(number: int, _: object) -> None:
        if child is None:
            heard.append(number)
        elif number not in _KEYS or not _in_front_of_terminal():
            child.send_signal(number)

    with _handlers(hand_on):
        kept = (held,) if os.name == "posix" else ()
        child = subprocess.Popen(command, env=environment, pass_fds=kept)  # noqa: S603 - the user's own command, no shell
        for number in heard:
            child.send_signal(number)
        while True:
            try:
                status = child.wait(often.total_seconds())
                return 128 - status if status < 0 else status
            except subprocess.TimeoutExpired:
                meanwhile()


@contextmanager
def _handlers(handler: Callable[[int, object], None]) -> Iterator[None]:
    """With this handler for all that is not ignored already (nohup), which a child inherits as it is."""
    numbers = [getattr(signal, name) for name in _HANDED_ON if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    taken = [number for number in numbers if before[number] is not signal.SIG_IGN]
    for number in taken:
        signal.signal(number, handler)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, before[number] or signal.SIG_DFL)


def _in_front_of_terminal() -> bool:
    try:
        handle = os.open("/dev/tty", os.O_RDONLY | getattr(os, "O_NOCTTY", 0))
    except OSError:
        return False
    try:
        return os.tcgetpgrp(handle) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(handle)
