"""What a researcher's machine provides: its environment, files, clock and randomness.

Owns how an access token is found in a file or variable; what p3idp itself keeps is cache/.

A token never comes from the command line: other people on the machine can read that.
"""

import os
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from p3idp.core.secret import Secret
from p3idp.errors.client import TokenUnreadable

STDIN = "-"


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


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let Ctrl-C and a plea to end wait for the end of this block; they are heard then.

    Handlers are exchanged, since a mask holds for one thread and another would take the signal. Python runs them in the
    main thread alone: elsewhere there is nothing to hold back.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []
    pleas = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {plea: signal.signal(plea, lambda number, _: heard.append(number)) for plea in pleas}
    try:
        yield
    finally:
        for plea, handler in before.items():
            signal.signal(plea, signal.SIG_DFL if handler is None else handler)
        for plea in dict.fromkeys(heard):
            signal.raise_signal(plea)
