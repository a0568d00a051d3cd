"""Applying a plan: by digest, with findings accepted by name, intent first, outcome always."""

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.history import MemoryHistory
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.resources import Kind
from p3idp.errors.access import ApplyIncomplete, FindingsUnaccepted, LedgerUnavailable, PlanStale
from p3idp.errors.keystone import KeystoneConflict, KeystoneUnreachable
from p3idp.ops.access_ledger import ACTION, AccessRecord

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path))


def outcomes(world: AccessWorld) -> list[str]:
    return [str(record.body["outcome"]) for record in world.ledger.kept]


def details(record) -> dict:
    return record.body["attachments"][0]["content"]


def test_the_reviewed_digest_applies(world):
    done = world.apply(digest=world.plan().digest)
    assert {result.word for _, result in done.results} == {"done"}
    assert len(done.results) == 10


def test_a_second_apply_sends_no_write_and_leaves_no_record(world):
    world.apply()
    world.keystone.writes.clear()
    records = len(world.ledger.kept)
    assert world.apply().results == ()
    assert world.keystone.writes == []
    assert len(world.ledger.kept) == records


@pytest.mark.parametrize("part", [0, 12, 63], ids=["nothing", "twelve digits", "one digit short"])
def test_a_part_of_a_digest_names_no_plan(world, part):
    with pytest.raises(PlanStale):
        world.apply(digest=world.plan().digest[:part])
    assert world.keystone.writes == []


@pytest.mark.parametrize("what", ["the policy", "Keystone"])
def test_a_digest_is_stale_once_the_world_moved(world, what):
    digest = world.plan().digest
    if what == "the policy":
        world.files.change(ACCESS_FILE, "[member]", "[reader]")
    else:
        world.put(Kind.DOMAIN, ("egi",))
    with pytest.raises(PlanStale):
        world.apply(digest=digest)
    assert world.keystone.writes == []
    assert world.ledger.kept == []


def test_a_digest_reviewed_on_another_keystone_does_not_apply_here(world, monkeypatch):
    digest = world.plan().digest
    monkeypatch.setattr(MemoryKeystone, "target", lambda self: "https://production.test/v3")
    with pytest.raises(PlanStale):
        world.apply(digest=digest)


def test_a_danger_stops_until_it_is_accepted_by_its_name(world):
    world.apply()
    world.files.remove("training.egi.eu")
    world.keystone.writes.clear()
    with pytest.raises(FindingsUnaccepted) as refused:
        world.apply("admin-role")
    assert "--accept too-many-removals" in refused.value.hint
    assert world.keystone.writes == []
    world.apply("too-many-removals")
    assert world.plan().changes == ()


def test_what_can_not_be_accepted_is_not_accepted(world):
    world.files.change(ACCESS_FILE, "[member]", "[membr]")
    with pytest.raises(FindingsUnaccepted, match="unknown-role"):
        world.apply("unknown-role")
    assert world.keystone.writes == []


def test_the_intent_is_in_the_ledger_before_the_first_write(world, monkeypatch):
    records_at_write = []
    write = MemoryKeystone.write
    monkeypatch.setattr(
        MemoryKeystone, "write", lambda self, c: (records_at_write.append(len(world.ledger.kept)), write(self, c))
    )
    world.apply("any-client")
    assert records_at_write[0] == 1
    intent, outcome = world.ledger.kept
    assert outcomes(world) == ["pending", "success"]
    assert outcome.body["about"] == intent.id
    assert intent.body["initiator"]["id"] == "p3idp-account"
    assert details(intent)["accepted"] == ["any-client"]
    assert details(intent)["policy_digest"] == world.files.load().digest
    assert len(details(intent)["items"]) == len(details(outcome)["items"]) == 10


def test_an_intent_for_another_keystone_stays_open(world, monkeypatch):
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(MemoryKeystone, "target", lambda self: "https://production.test/v3")
        elsewhere.setattr(AccessRecord, "conclude", lambda *_: None)
        world.apply()
    assert world.apply().settled == (), "what became of it there cannot be seen here"
    assert len(world.ledger.open_intents(ACTION)) == 1


def test_without_an_intent_nothing_is_done(world, monkeypatch):
    def full(event):
        raise LedgerUnavailable("The disk is full.")

    monkeypatch.setattr(type(world.ledger), "append", lambda self, event: full(event))
    with pytest.raises(LedgerUnavailable):
        world.apply()
    assert world.keystone.writes == []


def fail_at(world: AccessWorld, monkeypatch, kind: Kind, error: Exception) -> None:
    write = MemoryKeystone.write

    def failing(self, change):
        if change.resource.kind is kind:
            raise error
        write(self, change)

    monkeypatch.setattr(MemoryKeystone, "write", failing)


def test_what_keystone_refused_is_told_and_kept_and_what_depends_on_it_is_not_tried(world, monkeypatch):
    fail_at(world, monkeypatch, Kind.GROUP, KeystoneConflict("Keystone did not create the group (status 400)."))
    with pytest.raises(ApplyIncomplete, match=r"4 of 10 changes were made.*status 400"):
        world.apply()
    assert outcomes(world) == ["pending", "failure"]
    words = [each["result"] for each in details(world.ledger.kept[1])["items"]]
    assert words == ["done"] * 4 + ["failed"] * 2 + ["not-tried"] * 4


