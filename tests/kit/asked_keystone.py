"""Keystone's own mapping engine as a process to ask: one JSON line a question, answers in order."""

import json
import os
import subprocess
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

ENGINE = Path(__file__).with_name("keystone_engine.py")

Question = dict[str, Any]


class AskedKeystone:
    """A running engine. Sets of text have the same order there as here when PYTHONHASHSEED is the same."""

    def __init__(self, python: Path, *options: str) -> None:
        seed = os.environ.get("PYTHONHASHSEED", "0")
        self._process = subprocess.Popen(
            [python, ENGINE, *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed},
        )  # fmt: skip

    def __enter__(self) -> "AskedKeystone":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, question: Question) -> dict[str, Any]:
        """One question, one answer."""
        self._write(json.dumps(question))
        return self._read()

    def ask_all(self, lines: Iterable[str]) -> Iterator[dict[str, Any]]:
        """Many at once; the engine works while the answers are looked at."""
        kept = list(lines)
        threading.Thread(target=lambda: [self._write(line) for line in kept], daemon=True).start()
        for _ in kept:
            yield self._read()

    def _write(self, line: str) -> None:
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        line = self._process.stdout.readline()
        assert line, f"Keystone's engine ended with status {self._process.wait()}"
        return json.loads(line)
