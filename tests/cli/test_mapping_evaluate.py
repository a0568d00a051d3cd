"""`p3idp mapping evaluate`: one question from files, many from standard input."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from p3idp.ops.evaluate import MAX_LINE

RULES = [
    {
        "local": [{"user": {"name": "{0}"}, "group": {"name": "ops", "domain": {"name": "egi"}}}],
        "remote": [{"type": "sub"}, {"type": "ent", "any_one_of": ["ops"]}],
    }
]
RESULT = {
    "user": {"name": "bob", "type": "ephemeral", "domain": None},
    "group_ids": [],
    "group_names": [{"name": "ops", "domain": {"name": "egi"}}],
    "projects": [],
}
PROGRAM = [sys.executable, "-c", "from p3idp.cli.main import run; run()", "mapping", "evaluate"]

BATCH = [*PROGRAM, "--batch"]
# As people have it: not PYTHONUNBUFFERED, for one.
ENV = {"PATH": os.environ["PATH"], "PYTHONPATH": str(Path(__file__).parents[2] / "src")}


def run(*words: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], input=given, capture_output=True, text=True, env=ENV, timeout=60)


def asked_in_batch(*questions: Any) -> list[dict[str, Any]]:
    lines = [each if isinstance(each, str) else json.dumps(each) for each in questions]
    done = run("--batch", given="\n".join(lines) + "\n")
    assert (done.returncode, done.stderr) == (0, "")
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "rules.json").write_text(json.dumps(RULES))
    (tmp_path / "assertion.json").write_text(json.dumps({"sub": "bob", "ent": "x;ops"}))
    return tmp_path


def words(files: Path, *more: str) -> list[str]:
    return ["--rules", f"{files}/rules.json", "--assertion", f"{files}/assertion.json", *more]


def test_a_result_for_machines_is_keystones(files):
    done = run(*words(files, "--schema-version", "2.0", "--json"))
    assert (done.returncode, json.loads(done.stdout)) == (0, {"result": RESULT})


@pytest.mark.parametrize("wrap", [{"rules": RULES}, {"mapping": {"rules": RULES, "schema_version": "2.0"}}])
def test_the_rules_may_come_as_keystone_sends_them(files, wrap):
    (files / "rules.json").write_text(json.dumps(wrap))
    assert json.loads(run(*words(files, "--schema-version", "2.0", "--json")).stdout) == {"result": RESULT}


def test_a_person_is_told_what_each_rule_did(files):
    done = run(*words(files))
    assert done.stdout.splitlines() == ["rule 0: applies", "User: bob (ephemeral)", "Group: ops in egi"]


def test_nothing_in_a_claim_steers_the_terminal(files):
    (files / "assertion.json").write_text(json.dumps({"sub": "b\x1b[2J\u202e", "ent": "no\x07"}))
    done = run(*words(files))
    assert done.returncode == 4
    assert "found no\\x07" in done.stdout
    assert not set("\x1b\x07\u202e") & set(done.stdout + done.stderr)


@pytest.mark.parametrize(
    ("rules", "status"), [([], 2), ([{**RULES[0], "local": [{"user": {"name": "{9}"}}]}], 1), ("no list", 2)]
)
def test_no_result_has_an_exit_status(files, rules, status):
    (files / "rules.json").write_text(json.dumps(rules))
    done = run(*words(files, "--json"))
    assert done.returncode == status
    assert set(json.loads(done.stdout)["error"]) == {"kind", "message"}


def test_half_a_character_in_a_name_is_told_all_the_same(files):
    (files / "rules.json").write_text(json.dumps([{**RULES[0], "\ud800": 1}]))
    done = run(*words(files))
    assert (done.returncode, done.stderr) == (2, "")
    assert "rules[0].\\ud800" in done.stdout


@pytest.mark.parametrize("raw", ["{", '{"sub": "bob", "sub": "eve"}', '{"sub": NaN}'])
def test_a_file_that_is_no_json_is_a_usage_error(files, raw):
    (files / "assertion.json").write_text(raw)
    done = run(*words(files))
    assert done.returncode == 2
    assert "assertion.json is no JSON" in done.stderr


def test_a_batch_is_answered_in_order_with_the_ids_it_came_with():
    question = {"rules": RULES, "schema_version": "2.0", "assertion": {"sub": "bob", "ent": "ops"}}
    answers = asked_in_batch(
        {"id": 7, **question},
        {"id": "b", **question, "assertion": {"sub": "bob"}},
        {"id": None, **question, "rules": []},
        {"id": [1], **question, "rules": [{**RULES[0], "local": [{"user": {"name": "{sub}"}}]}]},
        {"id": {}, **question, "rules": [{**RULES[0], "local": [{"user": {"name": "{0:>50000000}"}}]}]},
    )
    assert answers[0] == {"id": 7, "result": RESULT}
    assert [answer["id"] for answer in answers] == [7, "b", None, [1], {}]
    kinds = [answer["error"]["kind"] for answer in answers[1:]]
    assert kinds == ["no-match", "invalid-rule", "evaluation-error", "refused"]


def test_true_and_one_are_not_the_same_rules():
    remote = [{"type": "sub"}, {"type": "ent", "any_one_of": ["^o"], "regex": True}]
    good = {"id": 1, "rules": [{**RULES[0], "remote": remote}], "assertion": {"sub": "bob", "ent": "ops"}}
    bad = {**good, "rules": [{**RULES[0], "remote": [remote[0], {**remote[1], "regex": 1}]}]}
    assert ["result" in answer for answer in asked_in_batch(good, bad, good)] == [True, False, True]


@pytest.mark.parametrize(
    "line",
    ["", "[]", "nonsense", '{"id": 1}', '{"id": 1, "rules": [], "schema_version": {}}', "[" * 100_000, "\x00",
     json.dumps({"rules": RULES, "assertion": []}), json.dumps({"rules": RULES, "schema_version": 2.0})],
    ids=range(9),
)  # fmt: skip
def test_a_line_that_is_no_question_is_an_answer_too(line):
    question = {"id": 2, "rules": RULES, "schema_version": "2.0", "assertion": {"sub": "bob", "ent": "ops"}}
    answers = asked_in_batch(line, question)
    assert answers[-1] == {"id": 2, "result": RESULT}
    assert all(set(answer["error"]) == {"kind", "message"} for answer in answers[:-1])


def question(**members: Any) -> bytes:
    return json.dumps({"id": 1, "rules": RULES, "assertion": {"sub": "bob", "ent": "ops"}, **members}).encode()


DEEP = b"[" * 990 + b"]" * 990
ODD_LINES = {
    "blank": (b"", None, "evaluation-error"),
    "not-utf-8": (b'{"id": 1, "rules": "\xff\xfe"}', None, "evaluation-error"),
    "a-number-too-long": (b'{"id": ' + b"1" * 5_000 + b"}", None, "evaluation-error"),
    "too-deep": (b'{"id": "x", "rules": ' + DEEP + b"}", "x", "refused"),
    "too-deep-an-id": (b'{"id": ' + DEEP + b"}", None, "refused"),
    "too-long": (b'{"id": "x", "rules": "' + b"x" * MAX_LINE + b'"}', "x", "refused"),
    "too-long-without-id": (b"x" * 2 * MAX_LINE, None, "refused"),
    "a-list-as-pattern": (
        question(rules=[{"local": [], "remote": [{"type": "sub", "any_one_of": [[["x"]]], "regex": True}]}]),
        1,
        "evaluation-error",
    ),
    "duplicate-names": (b'{"id": 1, "id": 2, "rules": 1, "rules": [], "assertion": {}}', 2, "invalid-rule"),
    "many-problems": (question(rules=[None] * 100_000), 1, "invalid-rule"),
    "no-text": (question(assertion={"sub": "bob", "ent": ["ops"]}), 1, "no-match"),
    "no-assertion": (question(assertion=None), 1, "evaluation-error"),
    "rules-in-an-object": (question(rules={"rules": RULES}), 1, "invalid-rule"),
    "version-unknown": (question(schema_version="4.0"), 1, "invalid-rule"),
    "version-null": (question(schema_version=None), 1, "invalid-rule"),
    "an-id-beyond-all-numbers": (question(rules=[]).replace(b'"id": 1', b'"id": [1e999]'), None, "invalid-rule"),
    "half-a-character": (b'{"id": "\\ud800", "rules": [], "assertion": {}}', "\ud800", "invalid-rule"),
}


def test_odd_lines_are_answered_in_order_and_briefly():
    lines = [line for line, _, _ in ODD_LINES.values()]
    done = subprocess.run(BATCH, input=b"\n".join([*lines, question()]), capture_output=True, env=ENV, timeout=60)
    *answers, last = [json.loads(line) for line in done.stdout.splitlines()]
    said = {name: [answer["id"], answer["error"]["kind"]] for name, answer in zip(ODD_LINES, answers, strict=True)}
    assert said == {name: expected for name, (_, *expected) in ODD_LINES.items()}
    assert max(map(len, done.stdout.splitlines())) < 20_000
    assert last["result"]["user"] == {"name": "bob", "type": "ephemeral"}, "without a version: schema 1.0, as Keystone"
    assert done.stderr == b""


def test_whoever_waits_for_an_answer_before_asking_more_gets_it():
    with subprocess.Popen(BATCH, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=ENV) as process:
        for number in range(3):
            process.stdin.write(question(id=number) + b"\n")
            process.stdin.flush()
            assert select.select([process.stdout], [], [], 30)[0], "no answer"
            assert json.loads(process.stdout.readline())["id"] == number
        process.stdin.close()
        assert process.wait(30) == 0


def test_nobody_listening_any_more_is_no_traceback():
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with subprocess.Popen(BATCH, **pipes, env=ENV) as process:
        process.stdout.close()
        _, said = process.communicate((question() + b"\n") * 100, timeout=30)
    assert (process.returncode, said) == (1, b"")


def test_hostile_lines_do_not_hold_up_the_others():
    slow = [{**RULES[0], "remote": [{"type": "sub"}, {"type": "ent", "any_one_of": ["(a+)+$"], "regex": True}]}]
    question = {"id": 1, "rules": slow, "schema_version": "2.0", "assertion": {"sub": "bob", "ent": "a" * 60 + "!"}}
    began = perf_counter()
    answers = asked_in_batch(*[question] * 10)
    assert {answer["error"]["kind"] for answer in answers} == {"refused"}
    assert perf_counter() - began < 10