def test_where_keystone_goes_away_the_outcome_is_kept_all_the_same(world, monkeypatch):
    fail_at(world, monkeypatch, Kind.MAPPING, KeystoneUnreachable("Keystone cannot be reached."))
    with pytest.raises(KeystoneUnreachable):
        world.apply()
    assert outcomes(world) == ["pending", "failure"]
    monkeypatch.undo()
    world.apply()
    assert outcomes(world)[2:] == ["pending", "success"]
    assert world.plan().changes == ()


def test_a_write_that_keystone_took_and_does_not_show_is_not_done(world, monkeypatch):
    write = MemoryKeystone.write
    monkeypatch.setattr(
        MemoryKeystone,
        "write",
        lambda self, change: None if change.resource.kind is Kind.ROLE_ASSIGNMENT else write(self, change),
    )
    with pytest.raises(ApplyIncomplete, match="does not show it"):
        world.apply()


def test_a_removal_that_keystone_took_and_did_not_make_is_not_done(world, monkeypatch):
    world.apply()
    world.files.remove("training.egi.eu")
    write = MemoryKeystone.write
    monkeypatch.setattr(MemoryKeystone, "write", lambda self, change: write(self, change) if change.after else None)
    with pytest.raises(ApplyIncomplete, match="1 of 3 changes were made"):
        world.apply("too-many-removals")


def test_a_list_that_comes_back_cut_short_proves_no_removal(world, monkeypatch):
    world.apply()
    world.files.remove("training.egi.eu")
    write = MemoryKeystone.write

    def cut_from_now_on(self, change):
        write(self, change)
        self.missing = ("role_assignment",) if change.after is None else ()

    monkeypatch.setattr(MemoryKeystone, "write", cut_from_now_on)
    with pytest.raises(ApplyIncomplete):
        world.apply("too-many-removals")


def test_each_batch_is_read_back_by_one_list_of_its_kind(world, monkeypatch):
    asked = []
    read = MemoryKeystone.read
    monkeypatch.setattr(
        MemoryKeystone, "read", lambda self, domain, *kinds: (asked.append(kinds), read(self, domain, *kinds))[1]
    )
    batches = [(frozenset({batch[0].resource.kind}),) for batch in world.plan().batches()]
    asked.clear()
    world.apply()
    assert asked == [(), *batches]


def test_what_somebody_else_made_meanwhile_just_so_counts_as_done(world, monkeypatch):
    write = MemoryKeystone.write

    def raced(self, change):
        write(self, change)
        write(self, change)  # the second meets a conflict, as the loser of a race does

    monkeypatch.setattr(MemoryKeystone, "write", raced)
    world.apply()
    assert outcomes(world) == ["pending", "success"]


def test_a_write_whose_answer_was_lost_counts_by_what_keystone_shows(world, monkeypatch):
    write = MemoryKeystone.write

    def acts_and_fails(self, change):
        write(self, change)
        raise KeystoneUnreachable("Keystone failed to do it (status 500).")

    monkeypatch.setattr(MemoryKeystone, "write", acts_and_fails)
    assert {result.word for _, result in world.apply().results} == {"done"}
    assert outcomes(world) == ["pending", "success"]


def test_without_a_place_in_the_history_nothing_is_done(world, monkeypatch):
    def full(*_: object) -> int:
        raise LedgerUnavailable("The disk is full.")

    with monkeypatch.context() as broken:
        broken.setattr(MemoryHistory, "begin", full)
        with pytest.raises(LedgerUnavailable):
            world.apply()
    assert world.keystone.writes == []
    world.apply()
    assert world.ledger.open_intents(ACTION) == []


def test_the_ledger_has_the_outcome_also_where_the_history_cannot_be_written(world, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise LedgerUnavailable("The disk is full.")

    monkeypatch.setattr(MemoryHistory, "conclude", full)
    with pytest.raises(LedgerUnavailable):
        world.apply()
    assert outcomes(world) == ["pending", "success"]
    assert details(world.ledger.kept[1])["left"] == ""
    assert world.plan().unaccepted(()) == (), "what it left is not known, and is nobody else's doing"


def test_nothing_is_revoked_where_a_grant_failed(world, monkeypatch):
    world.apply()
    world.files.change(ACCESS_FILE, "[member]", "[reader]")
    write = MemoryKeystone.write

    def refuse_grants(self, change):
        if change.resource.kind is Kind.ROLE_ASSIGNMENT and change.after:
            raise KeystoneConflict("no")
        write(self, change)

    monkeypatch.setattr(MemoryKeystone, "write", refuse_grants)
    with pytest.raises(ApplyIncomplete):
        world.apply("too-many-removals")
    grants = [key for key in world.holds(Kind.ROLE_ASSIGNMENT) if key[1].startswith("vo.access")]
    assert [key[2] for key in grants] == ["member"]
