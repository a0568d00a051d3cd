"""`p3idp mapping lint`: what people and machines see, and how it ends."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from lint_cases import CASES, GOOD

from p3idp.cli.main import main

ROOT = Path(__file__).parents[2]


def run(*words: str):
    return CliRunner(env={"P3IDP_SETTINGS": "/nonexistent"}).invoke(
        main, ["mapping", "lint", *words], standalone_mode=False
    )


def written(directory: Path, rules: object) -> str:
    file = directory / "rules.json"
    file.write_text(json.dumps({"rules": rules, "schema_version": "2.0"}, indent=1), encoding="utf-8")
    return str(file)


def test_people_see_place_meaning_login_and_fix(tmp_path: Path):
    done = run(written(tmp_path, CASES["pattern-unanchored"].wrong))
    block = done.output.split("\n\n")[0]
    assert done.return_value == 4
    assert block.splitlines()[0].endswith(
        f"rules.json:{line_of(tmp_path, 'egi.eu:group:ops')}: error pattern-unanchored"
    )
    words = " ".join(block.split())
    assert "What it means: Keystone searches anywhere" in words
    assert '"OIDC-entitlements": "urn:mace:egi.eu:group:ops-evil.example.org"' in words
    assert "gets the group `operators`" in words
    assert r"What to write: Write" in words
    assert done.output.splitlines()[-1].endswith("rules.json: 1 error, 1 warning, 0 notes.")


def line_of(directory: Path, text: str) -> int:
    lines = (directory / "rules.json").read_text(encoding="utf-8").splitlines()
    return 1 + next(number for number, line in enumerate(lines) if text in line)


def test_machines_get_all_of_it(tmp_path: Path):
    file = written(tmp_path, CASES["pattern-unanchored"].wrong)
    done = run(file, "--json")
    body = json.loads(done.output)
    assert (done.return_value, body["exit_status"]) == (4, 4)
    assert body["summary"] == {"error": 1, "warning": 1, "note": 0}
    assert body["looked_at"] == [file]
    first = body["findings"][0]
    assert (first["code"], first["severity"], first["file"]) == ("pattern-unanchored", "error", file)
    assert first["shows"]["what"] == "group"
    assert first["login"]["OIDC-entitlements"].endswith("-evil.example.org")
    assert first["instead"] == r"\Aurn:mace:egi\.eu:group:ops(?::[^#\s]+)?(?:#[^#\s]+)?\Z"
    assert (first["rules"], first["at"]) == ([0], None)


def test_the_example_policy_and_good_rules_are_clean(tmp_path: Path):
    done = run(str(ROOT / "mappings"), written(tmp_path, GOOD))
    assert done.return_value == 0
    assert done.output.endswith("rules.json: 0 errors, 0 warnings, 0 notes.\n")
    assert done.output.count("\n") == 1


def test_strict_refuses_warnings(tmp_path: Path):
    file = written(tmp_path, CASES["group-by-id"].wrong)
    assert (run(file).return_value, run(file, "--strict").return_value) == (0, 4)


def test_the_schema_version_can_be_given_for_a_bare_list(tmp_path: Path):
    file = tmp_path / "rules.json"
    file.write_text(json.dumps(GOOD), encoding="utf-8")
    assert "schema-version-missing" in run(str(file)).output
    assert "schema-version-missing" not in run(str(file), "--schema-version", "2.0").output


def test_what_strangers_wrote_does_not_steer_the_terminal(tmp_path: Path):
    rules = [{"local": [{"user": {"name": "\x1b[2J{x}"}}], "remote": [{"type": "a\x1b]0;b"}]}]
    done = run(written(tmp_path, rules))
    assert "\x1b" not in done.output
    assert "template-broken" in done.output


def test_a_long_login_is_cut_for_people_only(tmp_path: Path):
    file = written(tmp_path, CASES["pattern-slow"].wrong)
    assert max(map(len, run(file).output.splitlines())) < 400
    login = next(
        each["login"] for each in json.loads(run(file, "--json").output)["findings"] if each["code"] == "pattern-slow"
    )
    assert len(login["OIDC-entitlements"]) > 4_000


BAD = [b"\x00", b"[" * 50_000, b" " * 10_000_000, b'[{"local": 1}]', b'{"rules": [{}], "rules": []}', b"\xff", b"a: [b"]


@pytest.mark.parametrize("more", [[], ["--json"]])
def test_whatever_is_handed_in_ends_without_a_traceback(tmp_path: Path, more: list[str]):
    files = [tmp_path / f"{number}.json" for number in range(len(BAD))]
    for file, raw in zip(files, BAD, strict=True):
        file.write_bytes(raw)
    program = [sys.executable, "-c", "from p3idp.cli.main import run; run()", "mapping", "lint", *files, *more]
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT / "src"), "P3IDP_SETTINGS": "/nonexistent"}
    done = subprocess.run(program, capture_output=True, text=True, env=env, timeout=60)
    assert (done.returncode, done.stderr) == (4, "")
    assert [file.name for file in files if file.name not in done.stdout] == []
    assert done.stdout.count("file-unreadable") + done.stdout.count("keystone-refuses") >= len(BAD)


def test_without_path_and_settings_the_error_says_what_to_give():
    done = CliRunner(env={"P3IDP_SETTINGS": "/nonexistent"}).invoke(main, ["mapping", "lint"])
    assert "no settings file" in str(done.exception)
