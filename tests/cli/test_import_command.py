"""`p3idp import mapping`: what is printed, what is written, and with which status it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

VO = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
RULE = {
    "local": [{"user": {"name": "{0}"}, "group": {"name": "vo users", "domain": {"name": "egi"}}}],
    "remote": [
        {"type": "OIDC-sub"},
        {"type": "OIDC-iss", "any_one_of": ["https://aai.egi.eu/auth/realms/egi"]},
        {"type": "OIDC-eduperson_entitlement", "any_one_of": [VO]},
    ],
}
STEERING = {**RULE, "remote": [*RULE["remote"], {"type": "OIDC-\x1b[2Jx", "any_one_of": ["\x1b]0;owned\x07"]}]}


def run(*words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    program = [sys.executable, "-c", "from p3idp.cli.main import run; run()", "import", "mapping"]
    return subprocess.run([*program, *map(str, words)], cwd=cwd, capture_output=True, text=True, env=env, timeout=60)


@pytest.fixture
def here(tmp_path: Path) -> Path:
    put(tmp_path, [RULE])
    return tmp_path


def put(here: Path, rules: object) -> None:
    (here / "old.json").write_text(json.dumps(rules), encoding="utf-8")


def test_without_a_directory_the_files_are_printed_and_nothing_is_written(here):
    done = run("old.json", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "--- site.yaml" in done.stdout
    assert "--- communities/vo.access.egi.eu.yaml" in done.stdout
    assert "1 rules: 1 said as policy, 0 kept" in done.stderr
    assert [file.name for file in here.iterdir()] == ["old.json"]


def test_a_directory_is_written_once(here):
    assert run("old.json", "--to", "new", cwd=here).returncode == 0
    assert sorted(file.name for file in (here / "new").rglob("*.yaml")) == ["site.yaml", "vo.access.egi.eu.yaml"]
    again = run("old.json", "--to", "new", "--json", cwd=here)
    assert (again.returncode, json.loads(again.stderr)["error"]["code"]) == (2, "directory-not-empty")


def test_for_machines_everything_is_in_one_object(here):
    put(here, [RULE, STEERING])
    done = json.loads(run("old.json", "--json", cwd=here).stdout)
    assert done["verbatim"] == [1]
    assert {remark["code"] for remark in done["remarks"]} >= {"grants-unknown", "authority-not-compared"}
    assert done["replay"]["let_in"] > 0
    assert set(done["files"]) == {"site.yaml", "communities/vo.access.egi.eu.yaml", "keystone/egi.json"}


def test_names_of_strangers_do_not_steer_the_terminal(here):
    put(here, [RULE, STEERING])
    done = run("old.json", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\x07" not in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("{", "import-unreadable", "Line 1"),
        ('{"rules": [],\n "rules": []}', "import-unreadable", "Line 2"),
        ("[1]", "import-unreadable", "rules[0] must be an object"),
        (json.dumps([{**RULE, "local": [{"group": {"id": "1"}}]}]), "import-impossible", "--domain"),
    ],
)
def test_what_cannot_be_read_ends_with_status_2_and_no_traceback(here, text, code, words):
    (here / "old.json").write_text(text, encoding="utf-8")
    done = run("old.json", "--json", cwd=here)
    assert done.returncode == 2
    error = json.loads(done.stderr)["error"]
    assert error["code"] == code
    assert words in error["detail"] + error["hint"]
