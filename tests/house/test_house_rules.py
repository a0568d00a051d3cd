"""The rules of the house hold, and each check that holds them turns red where somebody breaks its rule."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def run(cwd: Path, tool: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([BIN / tool, *words], cwd=cwd, capture_output=True, text=True, env={"PYTHONPATH": "src"})


def test_nobody_imports_whom_they_must_not():
    done = run(ROOT, "lint-imports", "--no-cache", "--no-logo")
    assert done.returncode == 0, done.stdout


# One wrong import for each contract, and the contract that must name it.
@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("ops/access.py", "import p3idp.adapters.memory.keystone", "Doors ask wiring"),
        ("core/access/plan.py", "import p3idp.ports.keystone", "Doors ask wiring"),
        ("cli/access.py", "import p3idp.adapters.store.ledger", "The doors never import adapters directly"),
        ("adapters/store/ledger.py", "import p3idp.adapters.logs", "Adapters do not know one another"),
        ("core/access/plan.py", "import socket", "Core has no framework"),
        ("core/access/plan.py", "import p3idp.settings", "Core has no framework"),
        ("settings/load.py", "import p3idp.ports.ledger", "Settings stand beside core"),
        ("client/exchange.py", "import p3idp.settings", "The client knows errors and core only"),
        ("ops/access.py", "import flask", "Flask lives in web"),
        ("ops/access.py", "import click", "Click lives in cli, lab and client"),
    ],
)
def test_a_wrong_import_breaks_its_contract(tmp_path: Path, module: str, line: str, contract: str):
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / ".importlinter", tmp_path)
    file = tmp_path / "src/p3idp" / module
    file.write_text(f"{file.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")
    done = run(tmp_path, "lint-imports", "--no-cache", "--no-logo")
    assert done.returncode == 1, done.stdout
    assert re.search(rf"{contract}((?!KEPT).)* BROKEN", " ".join(done.stdout.split())), done.stdout
    assert line.split()[1] in done.stdout


SEEDED = """
from p3idp.core.access.plan import Change
from p3idp.ports.keystone import FederationReader


def plan(reader: FederationReader, change: Change) -> None:
    reader.write(change)
"""


def test_planning_cannot_write_by_type(tmp_path: Path):
    """mypy strict on everything, with one module beside it that plans and writes: that is all it finds."""
    seeded = tmp_path / "seeded.py"
    seeded.write_text(SEEDED, encoding="utf-8")
    done = run(ROOT, "mypy", "src/p3idp", str(seeded))
    found = done.stdout.splitlines()[:-1]
    assert len(found) == 1, done.stdout
    assert found[0].endswith('seeded.py:7: error: "FederationReader" has no attribute "write"  [attr-defined]')


@pytest.mark.parametrize(
    "line",
    ["from datetime import datetime; datetime.now()", "import time; time.time()", "import secrets", "import random"],
)
def test_clock_and_randomness_come_from_wiring_alone(line: str):
    def found(text: str) -> str:
        words = [
            BIN / "ruff",
            "check",
            "--no-cache",
            "--select",
            "TID251",
            "--stdin-filename",
            "src/p3idp/ops/x.py",
            "-",
        ]
        return subprocess.run(words, cwd=ROOT, input=text, capture_output=True, text=True).stdout

    assert "TID251" in found(f"{line}\n")
    assert run(ROOT, "ruff", "check", "--no-cache", "--select", "TID251", "src").returncode == 0
