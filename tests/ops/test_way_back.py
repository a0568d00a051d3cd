"""Back to what an apply found: of the policy then in force, of what others had made, and of nothing that has ended."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.history_text import begun_from_text, begun_to_text
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.access.way_back import WayBack, way_back
from p3idp.errors.access import FindingsUnaccepted, PlanStale
from p3idp.errors.history import ApplyUnknown, RollbackImpossible
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ops.access_ledger import AccessRecord

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
HAND = (*GROUP, "reader", "project", "egi", "secret")


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path / "policy"))


def break_at(world: AccessWorld, monkeypatch, chosen: Callable[[Resource], bool]) -> None:
    """An apply that ends where it comes to the first of these, before the act."""
    write = MemoryKeystone.write

    def breaking(keystone, change):
        if chosen(change.resource):
            raise KeystoneUnreachable("Keystone cannot be reached.")
        write(keystone, change)

    with monkeypatch.context() as failing:
        failing.setattr(MemoryKeystone, "write", breaking)
        with pytest.raises(KeystoneUnreachable):
            world.apply("too-many-removals", "foreign-object", "changes-user-ids", "changed-in-keystone")


def standing(world: AccessWorld) -> dict:
    return dict(world.keystone.held)


def test_before_the_first_apply_nothing_of_the_policys_gave_anybody_anything(world, monkeypatch):
    break_at(world, monkeypatch, lambda resource: resource.kind is Kind.PROTOCOL)
    with pytest.raises(FindingsUnaccepted, match="disables-provider"):
        world.rollback(1, "too-many-removals", before=True)
    world.rollback(1, "too-many-removals", "disables-provider", before=True)
    assert {kind for kind, _ in standing(world)} == {Kind.DOMAIN, Kind.IDENTITY_PROVIDER, Kind.PROJECT, Kind.MAPPING}
    assert world.keystone.held[Kind.IDENTITY_PROVIDER, ("egi",)].attributes["enabled"] is False
    with pytest.raises(FindingsUnaccepted, match="rollback-in-force"):
        world.apply()
    world.apply("rollback-in-force")
    assert world.plan().changes == ()


def take_over(world: AccessWorld) -> None:
    """What an operator had built by hand, under the names that the policy uses."""
    world.put(Kind.DOMAIN, ("egi",))
    world.put(
        Kind.IDENTITY_PROVIDER, ("egi",), enabled=True, issuers=["https://old.test"], domain="egi", authorization_ttl=5
    )
    world.put(Kind.MAPPING, ("by-hand",), rules=[{"local": [], "remote": [{"type": "OIDC-sub"}]}], schema_version="1.0")
    world.put(Kind.PROTOCOL, ("egi", "openid"), mapping="by-hand", remote_id_attribute=None)
    for name in ("p3", "secret"):
        world.put(Kind.PROJECT, ("egi", name), quota="10")
    world.put(Kind.GROUP, GROUP)
    world.put(Kind.ROLE_ASSIGNMENT, HAND)
    world.put(Kind.ROLE_ASSIGNMENT, (*GROUP, "member", "project", "egi", "p3"))


def test_what_was_taken_over_from_somebody_goes_on_as_they_had_it(world, monkeypatch):
    take_over(world)
    before = standing(world)
    break_at(world, monkeypatch, lambda r: r.kind is Kind.ROLE_ASSIGNMENT and r.key[1].startswith("training"))
    world.files.change("site.yaml", "Check-in", "Check-in again")
    break_at(world, monkeypatch, lambda r: r.kind is Kind.ROLE_ASSIGNMENT and r.key[1].startswith("training"))
    world.rollback(1, "too-many-removals", "changed-in-keystone", before=True)
    after = standing(world)
    for place, resource in before.items():
        assert dict(after[place].attributes) == dict(resource.attributes), place
    assert not [key for kind, key in after.keys() - before.keys() if kind in (Kind.GROUP, Kind.ROLE_ASSIGNMENT)]


def test_what_the_apply_did_not_come_to_is_left_alone(world, monkeypatch):
    take_over(world)
    before = standing(world)
    break_at(world, monkeypatch, lambda resource: resource.kind is Kind.GROUP)
    plan = world.plan_rollback(1, before=True)
    assert plan.changes == ()
    assert "foreign-object" not in {finding.name for finding in plan.findings}
    assert {place: there for place, there in standing(world).items() if place[0] is not Kind.PROJECT} == {
        place: there for place, there in before.items() if place[0] is not Kind.PROJECT
    }


def test_a_good_apply_can_be_undone_as_well(world):
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")
    world.rollback(2, "too-many-removals", before=True)
    assert (*GROUP, "member", "project", "egi", "p3") in world.holds(Kind.ROLE_ASSIGNMENT)
    assert world.drift().rollback == (3, WayBack(2, before=True))
    (blocking,) = [f for f in world.plan().findings if f.name == "rollback-in-force"]
    assert "went back to what apply 2 found" in blocking.message
    assert "restore-policy 3" in blocking.message, "whose files are those of that time"
    assert "[member]" in world.ops.past().entry(3).begun.files[ACCESS_FILE]


def test_access_that_the_broken_apply_stopped_comes_back_by_its_name_alone(world, monkeypatch):
    world.apply()
    text = (world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    world.files.write(ACCESS_FILE, f"suspended: {{since: 2026-11-01}}\n{text}")
    world.files.remove("training.egi.eu")
    break_at(world, monkeypatch, lambda resource: resource.kind is Kind.GROUP)
    with pytest.raises(FindingsUnaccepted, match="stopped-access"):
        world.rollback(2, before=True)
    world.rollback(2, "stopped-access", before=True)
    assert (*GROUP, "member", "project", "egi", "p3") in world.holds(Kind.ROLE_ASSIGNMENT)


def test_several_that_broke_lead_back_to_before_the_first_of_them(world, monkeypatch):
    world.apply()
    good = standing(world)
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    for _ in range(6):
        break_at(world, monkeypatch, lambda resource: resource.key[2:3] == ("member",))
    assert world.plan().unfinished == WayBack(2, before=True)
    assert world.plan().as_json()["unfinished"] == {"before": 2}
    world.rollback(2, "too-many-removals", before=True)
    assert standing(world) == good
    assert world.plan().unfinished is None


def test_that_the_last_apply_broke_makes_no_other_plan_of_it(world, monkeypatch):
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    digest = world.plan().digest
    break_at(world, monkeypatch, lambda resource: True)
    assert world.plan().digest == digest
    world.apply("too-many-removals", digest=digest)
    with pytest.raises(PlanStale):
        world.apply(digest=digest)


def test_a_killed_run_is_settled_by_what_keystone_shows_though_the_way_back_asks_for_other_things(world, monkeypatch):
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    write = MemoryKeystone.write

    def dies(keystone, change):
        if change.after is None:
            raise KeyboardInterrupt
        write(keystone, change)

    with monkeypatch.context() as killed:
        killed.setattr(MemoryKeystone, "write", dies)
        killed.setattr(AccessRecord, "conclude", lambda *_: None)
        with pytest.raises(Exception, match="Stopped by hand"):
            world.apply("too-many-removals")
    done = world.rollback(2, "too-many-removals", before=True)
    assert len(done.settled) == 1
    assert world.ops.past().entry(2).outcome == "interrupted"
    settled = next(r for r in world.ledger.kept if r.body["outcome"] == "unknown").body["attachments"][0]["content"]
    assert [each["result"] for each in settled["items"]] == ["done", "not-done"]


def test_a_policy_that_cannot_be_read_any_more_leads_nowhere(world):
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")

    ops = replace(world.ops, parse=lambda files, environment: world.files.load())
    world.files.change("site.yaml", "policy:", "polcy:")
    with pytest.raises(RollbackImpossible, match="The policy of apply 1"):
        ops.plan_rollback(WayBack(2, before=True), world.now)


def test_a_number_that_is_not_there(world):
    with pytest.raises(ApplyUnknown):
        world.plan_rollback(7, before=True)


@pytest.mark.parametrize("to", [WayBack(3), WayBack(3, before=True), None])
def test_a_way_back_has_one_form_for_machines(world, to):
    assert way_back(to.as_json() if to else None) == to
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    world.apply("too-many-removals")
    world.rollback(2, "too-many-removals", before=True)
    text = world.history.kept[3].begun
    assert begun_to_text(begun_from_text(text)) == text
