"""The tutorial does what it says: its commands run, in its order, on the lab that the tests have anyway."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from p3idp.lab.handle import LabHandle

ROOT = Path(__file__).parents[2]
TUTORIAL = ROOT / "docs/tutorial/first-sign-in.md"


def commands(text: str) -> Sequence[str]:
    """Every line that a reader types, without the two that start and stop the lab."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    typed = [line.removeprefix("$ ") for block in blocks for line in block.splitlines() if line.startswith("$ ")]
    return [line for line in typed if not line.startswith("make ")]


@pytest.fixture
def checkout(site: LabHandle, tmp_path: Path) -> Path:
    """A directory as the tutorial's reader has it: the environment, the lab's state and its policy."""
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    (tmp_path / ".lab").symlink_to(site.state_dir)
    shutil.copytree(site.settings.policy_dir, tmp_path / "mappings")
    return tmp_path


def alices_machine(site: LabHandle, place: Path) -> dict[str, str]:
    """What her programs find: a browser in which she signs in, and places of their own for what they keep."""
    browser = f"{sys.executable} {ROOT / 'tests/client/scripted_browser.py'} {site.ca_file} alice %s"
    kept = {"P3IDP_CACHE_DIR": str(place / "kept"), "P3IDP_CLIENT_CONFIG": str(place / "client.toml")}
    return kept | {"BROWSER": browser, "DISPLAY": ":99", "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}


def test_the_tutorial_runs_from_top_to_bottom(site: LabHandle, checkout: Path):
    lines = commands(TUTORIAL.read_text(encoding="utf-8"))
    assert len(lines) > 8
    script = "set -eu\n" + "\n".join(lines).replace("https://localhost:18443", site.urls.broker_url)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("P3IDP_", "OS_", "SSH_"))}
    clean |= alices_machine(site, checkout)
    done = subprocess.run(["bash", "-c", script], cwd=checkout, env=clean, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Working in p3@egi at p3" in done.stdout
    assert "| project_id |" in done.stdout  # of `openstack token issue`
    assert '"scope": "project:p3@egi"' in done.stdout
    assert "refused: 4" in done.stdout
    assert "failing-example" in done.stdout
    assert "has reader on project p3@egi" in done.stdout
    assert "p3idp apply --policy-dir my-policy --digest" in done.stdout


def test_the_pictures_of_the_tutorial_exist():
    names = re.findall(r"!\[[^]]+\]\(([^)]+)\)", TUTORIAL.read_text(encoding="utf-8"))
    assert names
    assert [name for name in names if not (TUTORIAL.parent / name).is_file()] == []
