"""What a researcher's machine provides: its environment, files, clock and randomness.

Owns how an access token is found in a file or variable; what p3idp itself keeps is cache/.

A token never comes from the command line: other people on the machine can read that.
"""

import atexit
import os
import secrets
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from p3idp.core.secret import Secret
from p3idp.errors.client import TokenUnreadable

STDIN = "-"
_LONGEST_REFRESH = 30  # seconds


def token_from_file(name: str) -> Secret[str]:
    """Read the access token from a file, or from standard input where ``name`` is ``-``. Raises TokenUnreadable."""
    try:
        text = sys.stdin.read() if name == STDIN else Path(name).expanduser().read_text(encoding="utf-8")
    except OSError as exc:
        raise TokenUnreadable(f"The access token cannot be read from {name}: {exc.strerror}.") from exc
    except UnicodeDecodeError as exc:
        raise TokenUnreadable(f"{name} holds other bytes than an access token.") from exc
    return _token(text, f"The file {name}" if name != STDIN else "Standard input")


def token_from_variable(name: str) -> Secret[str]:
    """Read the access token from an environment variable. Raises TokenUnreadable."""
    return _token(os.environ.get(name, ""), f"The environment variable {name}")


def _token(text: str, where: str) -> Secret[str]:
    token = text.strip()
    if not token or any(character.isspace() for character in token):
        raise TokenUnreadable(f"{where} does not hold an access token.")
    return Secret(token)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def new_token() -> str:
    """Unguessable URL-safe text of 256 bits."""
    return secrets.token_urlsafe(32)


# Held while a thread other than the main one does what must not be cut off: see `uninterrupted`.
_under_way = threading.Lock()


@contextmanager
def uninterrupted(tell: Callable[[str], None] = lambda line: None) -> Iterator[None]:
    """Let Ctrl-C and a plea to end wait for the end of this block; they are heard then. ``tell`` hears of the wait.

    Whoever presses Ctrl-C once more does not wait. Handlers are exchanged, since a mask holds for one thread and
    another would take the signal. Python runs them in the main thread alone: elsewhere the program's end waits instead.
    """
    if threading.current_thread() is not threading.main_thread():
        with _under_way:
            yield
        return
    heard: list[int] = []

    def hear(number: int, _: object) -> None:
        if number in heard:
            raise KeyboardInterrupt
        heard.append(number)
        tell("Waiting for an answer, so that your sign-in is not lost. Once more ends it at once.")

    pleas = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {plea: signal.signal(plea, hear) for plea in pleas}
    try:
        yield
    finally:
        for plea, handler in before.items():
            signal.signal(plea, signal.SIG_DFL if handler is None else handler)
        for plea in dict.fromkeys(heard):
            signal.raise_signal(plea)


def _wait_for_what_is_under_way() -> None:
    """Between a provider's answer and the disk, the only refresh token is in a thread that would end with us."""
    _under_way.acquire(timeout=_LONGEST_REFRESH)  # and kept: another refresh would be cut off by the end


def _after_fork() -> None:
    global _under_way  # noqa: PLW0603 - whoever held it stays with the parent
    _under_way = threading.Lock()


atexit.register(_wait_for_what_is_under_way)
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_after_fork)
