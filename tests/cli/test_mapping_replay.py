"""`p3idp mapping replay` as people and machines call it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from policies import ISSUER, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles

PROGRAM = [sys.executable, "-c", "from p3idp.cli.main import run; run()", "mapping", "replay"]
ACCESS = "communities/vo.access.egi.eu.yaml"


def login(subject: str, *entitlements: str) -> str:
    claims = {"iss": ISSUER, "sub": subject, "azp": "p3idp", "email": "never@shown.example"}
    more = {"entitlements": list(entitlements), "eduperson_assurance": [SUBSTANTIAL]}
    return json.dumps({"claims": claims | more, "identity_provider": "egi", "at": "2026-11-01T10:00:00Z"})


def run(*words: object, given: str = "", columns: int = 80) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "COLUMNS": str(columns)}
    words = (*words, "--at", "2026-11-22")
    return subprocess.run(
        [*PROGRAM, *map(str, words)], input=given, capture_output=True, text=True, env=env, timeout=60
    )


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """What is in force, and a draft with another role in one community and without the other."""
    PolicyFiles(tmp_path / "now")
    draft = PolicyFiles(tmp_path / "draft")
    draft.change(ACCESS, "[member]", "[reader]")
    draft.remove("training.egi.eu")
    people = [login("ann\x1b[2J\u202e", OPERATOR), login("ann", OPERATOR), login("bob", TRAINEE), login("dee")]
    (tmp_path / "logins").write_text("\n".join(people))
    return tmp_path


def words(here: Path, *more: object) -> list[object]:
    return [here / "draft", "--against", here / "now", "--logins", here / "logins", *more]


def test_a_person_reads_who_loses_and_by_which_rule(here):
    done = run(*words(here))
    assert (done.returncode, done.stderr) == (0, "")
    told = done.stdout
    for text in ("- bob (egi)", "- member on training@egi", "+ reader on p3@egi", "1 lose", "2 stay as they are",
                 f"1 gain by draft {ACCESS}:6", "4 logins of 4 people (1 refused by both"):  # fmt: skip
        assert text in told
    assert "never@shown" not in told
    assert all(len(line) <= 80 for line in told.splitlines())


def test_a_table_is_bounded_and_may_stand_alone(here):
    told = run(*words(here, "--limit", "1", "--by", "person")).stdout
    assert "… and 1 more (--limit 0 shows all)" in told
    assert "Rules:" not in told
    assert "People:" not in run(*words(here, "--by", "rule")).stdout


def test_machines_read_everybody_and_nothing_but_the_subject(here):
    done = run(*words(here, "--json", "--limit", "1"))
    answer = json.loads(done.stdout)
    assert [(each["subject"], each["change"]) for each in answer["people"]] == [
        ("bob", "loses"), ("ann", "loses-and-gains"), ("ann\x1b[2J\u202e", "stays"), ("dee", "stays"),
    ]  # fmt: skip
    assert answer["totals"] == {"other-user": 0, "loses": 1, "loses-and-gains": 1, "gains": 0, "stays": 2}
    assert answer["coverage"]["refused"]["lines"] == [{"line": 1, "message": "ambiguous-value (claim sub)"}]
    assert "never@shown" not in done.stdout
    assert done.stdout.isascii(), "nothing in it may steer a terminal"


def test_a_change_has_an_exit_status_for_whoever_asks(here):
    assert run(*words(here, "--detailed-exitcode")).returncode == 6
    assert (
        run(here / "now", "--against", here / "now", "--logins", here / "logins", "--detailed-exitcode").returncode == 0
    )


def test_a_bad_line_is_reported_after_the_rest_and_is_status_1(here):
    given = (here / "logins").read_text() + '\n{"claims": 7}\n'
    done = run(here / "draft", "--against", here / "now", "--logins", "-", "--detailed-exitcode", given=given)
    assert (done.returncode, done.stderr) == (1, "")
    assert "-:5: `claims` is no object" in done.stdout
    assert "- bob (egi)" in done.stdout


def test_a_mapping_may_stand_on_either_side(here):
    local = {"user": {"name": "{0}"}, "group": {"name": "all", "domain": {"name": "egi"}}}
    rules = [{"local": [local], "remote": [{"type": "OIDC-sub"}]}]
    (here / "mapping.json").write_text(json.dumps({"mapping": {"rules": rules, "schema_version": "2.0"}}))
    done = run(here / "mapping.json", "--against", here / "now", "--logins", here / "logins", "--json")
    assert json.loads(done.stdout)["totals"]["gains"] == 1
    assert run(here / "mapping.json", "--against", here / "mapping.json", "--logins", here / "logins").returncode == 0


@pytest.mark.parametrize(
    ("spoil", "status", "told"),
    [
        (lambda here: (here / "draft/site.yaml").write_text("policy: ["), 2, "policy-invalid"),
        (lambda here: (here / "logins").write_text("\n\n"), 1, "replay-no-logins"),
        (lambda here: (here / "logins").unlink(), 1, "file-unusable"),
    ],
    ids=["draft", "empty", "missing"],
)
def test_what_cannot_be_read_is_an_error_with_its_place(here, spoil, status, told):
    spoil(here)
    done = run(*words(here, "--json"))
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (status, told)


@pytest.mark.parametrize(
    "text", ["{", '{"rules": [], "rules": []}', "[NaN]", "7", "[" * 100_000, "[]", '{"mapping": 1}']
)
def test_a_mapping_that_is_none_is_named(here, text):
    (here / "mapping.json").write_text(text)
    done = run(here / "mapping.json", "--against", here / "now", "--logins", here / "logins")
    assert done.returncode == 2
    assert "mapping.json" in done.stderr
    assert "Traceback" not in done.stderr
