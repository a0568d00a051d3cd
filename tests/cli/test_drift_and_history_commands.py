"""`p3idp drift`, `history`, `rollback` and `audit` as typed: what people read, what machines get, how they end."""

import json
from collections.abc import Callable
from dataclasses import replace

import click
import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp import wiring
from p3idp.adapters.policy_files.texts import write_policy
from p3idp.cli import audit, drift, history, rollback
from p3idp.cli.main import run
from p3idp.core.access.resources import Kind
from p3idp.ports.ledger import LedgerReader

MAPPING = (Kind.MAPPING, ("p3idp-egi",))
ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    world = AccessWorld(PolicyFiles(tmp_path / "policy"))
    world.apply()
    return world


@pytest.fixture
def type_in(world, monkeypatch, capsys) -> Typed:
    """Type a command; its exit status, standard output and standard error."""
    for module in (drift, history, rollback, audit):
        monkeypatch.setattr(module, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_access", lambda settings: world.ops)
    monkeypatch.setattr(wiring, "wire_past", lambda settings: world.ops.past())
    monkeypatch.setattr(wiring, "wire_ledger", lambda settings: world.ledger)
    monkeypatch.setattr(wiring, "write_policy", write_policy)
    monkeypatch.setattr(wiring, "now", lambda: world.now)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *(click.unstyle(text) for text in capsys.readouterr())

    return typed


def change_mapping(world: AccessWorld) -> None:
    there = world.keystone.held[MAPPING]
    rules = list(there.attributes["rules"])
    extra = {"local": [{"group": {"name": "x\x1b[2J", "domain": {"name": "egi"}}}], "remote": [{"type": "OIDC-sub"}]}
    world.keystone.held[MAPPING] = replace(there, attributes={"rules": [*rules[1:], extra], "schema_version": "1.0"})


def test_no_drift_is_status_0_and_drift_status_6_only_where_that_was_asked_for(world, type_in):
    status, told, _ = type_in("drift", "--detailed-exitcode")
    assert (status, "Nothing differs: Keystone holds what the policy says." in told) == (0, True)
    assert "Direct changes" not in told, "there are none"
    change_mapping(world)
    status, told, _ = type_in("drift")
    assert (status, "Direct changes came after it" in told) == (0, True)
    assert type_in("drift", "--detailed-exitcode")[0] == 6
    assert type_in("drift", "--detailed-exitcode", "--json")[0] == 6
    assert world.keystone.held[MAPPING].attributes["schema_version"] == "1.0", "it changes nothing"


def test_what_waits_in_the_policy_alone_is_no_direct_change(world, type_in):
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    told = type_in("drift")[1]
    assert ("Changed in the policy, and not applied" in told, "Direct changes" in told) == (True, False)


def test_drift_shows_people_each_rule_the_trap_and_who_wrote_last(world, type_in, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    change_mapping(world)
    _, told, _ = type_in("drift")
    assert "Changed directly in Keystone:" in told
    assert "mapping p3idp-egi: schema_version is 1.0 in Keystone, 2.0 in the policy" in told
    assert "schema-version-reset: `openstack mapping set --rules` and Horizon's form leave the version" in told
    assert "mapping p3idp-egi: 2 rules differ" in told
    assert "+ Keystone: x\ufffd[2J <- OIDC-sub" in told
    assert "- policy: training.egi.eu:role=vm_operator <- OIDC-sub & OIDC-iss" in told
    assert "p3idp last wrote it at 2026-11-22 09:00:05Z (memory/2, p3idp-account)" in told
    assert max(map(len, told.splitlines())) <= 100


def test_machines_get_both_values_the_cause_and_each_rule(world, type_in):
    change_mapping(world)
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.put(Kind.GROUP, ("egi", "theirs"), "other-site")
    body = json.loads(type_in("drift", "--json")[1])
    by_place = {(each["kind"], each["attribute"]): each for each in body["differences"]}
    version = by_place["mapping", "schema_version"]
    assert (version["keystone"], version["policy"], version["trap"]) == ("1.0", "2.0", "schema-version-reset")
    assert version["cause"] == "keystone"
    assert version["changed_after"] == body["last_apply"]["at"] == "2026-11-22T09:00:00+00:00"
    assert version["last_written"]["account"] == "p3idp-account"
    assert {each["what"] for each in by_place["mapping", "rules"]["rules"]} == {"added", "gone"}
    assert by_place["role_assignment", None]["cause"] == "policy"
    assert by_place["role_assignment", None]["changed_after"] is None
    assert [(each["kind"], each["owner"]) for each in body["foreign"]] == [("group", "other-site")]


def test_the_history_lists_the_newest_first_and_says_what_each_did(world, type_in):
    world.files.remove("training.egi.eu")
    world.apply("too-many-removals")
    _, told, _ = type_in("history")
    newest, oldest = told.splitlines()
    assert newest.startswith("   2  2026-11-22 09:00:00Z  success      +0 ~1 -2  test-site ")
    assert oldest.startswith("   1  2026-11-22 09:00:00Z  success      +10 ~0 -0  test-site ")
    assert type_in("history", "--limit", "1")[1].count("\n") == 1
    _, told, _ = type_in("history", "show", "2")
    assert "Accepted by name: too-many-removals" in told
    assert "- training.egi.eu:role=vm_operator@egi  (group)" in told
    entries = json.loads(type_in("history", "--json")[1])
    assert [entry["number"] for entry in entries] == [2, 1]
    one = json.loads(type_in("history", "show", "1", "--json")[1])
    assert one["found"]["resources"] == []
    assert len(one["left"]["resources"]) == 10
    assert one["files"].keys() == {"site.yaml", ACCESS_FILE, "communities/training.egi.eu.yaml"}


def test_how_an_apply_ended_is_said_beside_a_real_accounts_id(world, type_in, monkeypatch):
    monkeypatch.setattr(type(world.keystone), "account", lambda _: "780048dd6cdd40f6ac6f2c39a4544965")
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")
    first, second = type_in("history", "show", "2")[1].splitlines()[:2]
    assert first.endswith("Z: success")
    assert second == "By the account 780048dd6cdd40f6ac6f2c39a4544965; ledger record memory/3"


def test_two_applies_are_compared_by_what_they_left_and_by_their_policy(world, type_in):
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")
    _, told, _ = type_in("history", "diff", "1", "2")
    assert "+ vo.access.egi.eu:role=vm_operator@egi has reader on project p3@egi  (role assignment)" in told
    assert "- vo.access.egi.eu:role=vm_operator@egi has member on project p3@egi  (role assignment)" in told
    assert "-    projects: {p3: [member]}\n+    projects: {p3: [reader]}" in told
    assert len(json.loads(type_in("history", "diff", "1", "2", "--json")[1])["changes"]) == 2
    assert "Nothing differs." in type_in("history", "diff", "2", "2")[1]


def test_the_policy_of_an_apply_can_be_a_policy_again(world, type_in, tmp_path):
    digest = world.files.load().digest
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    status, told, _ = type_in("history", "restore-policy", "1", str(tmp_path / "again"))
    assert (status, "3 files of the policy test-site" in told) == (0, True)
    again = object.__new__(PolicyFiles)
    again.root = tmp_path / "again"
    assert again.load().digest == digest
    status, _, beside = type_in("history", "restore-policy", "1", str(tmp_path / "again"))
    assert (status, "directory-not-empty" in beside) == (2, True)


def test_a_damaged_entry_is_listed_as_that_and_shown_to_nobody(world, type_in):
    world.history.kept[1] = replace(world.history.kept[1], left="{}")
    assert "   1  damaged: What the history says that apply 1 left was changed" in type_in("history")[1]
    status, told, beside = type_in("history", "show", "1", "--json")
    assert (status, told, json.loads(beside)["error"]["code"]) == (1, "", "history-damaged")
    assert json.loads(type_in("history", "--json")[1])[0].keys() == {"number", "damaged"}


def test_a_rollback_is_planned_shown_and_applied_by_its_digest(world, type_in):
    world.files.remove("training.egi.eu")
    world.apply("too-many-removals")
    status, told, _ = type_in("rollback", "1")
    assert status == 0
    assert "back to what apply 1 left" in told
    (command,) = [line for line in told.splitlines() if line.startswith("To apply it: ")]
    words = command.removeprefix("To apply it: p3idp ").split()
    assert words[:3] == ["rollback", "1", "--digest"]
    plan = json.loads(type_in("rollback", "1", "--json")[1])
    assert (plan["digest"], plan["rollback_to"]) == (words[3], 1)
    assert type_in("rollback", "1", "--digest", "0" * 64)[0] == 4
    status, told, beside = type_in(*words)
    assert (status, "2 made" in told, "number 3 in the history" in told) == (0, True, True)
    assert "+ group training.egi.eu:role=vm_operator@egi" in beside
    assert "rollback to 1" in type_in("history")[1]
    assert "A rollback is in force: apply 3 went back to what apply 1 left." in type_in("drift")[1]
    assert type_in("rollback", "9")[0] == 2
    assert type_in("rollback", "1", "--yes", "--digest", "0" * 64)[0] == 2
    assert "Nothing to change: Keystone holds what apply 1 left." in type_in("rollback", "1", "--yes")[1]


def test_a_record_is_shown_whole_by_its_id(world, type_in):
    status, told, _ = type_in("audit", "show", "memory/1")
    assert status == 0
    assert '"action": "update/access"' in told
    assert f"digest   {world.ledger.kept[0].digest}" in told
    assert json.loads(type_in("audit", "show", "memory/1", "--json")[1]) == world.ledger.kept[0].body
    status, _, beside = type_in("audit", "show", "memory/9")
    assert (status, "record-unknown" in beside) == (2, True)


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["lines", "json"])
def test_heads_that_were_exported_show_a_ledger_that_was_cut(world, type_in, tmp_path, form):
    file = tmp_path / "heads"
    assert type_in("audit", "export-head", *form, "--out", str(file))[:2] == (0, "")
    assert type_in("audit", "export-head", *form)[1] == file.read_text(encoding="utf-8")
    assert type_in("audit", "verify", "--head-file", str(file))[0] == 0
    world.ledger.kept.pop()
    assert type_in("audit", "verify")[0] == 0, "the ledger alone does not show it"
    status, _, beside = type_in("audit", "verify", "--head-file", str(file))
    assert (status, "ledger-damaged" in beside) == (1, True)


def test_of_several_heads_of_one_writer_each_counts(world, type_in, tmp_path):
    _, told, _ = type_in("audit", "export-head")
    (tmp_path / "heads").write_text(f"memory:1:{'0' * 64}\n{told}")
    assert type_in("audit", "verify", "--head-file", str(tmp_path / "heads"))[0] == 1


@pytest.mark.parametrize("text", ["", "nonsense", '{"heads": 7}', "{"], ids=["nothing", "words", "a number", "half"])
def test_what_is_no_file_of_heads_is_refused(world, type_in, tmp_path, text):
    (tmp_path / "heads").write_text(text)
    status, _, beside = type_in("audit", "verify", "--head-file", str(tmp_path / "heads"))
    assert (status, "head-malformed" in beside) == (2, True)


def test_the_memory_ledger_reads_as_any(world):
    reader: LedgerReader = world.ledger
    assert reader.record("memory/1") == world.ledger.kept[0]
    assert reader.closing("memory/1") == world.ledger.kept[1]
