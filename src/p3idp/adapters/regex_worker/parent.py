"""The side of the regex worker that asks. Owns the worker's life: one a thread, ended and replaced when late.

Questions are numbered. Whatever comes back that is not the answer to the last question ends the worker: a wrong answer
would be a wrong grant.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import Any

from p3idp.core.keystone_rules.search import BrokenPattern

# Of processor time, for all patterns of one evaluation together.
SECONDS = 0.01
# By the clock on the wall, for the same: on a machine so busy, an answer is not worth the wait.
PATIENCE_SECONDS = 0.04
# Until a new worker says that it is there.
START_SECONDS = 10.0
MEMORY_BYTES = 192 * 1024 * 1024
_DIED = b"null\n"
_CHILD = Path(__file__).with_name("child.py")


class RegexWorker:
    """Runs patterns in processes that can be ended. Safe to share between threads and to inherit by fork."""

    def __init__(self, seconds: float = SECONDS) -> None:
        self._seconds = seconds
        self._mine = threading.local()

    def prepare(self) -> None:
        """Start the worker, so that the first question does not wait for it."""
        self._process()

    def begin(self) -> None:
        """A new evaluation: its time starts anew."""
        self._mine.fresh = True

    def find(self, pattern: str, texts: Sequence[str]) -> Sequence[bool] | BrokenPattern | None:
        """Whether ``pattern`` is found in each of ``texts``; None where the evaluation's time is over."""
        process, mine = self._process(), self._mine
        fresh, mine.fresh = mine.fresh, False
        mine.number += 1
        question = json.dumps([mine.number, fresh, pattern, list(texts)]).encode("ascii") + b"\n"
        try:
            while mine.owed and _line(process, START_SECONDS):
                mine.owed -= 1
            if fresh:
                mine.until = monotonic() + PATIENCE_SECONDS
            answer = _ask(process, question, mine.until - monotonic())
        except BrokenPipeError:
            answer = b""
        if answer is None and not mine.owed:
            mine.owed = 1  # it ends by itself soon; what it says then is read before the next question
            return None
        if answer == _DIED:
            return None
        number, said = json.loads(answer) if answer else (0, None)
        if number != mine.number:
            self._replace(process)
            return None
        return _read(said)

    def close(self) -> None:
        """End this thread's worker."""
        process = getattr(self._mine, "process", None)
        if process is not None and self._mine.owner == os.getpid():
            _end(process)
        self._mine.process = None

    def _process(self) -> "subprocess.Popen[bytes]":
        """This thread's worker, alive. A child by fork starts its own: two must not read one pipe."""
        process: subprocess.Popen[bytes] | None = getattr(self._mine, "process", None)
        if process is None or self._mine.owner != os.getpid() or process.poll() is not None:
            process = self._mine.process = self._started()
            self._mine.owner, self._mine.fresh, self._mine.number = os.getpid(), True, 0
            self._mine.owed = 1  # its first line says that it is there
        return process

    def _replace(self, process: "subprocess.Popen[bytes]") -> None:
        _end(process)
        self._mine.process = None
        self.prepare()

    def _started(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-I", "-S", str(_CHILD), str(self._seconds), str(MEMORY_BYTES)]
        # The child gets no environment: it needs none, and secrets may be in ours.
        return subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            start_new_session=True,
        )


def _ask(process: "subprocess.Popen[bytes]", question: bytes, seconds: float) -> bytes | None:
    """The line that answers; empty where the worker is gone, None where it is late."""
    if process.stdin is None:
        raise AssertionError("the worker was started with pipes")
    process.stdin.write(question)
    process.stdin.flush()
    return _line(process, seconds)


def _line(process: "subprocess.Popen[bytes]", seconds: float) -> bytes | None:
    if process.stdout is None:
        raise AssertionError("the worker was started with pipes")
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN)
    ready = waiting.poll(max(seconds, 0) * 1000)
    return process.stdout.readline() if ready else None


def _read(said: Any) -> Sequence[bool] | BrokenPattern | None:
    if isinstance(said, list):
        return said
    # More memory than a pattern may have is p3idp's limit, not an error of the pattern.
    return None if said["error"] == "MemoryError" else BrokenPattern(said["error"], said["message"])


def _end(process: "subprocess.Popen[bytes]") -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # it died with our question unread
    process.wait()
