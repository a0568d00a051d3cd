"""`p3idp export` as typed: what is printed, what is written, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from policies import PolicyFiles

PROGRAM = Path(sys.executable).with_name("p3idp")


@pytest.fixture
def typed(tmp_path: Path):
    files = PolicyFiles(tmp_path / "policy")

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        """Without settings: a policy directory is all that an export needs."""
        environment = {"P3IDP_SETTINGS": str(tmp_path / "none.toml"), "PATH": "/usr/bin:/bin"}
        command = [PROGRAM, "export", "--policy-dir", str(files.root), *words]
        return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path)

    return run


def test_files_go_to_a_new_directory_and_what_comes_later_is_said(typed, tmp_path: Path):
    done = typed("--format", "openstack", "--to", "out")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Written: out/access.sh, out/mappings/p3idp-egi.json" in done.stdout
    assert "2028-01-01T00:00:00Z: the community training.egi.eu ends" in done.stdout
    again = typed("--format", "openstack", "--to", "out", "--json")
    assert again.returncode == 2
    assert json.loads(again.stderr)["error"]["code"] == "target-exists"


def test_without_a_directory_the_files_are_printed_and_remarks_go_elsewhere(typed, tmp_path: Path):
    done = typed("--format", "ansible")
    assert done.stdout.startswith("--- access.yml\n# The access of the policy test-site")
    assert "\n--- mappings/p3idp-egi.json\n[" in done.stdout
    assert "for later" in done.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["policy"]


def test_machines_get_one_object(typed):
    told = json.loads(typed("--format", "kolla-ansible", "--json").stdout)
    assert set(told) == {"files", "format", "later", "made_at", "policy", "policy_digest", "written"}
    assert (told["policy"], told["written"], len(told["policy_digest"])) == ("test-site", None, 64)


def test_an_unknown_format_is_a_usage_error(typed):
    done = typed("--format", "terraform")
    assert done.returncode == 2
    assert "openstack" in done.stderr
