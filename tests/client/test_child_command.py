"""A command that p3idp waits for gets the signals, and its end becomes the status."""

import os
import pty
import signal
import subprocess
import sys
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
# Two at the same moment would be joined by the system: what this parent hands on comes later.
SLOW_PARENT = f"""
import subprocess, time
send = subprocess.Popen.send_signal
subprocess.Popen.send_signal = lambda child, number: (time.sleep(0.2), send(child, number))
{PARENT}
"""
# It says each signal that it hears, before Python joins several, and ends when it heard none for a while.
LISTENER = """
import os, select, signal, sys
ear, mouth = os.pipe()
os.set_blocking(mouth, False)
signal.signal(getattr(signal, "SIG" + sys.argv[1]), lambda *_: None)
signal.set_wakeup_fd(mouth)
print("ready", flush=True)
wait = 20
while select.select([ear], [], [], wait)[0]:
    print("heard" * len(os.read(ear, 10)), flush=True)
    wait = 0.5
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


def started(*command: str, **more: object) -> "subprocess.Popen[str]":
    words = [sys.executable, "-c", PARENT, *command]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True, **more)  # type: ignore[call-overload]  # a test's own


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "USR1"])
def test_a_signal_reaches_the_command_once(name: str):
    with started(sys.executable, "-c", LISTENER, name) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(getattr(signal, f"SIG{name}"))
        assert parent.stdout.read() == "heard\n"
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
        os.execv(sys.executable, [sys.executable, "-c", SLOW_PARENT, sys.executable, "-c", LISTENER, "INT"])
    text = read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    text += read_until(terminal, b"")
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    assert text.count(b"heard") == 1
    assert os.waitstatus_to_exitcode(status) == 42


def read_until(terminal: int, word: bytes) -> bytes:
    """What the terminal shows up to this word, or to its end."""
    text = b""
    while not (word and word in text):
        try:
            text += os.read(terminal, 1000)
        except OSError:  # as Linux says that nobody has the terminal any more
            break
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
