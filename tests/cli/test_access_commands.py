"""`p3idp plan` and `p3idp apply` as typed: how they end, and what machines get."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp import wiring
from p3idp.cli import access
from p3idp.cli.main import run

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path))


@pytest.fixture
def type_in(world, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    monkeypatch.setattr(access, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_access", lambda settings: world.ops)
    monkeypatch.setattr(wiring, "now", lambda: world.now)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


def test_changes_that_wait_are_status_6_only_where_that_was_asked_for(world, type_in):
    assert type_in("plan")[0] == 0
    assert type_in("plan", "--detailed-exitcode")[0] == 6
    assert type_in("plan", "--detailed-exitcode", "--json")[0] == 6
    world.apply()
    assert type_in("plan", "--detailed-exitcode")[0] == 0


EXAMPLES = {
    "one that fails": "[{title: All may, claims: {}, access: {p3: [member]}}]",
    "one that cannot come": f"[{{title: Too long, claims: {{entitlements: {'u' * 3000}}}, access: {{}}}}]",
}


@pytest.mark.parametrize("examples", EXAMPLES.values(), ids=EXAMPLES)
def test_a_plan_that_nobody_can_apply_is_printed_and_refused(world, type_in, examples):
    text = (world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    world.files.write(ACCESS_FILE, f"{text}examples: {examples}\n")
    for words in ((), ("--detailed-exitcode",)):
        status, told, _ = type_in("plan", *words)
        assert (status, "! failing-example: communities/vo.access.egi.eu.yaml:" in told) == (4, True)
        assert "This plan cannot be applied; correct what stands above." in told
    status, told, _ = type_in("plan", "--json")
    assert (status, [f["name"] for f in json.loads(told)["findings"]]) == (4, ["failing-example"])
    assert type_in("apply", "--yes")[0] == 4
    assert world.keystone.writes == []


def test_a_finding_that_can_be_accepted_does_not_refuse_the_plan(world, type_in):
    world.apply()
    world.files.remove("training.egi.eu")
    assert world.findings() != []
    assert type_in("plan")[0] == 0
    assert type_in("plan", "--detailed-exitcode")[0] == 6


def test_machines_get_the_same_plan_twice_on_paper_too(world, type_in, tmp_path):
    first, again = type_in("plan", "--json"), type_in("plan", "--json", "--out", str(tmp_path / "plan.json"))
    assert first == again
    assert (tmp_path / "plan.json").read_text(encoding="utf-8") == first[1]
    assert json.loads(first[1]) == world.plan().as_json()


def test_a_plan_in_a_file_is_for_its_owner_alone_also_where_the_file_was_there(world, type_in, tmp_path):
    there, link = tmp_path / "plan.json", tmp_path / "link.json"
    there.write_text("an older, longer plan" * 1000, encoding="utf-8")
    there.chmod(0o644)
    assert type_in("plan", "--out", str(there))[0] == 0
    assert there.stat().st_mode & 0o777 == 0o600
    assert json.loads(there.read_text(encoding="utf-8")) == world.plan().as_json()
    link.symlink_to(tmp_path / "elsewhere")
    assert type_in("plan", "--out", str(link))[0] == 1
    assert not (tmp_path / "elsewhere").exists()
    assert type_in("plan", "--out", "/dev/null")[0] == 0, "a device keeps its mode"
    assert Path("/dev/null").stat().st_mode & 0o777 == 0o666


def test_machines_learn_what_became_of_each_change(world, type_in):
    digest = world.plan().digest
    status, told, beside = type_in("apply", "--digest", digest, "--json")
    assert (status, beside) == (0, "")
    applied = json.loads(told)
    assert applied.keys() == {"digest", "items", "number", "settled"}
    assert applied["digest"] == digest
    assert applied["items"][0] == {"action": "create", "kind": "domain", "key": ["egi"], "result": "done"}


def test_a_stale_digest_is_refused_in_json_too(world, type_in):
    digest = world.plan().digest
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    status, told, beside = type_in("apply", "--digest", digest, "--json")
    assert (status, told) == (4, "")
    assert json.loads(beside)["error"]["code"] == "plan-stale"


def test_a_finding_is_accepted_by_its_name_and_each_needs_its_own(world, type_in):
    world.apply()
    world.files.remove("training.egi.eu")
    world.files.change("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:")
    digest = ("--digest", world.plan().digest)
    status, _, beside = type_in("apply", *digest, "--accept", "too-many-removals")
    assert (status, "findings-unaccepted" in beside) == (4, True)
    assert "changes-user-ids: " in beside
    assert "too-many-removals" not in beside, "that one was accepted"
    accepted = ("--accept", "too-many-removals", "--accept", "changes-user-ids")
    assert type_in("apply", *digest, *accepted)[0] == 0


@pytest.mark.parametrize("words", [(), ("--digest", "0" * 64, "--yes")], ids=["neither", "both"])
def test_a_digest_or_yes_and_not_both(world, type_in, words):
    assert type_in("apply", *words)[0] == 2
    assert world.keystone.writes == []
