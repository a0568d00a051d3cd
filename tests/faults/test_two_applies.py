"""Two applies at once, as two real processes: one works, the other is refused; a killed one is in nobody's way."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from policies import PolicyFiles

# Its Keystone is in memory and waits at the first write until a file is there. Everything else is what a site runs.
APPLY = """
import sys, time
from dataclasses import replace
from pathlib import Path
from access_world import AccessWorld
from policies import PolicyFiles
from p3idp.adapters.coordination import file_lock
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.history import StoredHistory
from p3idp.adapters.store.ledger import StoredLedger
from p3idp.errors import P3idpError

root = Path(sys.argv[1])
files = PolicyFiles.__new__(PolicyFiles)
files.root = root / "policy"
engine = open_store(f"sqlite:///{root}/p3idp.sqlite")
world = AccessWorld(files, ledger=StoredLedger(engine, "here"), history=StoredHistory(engine, 9))
world.lock = file_lock(root / "locks", sys.argv[2])
write = MemoryKeystone.write

def slow(self, change):
    print("writing", flush=True)
    while not (root / "go").exists():
        time.sleep(0.02)
    write(self, change)

MemoryKeystone.write = slow
try:
    done = world.apply()
except P3idpError as error:
    print(error.code, int(error.exit_status), error.detail)
else:
    print("applied", len(done.settled))
"""


@contextmanager
def applying(root: Path, name: str) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1] / "kit")}
    command = [sys.executable, "-c", APPLY, str(root), name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            yield process
        finally:
            process.kill()


def heard(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    PolicyFiles(tmp_path / "policy")
    return tmp_path


def test_the_second_is_refused_at_once_and_told_who_holds_the_lock(root: Path) -> None:
    with applying(root, "first") as first:
        assert heard(first) == "writing"
        began = time.monotonic()
        with applying(root, "second") as second:
            answer = heard(second)
        assert answer.startswith(
            "apply-running 4 Another apply is running at this Keystone. Account p3idp-account on here"
        )
        assert "(record here/1)" in answer
        assert time.monotonic() - began < 20, "it waits for nobody"
        (root / "go").touch()
        last = [line.strip() for line in first.stdout or ()][-1]
        assert last == "applied 0"


def test_a_killed_one_leaves_no_lock_behind_and_is_settled(root: Path) -> None:
    with applying(root, "first") as first:
        assert heard(first) == "writing"
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    (root / "go").touch()
    with applying(root, "second") as second:
        lines = [line.strip() for line in second.stdout or ()]
    assert lines[-1] == "applied 1"
