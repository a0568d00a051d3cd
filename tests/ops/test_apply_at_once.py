"""Several changes of one batch at once: what fails stops the rest, results stay true, and progress keeps its order."""

import threading
import time
from dataclasses import replace

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind
from p3idp.errors.access import ApplyIncomplete, LockLost
from p3idp.errors.keystone import KeystoneConflict, KeystoneUnreachable
from p3idp.ops.access import AccessOps, Applied
from p3idp.ops.access_ledger import ACTION, AccessRecord, Result
from p3idp.ops.access_write import BatchWriter
from p3idp.ops.audit import verify_ledger
from p3idp.ports.request import request_id

GROUPS = 12


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    access = "\n".join(
        f"  - {{entitlement: 'urn:mace:egi.eu:group:vo:g{n}', projects: {{p: [member]}}}}" for n in range(GROUPS)
    )
    return AccessWorld(PolicyFiles(tmp_path, vo=f"title: T\ncontact: c\nprojects: {{p: {{}}}}\naccess:\n{access}\n"))


def at_once(world: AccessWorld, workers: int, **more: object) -> AccessOps:
    return replace(world.ops, workers=workers, **more)


def apply(world: AccessWorld, workers: int, **more: object) -> Applied:
    return at_once(world, workers).apply(world.now, None, ("too-many-removals",), **more)


