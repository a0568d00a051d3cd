"""`p3idp mapping test` as typed: a line an example, the trace of those that fail, and how it ends."""

import json
from collections.abc import Callable

import pytest
from policies import ACCESS, OPERATOR, PolicyFiles

from p3idp.cli.main import run

Typed = Callable[..., tuple[int, str, str]]
FILE = "communities/vo.access.egi.eu.yaml"
GOOD = f"  - {{title: An operator, claims: {{entitlements: '{OPERATOR}'}}, access: {{p3: [member]}}}}\n"
BAD = "  - {title: Anybody, claims: {entitlements: 'urn:x'}, access: {p3: [member]}}\n"
ODD = f"  - {{title: Too long, claims: {{entitlements: '{'u' * 3000}'}}, access: {{}}}}\n"


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


@pytest.fixture
def type_in(files, monkeypatch, capsys) -> Typed:
    monkeypatch.setenv("P3IDP_SETTINGS", str(files.root / "none.toml"))

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", "mapping", "test", "--policy-dir", str(files.root), *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def test_examples_that_hold_are_listed_with_their_lines(files, type_in):
    files.write(FILE, f"{ACCESS}examples:\n{GOOD}")
    assert type_in() == (
        0,
        f"ok   {FILE}:9 An operator\nAll 1 examples hold, by the policy and at Keystone's own door.\n",
        "",
    )


def test_one_that_fails_is_told_with_its_trace(files, type_in):
    files.write(FILE, f"{ACCESS}examples:\n{GOOD}{BAD}")
    status, told, _ = type_in()
    assert status == 1
    assert f"FAIL {FILE}:10 Anybody\n     expected: member on p3@egi\n     got:      nothing\n" in told
    assert f"       - {FILE}:6\n           wants {OPERATOR.split('#')[0]}\n" in told
    assert told.endswith("1 of 2 examples fail.\n")


def test_claims_that_cannot_come_are_a_failure_at_their_line(files, type_in):
    files.write(FILE, f"{ACCESS}examples:\n{ODD}")
    status, told, _ = type_in()
    assert status == 1
    assert (
        f"FAIL {FILE}:9 Too long\n     holds no claims that could come: Value 1 of the claim entitlements has" in told
    )


def test_machines_get_the_same(files, type_in):
    files.write(FILE, f"{ACCESS}examples:\n{GOOD}{BAD}{ODD}")
    status, told, _ = type_in("--json")
    answer = json.loads(told)
    assert (status, answer["failed"]) == (1, 2)
    assert [each["holds"] for each in answer["examples"]] == [True, False, False]
    assert (answer["examples"][1]["expected"], answer["examples"][1]["got"]) == ({"p3@egi": ["member"]}, {})
    assert [rule["verdict"] for rule in answer["examples"][1]["rules"]] == ["miss", "miss"]


def test_a_policy_without_examples_is_told_so(type_in):
    status, told, _ = type_in()
    assert (status, "This policy carries no examples" in told) == (0, True)
    assert json.loads(type_in("--json")[1])["notes"] != []


def test_a_policy_that_cannot_be_read_is_status_2(files, type_in):
    files.write(FILE, "title: [")
    status, told, beside = type_in()
    assert (status, told, f"{FILE}:" in beside) == (2, "", True)
