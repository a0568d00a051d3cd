"""A process killed at any step of apply leaves a state that the next run repairs, and records that say so."""

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.history import MemoryHistory
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.core.access import order
from p3idp.core.access.history import Entry
from p3idp.core.access.resources import Kind
from p3idp.ops.access_ledger import ACTION, AccessRecord
from p3idp.ops.audit import verify_ledger


class Killed(BaseException):
    """SIGKILL: nothing of this process runs any more."""


class Mortal:
    """Lets a process live for so many steps; a step is a write to Keystone, ledger or history, before or after it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, steps: int) -> None:
        self.left = steps
        acts = ((MemoryKeystone, "write"), (MemoryLedger, "append"))
        for owner, name in (*acts, (MemoryHistory, "begin"), (MemoryHistory, "conclude")):
            monkeypatch.setattr(owner, name, self._around(getattr(owner, name)))

    def _around(self, act):
        def mortal(target, *given, **named):
            self._step()
            result = act(target, *given, **named)
            self._step()
            return result

        return mortal

    def _step(self) -> None:
        if self.left <= 0:
            raise Killed  # also in `finally`: a killed process writes no outcome
        self.left -= 1


def prepared(tmp_path, change: str) -> AccessWorld:
    world = AccessWorld(PolicyFiles(tmp_path))
    if change == "a community leaves and a role changes":
        world.apply()
        world.files.remove("training.egi.eu")
        world.files.change("communities/vo.access.egi.eu.yaml", "[member]", "[reader]")
    return world


# Two steps for each of ten writes, for intent and outcome in ledger and history; and one run that is not killed.
@pytest.mark.parametrize("steps", range(29))
@pytest.mark.parametrize("change", ["everything is new", "a community leaves and a role changes"])
def test_the_next_run_repairs_what_a_killed_one_left(tmp_path, change, steps):
    world = prepared(tmp_path, change)
    with pytest.MonkeyPatch.context() as patch:
        Mortal(patch, steps)
        try:
            world.apply("too-many-removals")
        except Killed:
            pass
        else:
            assert steps >= 18, "this run was meant to be killed"
    assert "changed-in-keystone" not in {name for name, _ in world.findings()}, "a killed run's work is nobody else's"
    world.apply("too-many-removals")
    assert world.plan().changes == ()
    assert world.plan().unaccepted(()) == ()
    assert world.ledger.open_intents(ACTION) == []
    verify_ledger(world.ledger)
    history = world.ops.past().latest(9)
    assert all(isinstance(entry, Entry) and entry.left is not None for entry in history), "as the ledger says"
    assert any(isinstance(entry, Entry) and entry.good for entry in history[:2]), "there is a state to go back to"


def test_an_interrupted_run_is_recorded_with_what_it_had_done(tmp_path):
    world = prepared(tmp_path, "everything is new")
    with pytest.MonkeyPatch.context() as patch:
        Mortal(patch, 4 + 2 * 3)
        with pytest.raises(Killed):
            world.apply()
    (open_intent,) = world.ledger.open_intents(ACTION)
    done = world.apply()
    assert done.settled == (open_intent.id,)
    settled = world.ledger.kept[1].body
    assert (settled["outcome"], settled["reason"]["reasonCode"]) == ("unknown", "interrupted")
    words = [each["result"] for each in settled["attachments"][0]["content"]["items"]]
    assert words == ["done"] * 3 + ["not-done"] * 7


def test_people_keep_their_access_whenever_a_rename_is_killed(tmp_path):
    for steps in range(18):
        world = prepared(tmp_path / str(steps), "a community leaves and a role changes")
        with pytest.MonkeyPatch.context() as patch:
            Mortal(patch, steps)
            with pytest.raises(Killed):
                world.apply("too-many-removals")
        roles = {key[2] for key in world.holds(Kind.ROLE_ASSIGNMENT) if key[1].startswith("vo.access")}
        assert roles, "either the old role or the new one, never none"


def test_a_seeded_defect_turns_each_proof_red(tmp_path, monkeypatch):
    with monkeypatch.context() as nobody_settles:
        nobody_settles.setattr(AccessRecord, "settle", lambda *_: ())
        with pytest.raises(AssertionError):
            test_the_next_run_repairs_what_a_killed_one_left(tmp_path / "settle", "everything is new", 3)
    with monkeypatch.context() as revoked_first:
        steps, revoke = order._STEPS, (Kind.ROLE_ASSIGNMENT, True)
        revoked_first.setattr(order, "_STEPS", (revoke, *(step for step in steps if step != revoke)))
        with pytest.raises(AssertionError, match="never none"):
            test_people_keep_their_access_whenever_a_rename_is_killed(tmp_path / "order")
