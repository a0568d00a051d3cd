"""The side of the regex worker that asks. Owns the worker's life: one a thread, ended and replaced when late."""

import json
import os
import select
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from p3idp.core.keystone_rules.search import BrokenPattern

# Of processor time, for all patterns of one evaluation together.
SECONDS = 0.015
# By the clock on the wall, for one question: on a machine so busy, an answer is not worth the wait.
PATIENCE_SECONDS = 0.045
# Until a new worker says that it is there.
START_SECONDS = 10.0
MEMORY_BYTES = 192 * 1024 * 1024
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
        process = self._process()
        question = [getattr(self._mine, "fresh", True), pattern, list(texts)]
        self._mine.fresh = False
        try:
            if not self._mine.ready:
                self._mine.ready = bool(_line(process, START_SECONDS))
            answer = _ask(process, json.dumps(question).encode("ascii") + b"\n")
        except BrokenPipeError:
            answer = b""
        if not answer:
            self._replace(process)
            return None
        return _read(answer)

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
            self._mine.owner, self._mine.fresh = os.getpid(), True
        return process

    def _replace(self, process: "subprocess.Popen[bytes]") -> None:
        _end(process)
        self._mine.process = None
        self.prepare()

    def _started(self) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-I", "-S", str(_CHILD), str(self._seconds), str(MEMORY_BYTES)]
        # The child gets no environment: it needs none, and secrets may be in ours.
        process = subprocess.Popen(  # noqa: S603 - our own interpreter and our own file
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}
        )
        self._mine.ready = False
        return process


def _ask(process: "subprocess.Popen[bytes]", question: bytes) -> bytes:
    """The line that answers; empty where the worker died or is late."""
    if process.stdin is None:
        raise AssertionError("the worker was started with pipes")
    process.stdin.write(question)
    process.stdin.flush()
    return _line(process, PATIENCE_SECONDS)


def _line(process: "subprocess.Popen[bytes]", seconds: float) -> bytes:
    if process.stdout is None:
        raise AssertionError("the worker was started with pipes")
    waiting = select.poll()
    waiting.register(process.stdout, select.POLLIN)
    ready = waiting.poll(seconds * 1000)
    return process.stdout.readline() if ready else b""


def _read(answer: bytes) -> Sequence[bool] | BrokenPattern | None:
    said = json.loads(answer)
    if isinstance(said, list):
        return said
    # More memory than a pattern may have is p3idp's limit, not an error of the pattern.
    return None if said["error"] == "MemoryError" else BrokenPattern(said["error"], said["message"])


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.kill()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            try:
                pipe.close()
            except BrokenPipeError:
                continue  # it died with our question unread
    process.wait()
