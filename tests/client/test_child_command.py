"""A command that p3idp waits for gets the signals, and its end becomes the status."""

import os
import pty
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from p3idp.client.child import run_child

PARENT = """
import os, sys
from datetime import timedelta
from p3idp.client.child import run_child
handle = os.open(os.devnull, os.O_RDONLY)
sys.exit(run_child(sys.argv[1:], os.environ, handle, timedelta(hours=1), lambda: None))
"""
# It says that it listens, counts what it hears, and ends a moment after the first.
LISTENER = """
import signal, sys, time
heard, end = [], time.monotonic() + 20
signal.signal(getattr(signal, "SIG" + sys.argv[1]), lambda *_: heard.append(1))
print("ready", flush=True)
while not heard and time.monotonic() < end:
    time.sleep(0.02)
time.sleep(0.2)
print("heard", len(heard), flush=True)
sys.exit(42)
"""


def run(script: str) -> int:
    with open(os.devnull, encoding="utf-8") as nothing:
        command = ["/bin/sh", "-c", script]
        return run_child(command, {"PATH": os.environ["PATH"]}, nothing.fileno(), timedelta(hours=1), lambda: None)


@pytest.mark.parametrize(("script", "status"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137), ("kill $$", 143)])
def test_the_status_is_the_commands(script: str, status: int):
    assert run(script) == status


def test_handlers_are_as_before():
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)]
    run("true")
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)] == before


def test_meanwhile_is_called_every_so_often():
    calls: list[int] = []
    with open(os.devnull, encoding="utf-8") as nothing:
        command, often = ["/bin/sleep", "0.3"], timedelta(seconds=0.1)
        run_child(command, {}, nothing.fileno(), often, lambda: calls.append(1))
    assert len(calls) in (2, 3)


def parent_of(*command: str) -> list[str]:
    return [sys.executable, "-c", PARENT, *command]


def started(*command: str, **more: object) -> "subprocess.Popen[str]":
    words = parent_of(*command)
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True, **more)  # type: ignore[call-overload]  # a test's own


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_a_signal_reaches_the_command_once(name: str):
    with started(sys.executable, "-c", LISTENER, name) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(getattr(signal, f"SIG{name}"))
        assert parent.stdout.read() == "heard 1\n"
    assert parent.returncode == 42


def test_what_nohup_ignores_the_command_ignores():
    with started("/bin/sh", "-c", 'kill -HUP $PPID $$; echo "still here"', preexec_fn=ignore_hup) as parent:
        assert parent.stdout is not None
        assert parent.stdout.read() == "still here\n"
    assert parent.returncode == 0


def ignore_hup() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def test_a_key_at_the_terminal_reaches_the_command_once():
    """Terraform takes a second Ctrl-C as the wish to stop at once."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, parent_of(sys.executable, "-c", LISTENER, "INT"))
    text = read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    text += read_until(terminal, b"heard")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert b"heard 1" in text
    assert os.waitstatus_to_exitcode(status) == 42


def read_until(terminal: int, word: bytes) -> bytes:
    text, end = b"", time.monotonic() + 20
    while not (word in text and text.endswith(b"\n")) and time.monotonic() < end:
        text += os.read(terminal, 1000)
    return text


def test_a_handle_is_held_by_the_command_and_what_it_starts(tmp_path: Path):
    import fcntl

    note = tmp_path / "note"
    handle = os.open(note, os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    run_child(["/bin/sh", "-c", "sleep 1 &"], {"PATH": os.environ["PATH"]}, handle, timedelta(hours=1), lambda: None)
    os.close(handle)
    other = os.open(note, os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fcntl.flock(other, fcntl.LOCK_EX)  # it ends
    os.close(other)