class Counted:
    """Keystone's writes take a moment; how many are under way is counted, by kind."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails=lambda change: None) -> None:
        self.now, self.most, self.kinds, self.ids = [], 0, set(), set()
        self.lock, self.started = threading.Lock(), []
        write = MemoryKeystone.write

        def slow(keystone, change):
            with self.lock:
                self.now.append(change)
                self.started.append(change)
                self.most = max(self.most, len(self.now))
                self.kinds.add(frozenset((c.resource.kind, c.after is None) for c in self.now))
                self.ids.add(request_id.get())
            time.sleep(0.002)
            try:
                fails(change)
                with self.lock:
                    write(keystone, change)
            finally:
                self.now.remove(change)

        monkeypatch.setattr(MemoryKeystone, "write", slow)


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_so_many_as_allowed_are_under_way_and_never_of_two_batches(world, monkeypatch, workers):
    seen = Counted(monkeypatch)
    token = request_id.set("req-of-this-run")
    assert {result.word for _, result in apply(world, workers).results} == {"done"}
    request_id.reset(token)
    assert seen.most == workers
    assert all(len(kinds) == 1 for kinds in seen.kinds), "batches do not overlap"
    assert seen.ids == {"req-of-this-run"}, "each call says which run it is of"
    assert world.plan().changes == ()


def test_progress_comes_in_the_order_of_the_plan(world, monkeypatch):
    Counted(monkeypatch)
    told: list[Change] = []
    done = apply(world, 4, progress=lambda change, result: told.append(change))
    assert told == [change for change, _ in done.results]


def test_where_keystone_goes_away_nothing_new_begins_and_what_ended_is_told(world, monkeypatch):
    def gone(change: Change) -> None:
        if change.resource.kind is Kind.GROUP and change.resource.key[1] == "vo:g3":
            world.keystone.said_at = None
            monkeypatch.setattr(MemoryKeystone, "read", fail)
            raise KeystoneUnreachable("Keystone cannot be reached.")

    def fail(*_: object) -> None:
        raise KeystoneUnreachable("Keystone cannot be reached.")

    seen = Counted(monkeypatch, gone)
    with pytest.raises(KeystoneUnreachable, match="cannot be reached") as refused:
        apply(world, 2)
    assert "`p3idp apply` goes on from here, `p3idp rollback 1 --before` goes back" in refused.value.hint
    groups = [change for change in seen.started if change.resource.kind is Kind.GROUP]
    assert len(groups) <= 8, "it is the sixth by name; one is beside it, and another may begin before it has failed"
    words = [(each["kind"], each["result"]) for each in outcome(world)["items"] if each["kind"] == "group"]
    tried = {change.resource.key for change in groups}
    assert [word for _, word in words].count("not-tried") == GROUPS - len(tried)
    assert {word for _, word in words} == {"unknown", "failed", "not-tried"}
    assert world.history.kept[1].left.count('"groups"') == 1, "what the list of groups is now, nobody knows"


def outcome(world: AccessWorld) -> dict:
    return world.ledger.kept[-1].body["attachments"][0]["content"]


def test_what_keystone_shows_after_an_error_is_what_is_told(world, monkeypatch):
    """It failed for good at one group, and still answers: the others are known to be there or not."""

    def forbids(change: Change) -> None:
        if change.resource.key[-1] == "vo:g3":
            raise KeystoneUnreachable("Keystone failed to do it (status 500).")

    Counted(monkeypatch, forbids)
    with pytest.raises(KeystoneUnreachable):
        apply(world, 2)
    there = {key[1] for key in world.holds(Kind.GROUP)}
    told = {each["key"][1]: each["result"] for each in outcome(world)["items"] if each["kind"] == "group"}
    assert {name for name, word in told.items() if word == "done"} == there
    assert told["vo:g3"] == "failed"
    assert {told[name] for name in told.keys() - there - {"vo:g3"}} == {"not-tried"}


def test_one_refusal_does_not_stop_the_others(world, monkeypatch):
    def refuses(change: Change) -> None:
        if change.resource.key[-1] == "vo:g3":
            raise KeystoneConflict("Keystone did not take it (status 400).")

    Counted(monkeypatch, refuses)
    with pytest.raises(ApplyIncomplete, match=r"status 400"):
        apply(world, 4)
    assert len(world.holds(Kind.GROUP)) == GROUPS - 1


def test_a_keystone_that_always_fails_after_it_acted_is_not_worked_with_for_ever(world, monkeypatch):
    def acts_and_fails(keystone, change):
        write(keystone, change)
        raise KeystoneUnreachable("Keystone failed to do it (status 500).")

    write = MemoryKeystone.write
    monkeypatch.setattr(MemoryKeystone, "write", acts_and_fails)
    with pytest.raises(KeystoneUnreachable, match="status 500"):
        apply(world, 1)
    assert 3 < len(world.keystone.writes) < GROUPS


def test_stopped_by_hand_what_is_under_way_ends_and_the_outcome_is_kept(world, monkeypatch):
    seen = Counted(monkeypatch)
    told: list[Change] = []

    def stop(change, result):
        told.append(change)
        if len(told) == 6:
            raise KeyboardInterrupt

    with pytest.raises(ApplyIncomplete, match="Stopped by hand") as stopped:
        apply(world, 2, progress=stop)
    assert "rollback 1 --before" in stopped.value.hint
    assert seen.now == [], "nothing is under way any more"
    assert world.ledger.open_intents(ACTION) == []
    tried = sum(each["result"] != "not-tried" for each in outcome(world)["items"])
    assert tried == len(seen.started) < 12
    apply(world, 2)
    assert world.plan().changes == ()


class TestAnotherRunBegan:
    """The lock was lost on the way, as a lease in etcd can be; the other run settled this one first."""

    def overtake(self, world: AccessWorld, monkeypatch: pytest.MonkeyPatch) -> None:
        write, begun = MemoryKeystone.write, []

        def overtaken(keystone, change):
            write(keystone, change)
            if change.resource.kind is Kind.PROJECT and not begun:
                begun.append(change)
                world.lock.held.clear()
                world.apply()

        monkeypatch.setattr(MemoryKeystone, "write", overtaken)

    def test_a_run_notices_before_its_next_batch_and_stops(self, world, monkeypatch):
        self.overtake(world, monkeypatch)
        with pytest.raises(LockLost, match="Another run began"):
            apply(world, 1)
        writes = [(change.action, change.resource.kind, change.resource.name) for change in world.keystone.writes]
        assert len(writes) == len(set(writes)), "no change was made twice"
        assert world.plan().changes == ()
        verify_ledger(world.ledger)
        first, second = (world.ops.past().entry(number) for number in (1, 2))
        assert (first.outcome, second.outcome) == ("interrupted", "success")

    def test_the_proof_turns_red_where_it_does_not_look(self, world, monkeypatch):
        monkeypatch.setattr(AccessRecord, "is_closed", lambda *_: False)
        with pytest.raises((AssertionError, KeystoneConflict, pytest.fail.Exception)):
            self.test_a_run_notices_before_its_next_batch_and_stops(world, monkeypatch)


def test_a_list_that_could_not_be_read_back_after_a_later_batch_is_not_taken_for_what_stands(world):
    """Else the history would keep what stood between two batches of one kind as what the run left."""
    apply(world, 1)
    grants = [r for r in world.keystone.read("egi").resources if r.kind is Kind.ROLE_ASSIGNMENT][:2]
    batches = [[Change(grants[0], None)], [Change(grants[1], None)]]
    results = {change: Result("not-tried") for batch in batches for change in batch}
    writer = BatchWriter("egi", world.keystone, world.keystone, lambda change, result: None, results, {})
    writer.write(batches[0])
    assert writer.unread == frozenset()
    silent = replace(writer, reader=Silent())
    with pytest.raises(KeystoneUnreachable):
        silent.write(batches[1])
    assert silent.unread == {Kind.ROLE_ASSIGNMENT}


class Silent:
    def read(self, *_: object) -> None:
        raise KeystoneUnreachable("It does not answer.")
