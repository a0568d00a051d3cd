"""Every apply is kept, and one can go back to any good one: as a plan, without what is foreign or over."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.history_text import begun_to_text
from p3idp.core.access.resources import Kind
from p3idp.core.access.way_back import WayBack
from p3idp.errors.access import ApplyIncomplete, ApplyRunning, FindingsUnaccepted, LedgerDamaged, PlanStale
from p3idp.errors.history import ApplyUnknown, HistoryDamaged, RollbackImpossible
from p3idp.errors.keystone import KeystoneConflict
from p3idp.ops.access_history import Unbelieved

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
TRAINING_FILE = "communities/training.egi.eu.yaml"
COURSE_GROUP = ("egi", "training.egi.eu:role=vm_operator")
MAPPING = (Kind.MAPPING, ("p3idp-egi",))


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    """A site that took a community away: apply 1 had it, apply 2 has not."""
    world = AccessWorld(PolicyFiles(tmp_path / "policy"))
    world.apply()
    world.now += timedelta(hours=1)
    world.files.remove("training.egi.eu")
    world.apply("too-many-removals")
    world.now += timedelta(hours=1)
    return world


def state(world: AccessWorld) -> dict:
    """Everything in Keystone but projects, which a rollback keeps."""
    return {place: resource for place, resource in world.keystone.held.items() if place[0] is not Kind.PROJECT}


def test_each_apply_is_kept_with_what_it_found_and_left_and_the_policys_text(world):
    second, first = world.ops.past().latest(5)
    assert (first.number, first.outcome, first.account) == (1, "success", "p3idp-account")
    assert first.begun.found.resources == ()
    assert first.left is not None
    assert {r.key for r in first.left.resources if r.kind is Kind.GROUP} >= {COURSE_GROUP}
    assert set(second.begun.found.resources) == set(first.left.resources)
    assert first.begun.files.keys() == {"site.yaml", ACCESS_FILE, TRAINING_FILE}
    assert second.begun.files[ACCESS_FILE] == (world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    assert second.accepted == ("too-many-removals",)


def test_what_is_foreign_is_not_kept(world):
    world.put(Kind.GROUP, ("egi", "somebody else's"))
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")
    assert "somebody else's" not in world.history.kept[3].begun + world.history.kept[3].left


def test_a_rollback_is_a_plan_with_digest_and_brings_the_state_back(world):
    wanted = state_after_first(world)
    world.keystone.writes.clear()
    plan = world.plan_rollback(1)
    assert plan.rollback_to == WayBack(1)
    assert world.keystone.writes == []
    assert [f"{c.action} {c.resource.kind}" for c in plan.changes] == [
        "create group",
        "create role_assignment",
        "update mapping",
    ]
    with pytest.raises(PlanStale):
        world.rollback(1, digest="0" * 64)
    done = world.rollback(1, digest=plan.digest)
    assert done.number == 3
    assert state(world) == wanted
    entry = world.ops.past().entry(3)
    assert (entry.begun.rollback_to, entry.outcome) == (WayBack(1), "success")
    assert TRAINING_FILE in entry.begun.files, "so that a rollback can be rolled back to"


def state_after_first(world: AccessWorld) -> dict:
    left = world.ops.past().entry(1).left
    assert left is not None
    return {(r.kind, r.key): r for r in left.resources if r.kind is not Kind.PROJECT}


def test_the_digest_of_a_rollback_is_none_of_a_plan(world):
    world.put(Kind.GROUP, ("egi", "x"))
    assert world.plan_rollback(2).changes == world.plan().changes == ()
    assert world.plan_rollback(2).digest != world.plan().digest


def test_after_a_rollback_the_plan_says_so_and_undoing_it_wants_its_name(world):
    world.rollback(1)
    assert ("rollback-in-force", "apply 3") in world.findings()
    with pytest.raises(FindingsUnaccepted, match=r"went back to what apply 1 left.*restore-policy 1"):
        world.apply("too-many-removals")
    assert world.drift().rollback == (3, WayBack(1))
    world.apply("too-many-removals", "rollback-in-force")
    assert world.drift().rollback is None
    assert world.findings() == [("project-kept", "training@egi")]


def test_once_the_policy_is_back_as_well_nothing_is_in_the_way(world):
    world.rollback(1)
    world.files.write(TRAINING_FILE, world.ops.past().entry(1).begun.files[TRAINING_FILE])
    assert world.plan().changes == ()
    assert world.plan().findings == ()
    world.files.change(ACCESS_FILE, "projects: {p3: [member]}", "projects: {p3: [member, reader]}")
    assert world.findings() == [], "something new undoes nothing"


def test_a_changed_condition_alone_counts_as_undoing_a_rollback(tmp_path):
    world = AccessWorld(PolicyFiles(tmp_path))
    world.apply()
    world.files.change("site.yaml", "issuing_clients: [p3idp, keystone]", "issuing_clients: [p3idp]")
    world.apply()
    world.rollback(1)
    assert world.actions() == ["update mapping p3idp-egi"]
    assert world.findings() == [("rollback-in-force", "apply 3")]
    world.files.remove("training.egi.eu")  # something else in the same mapping
    assert ("rollback-in-force", "apply 3") in world.findings()


def test_going_back_removes_what_is_ours_and_came_since_and_nothing_else(tmp_path):
    world = AccessWorld(PolicyFiles(tmp_path))
    training = (tmp_path / TRAINING_FILE).read_text(encoding="utf-8")
    world.files.remove("training.egi.eu")
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h, audiences: [a]}\n"
    world.apply()
    world.files.write(TRAINING_FILE, training)
    world.files.change("site.yaml", "  egi:\n", f"{hub}  egi:\n")
    world.apply()
    world.put(Kind.GROUP, ("egi", "somebody else's"))
    assert [f"{c.action} {c.resource.kind} {c.resource.name}" for c in world.plan_rollback(1).changes] == [
        "update identity_provider hub",
        "update mapping p3idp-egi",
        "delete role_assignment training.egi.eu:role=vm_operator@egi has member on project training@egi",
        "delete group training.egi.eu:role=vm_operator@egi",
    ]
    names = {finding.name for finding in world.plan_rollback(1).findings if finding.blocking}
    assert names == {"disables-provider", "too-many-removals"}
    world.rollback(1, *names)
    assert world.keystone.held[Kind.IDENTITY_PROVIDER, ("hub",)].attributes["enabled"] is False
    for place in ((Kind.PROTOCOL, ("hub", "openid")), (Kind.PROJECT, ("egi", "training"))):
        assert place in world.keystone.held
    assert (Kind.GROUP, ("egi", "somebody else's")) in world.keystone.held


def test_a_projects_property_goes_back_and_other_peoples_properties_stay(tmp_path):
    world = AccessWorld(PolicyFiles(tmp_path))
    world.files.change(ACCESS_FILE, "{description: Machines}", "{properties: {egi.VO: one}}")
    world.apply()
    place = (Kind.PROJECT, ("egi", "p3"))
    there = world.keystone.held[place]
    world.keystone.held[place] = replace(there, attributes={**there.attributes, "quota": "theirs"})
    world.files.change("site.yaml", "authorization_ttl: 8h", "authorization_ttl: 4h")
    world.apply()
    world.files.change(ACCESS_FILE, "egi.VO: one", "egi.VO: two")
    world.apply()
    world.keystone.held[place] = replace(there, attributes={"egi.VO": "two", "quota": "changed since"})
    world.rollback(2)
    assert world.keystone.held[place].attributes == {"egi.VO": "one", "quota": "changed since"}


def test_access_that_has_ended_since_does_not_come_back(world):
    world.now += timedelta(days=500)
    plan = world.plan_rollback(1)
    assert plan.changes == ()
    assert ("access-ended", False) in [(f.name, f.blocking) for f in plan.findings]


STOPPED = {"suspended": "suspended: {since: 2026-11-01}\n", "no longer valid": "valid: {until: 2026-11-02}\n"}


@pytest.mark.parametrize("text", STOPPED.values(), ids=STOPPED)
def test_access_that_the_last_policy_stopped_comes_back_by_its_name_alone(world, text):
    world.files.write(ACCESS_FILE, text + (world.files.root / ACCESS_FILE).read_text(encoding="utf-8"))
    world.apply("too-many-removals")
    with pytest.raises(FindingsUnaccepted, match=r"stopped-access: .*vo\.access\.egi\.eu"):
        world.rollback(2)
    world.rollback(2, "stopped-access")
    assert world.holds(Kind.ROLE_ASSIGNMENT)


def test_a_stop_that_another_community_lifts_is_none(world):
    """What the last policy gives through one community it has not stopped because another one is suspended."""
    text = (world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    world.files.write("communities/again.yaml", f"suspended: {{since: 2026-11-01}}\n{text}")
    world.files.change(ACCESS_FILE, "[member]", "[member, reader]")
    world.apply()
    world.keystone.held = {place: r for place, r in world.keystone.held.items() if place[0] is not Kind.ROLE_ASSIGNMENT}
    plan = world.plan_rollback(2)
    assert "create role_assignment" in {f"{change.action} {change.resource.kind}" for change in plan.changes}
    assert "stopped-access" not in {finding.name for finding in plan.findings}


def test_a_rollback_over_a_direct_change_wants_its_name(world):
    there = world.keystone.held[MAPPING]
    world.keystone.held[MAPPING] = replace(there, attributes={**there.attributes, "schema_version": "1.0"})
    with pytest.raises(FindingsUnaccepted, match="changed-in-keystone"):
        world.rollback(2)
    world.rollback(2, "changed-in-keystone")
    assert world.plan().changes == ()


@pytest.mark.parametrize("side", ["now", "then"])
def test_nothing_is_removed_where_either_side_did_not_see_all(tmp_path, side):
    world = AccessWorld(PolicyFiles(tmp_path))
    training = (tmp_path / TRAINING_FILE).read_text(encoding="utf-8")
    world.files.remove("training.egi.eu")
    world.keystone.missing = ("groups",) if side == "then" else ()
    world.apply("incomplete-source")
    world.keystone.missing = ()
    world.files.write(TRAINING_FILE, training)
    world.apply("incomplete-source")
    world.keystone.missing = ("groups",) if side == "now" else ()
    plan = world.plan_rollback(1)
    assert {change.action for change in plan.changes} == {"update"}
    assert "incomplete-source" in {finding.name for finding in plan.findings}


def damage_left(world):
    kept = world.history.kept[1]
    # More than it was: an admin of the database gives a group a role.
    world.history.kept[1] = replace(kept, left=kept.left.replace('"member"', '"admin"'))


def damage_files(world):
    kept = world.history.kept[1]
    body = json.loads(kept.begun)
    body["files"][ACCESS_FILE] += "\n"
    world.history.kept[1] = replace(kept, begun=json.dumps(body, sort_keys=True, separators=(",", ":")))


def swap_entries(world):
    world.history.kept[1] = replace(world.history.kept[2], number=1, intent=world.history.kept[1].intent)


@pytest.mark.parametrize("damage", [damage_left, damage_files, swap_entries])
def test_a_snapshot_that_was_changed_is_refused(world, damage):
    damage(world)
    with pytest.raises(HistoryDamaged, match="apply 1"):
        world.plan_rollback(1)
    with pytest.raises(HistoryDamaged):
        world.rollback(1)
    newest, oldest = world.ops.past().latest(5)
    assert isinstance(oldest, Unbelieved)
    assert newest.number == 2, "the others are still believed"


def test_a_ledger_that_was_changed_anywhere_is_refused_for_a_rollback(world):
    world.ledger.kept[1] = replace(world.ledger.kept[1], event=world.ledger.kept[1].event.replace("success", "Success"))
    with pytest.raises(LedgerDamaged):
        world.plan_rollback(2)


def test_what_did_not_end_well_is_nothing_to_go_back_to(world, monkeypatch):
    world.files.write(TRAINING_FILE, world.ops.past().entry(1).begun.files[TRAINING_FILE])
    write = MemoryKeystone.write

    def refuse_grants(self, change):
        if change.resource.kind is Kind.ROLE_ASSIGNMENT:
            raise KeystoneConflict("no")
        write(self, change)

    with monkeypatch.context() as failing:
        failing.setattr(MemoryKeystone, "write", refuse_grants)
        with pytest.raises(ApplyIncomplete):
            world.apply()
    assert world.ops.past().entry(3).outcome == "failure"
    with pytest.raises(RollbackImpossible, match="Apply 3 did not end well"):
        world.plan_rollback(3)
    world.rollback(2, "too-many-removals")
    assert (Kind.GROUP, COURSE_GROUP) not in world.keystone.held


def test_an_apply_of_another_keystone_is_nothing_to_go_back_to(world, monkeypatch):
    monkeypatch.setattr(MemoryKeystone, "target", lambda self: "https://production.test/v3")
    with pytest.raises(RollbackImpossible, match=r"made at memory://keystone/v3, not at https://production\.test/v3"):
        world.plan_rollback(1)


def test_a_number_that_is_not_there(world):
    with pytest.raises(ApplyUnknown, match="no apply 9"):
        world.plan_rollback(9)


def test_a_rollback_works_while_the_policy_is_broken(world):
    world.files.change("site.yaml", "policy:", "polcy:")
    world.rollback(1)
    assert (Kind.GROUP, COURSE_GROUP) in world.keystone.held


def test_a_policy_file_is_kept_to_the_byte(world):
    text = (world.files.root / ACCESS_FILE).read_text(encoding="utf-8").replace("\n", "\r\n") + "# ünïcode\r\n"
    (world.files.root / ACCESS_FILE).write_bytes(text.encode())
    policy = world.files.load()
    assert policy.texts[ACCESS_FILE] == text
    assert world.ops.parse(policy.texts).digest == policy.digest


def test_two_runs_at_once_are_one_run_and_a_refusal(world, monkeypatch):
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    refused = []
    write = MemoryKeystone.write

    def meanwhile(self, change):
        if not refused:
            with pytest.raises(ApplyRunning) as told:
                world.apply("too-many-removals")
            refused.append(told.value.detail)
        write(self, change)

    monkeypatch.setattr(MemoryKeystone, "write", meanwhile)
    world.apply("too-many-removals")
    assert "Account p3idp-account on memory began to write at 2026-11-22T11:00:00Z (record memory/5)." in refused[0]
    assert len(world.ledger.kept) == 6
    world.apply()  # the lock is free again
    with world.lock.hold("another Keystone's"):
        world.apply()


def test_what_is_kept_has_one_text(world):
    entry = world.ops.past().entry(2)
    assert begun_to_text(entry.begun) == world.history.kept[2].begun
