"""Each apply records the commit that its policy was read at, and a checkout that does not follow it is refused."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import NOW, PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.repository import MemoryRepository
from p3idp.core.access.commit import Commit
from p3idp.core.access.history_text import begun_from_text, begun_to_text
from p3idp.core.access.way_back import WayBack
from p3idp.errors.access import FindingsUnaccepted
from p3idp.errors.repository import RepositoryUnreadable, StaleCheckout
from p3idp.ops.access import AccessOps, Applied
from p3idp.ops.access_ledger import details_of

ACCESS = "communities/vo.access.egi.eu.yaml"


class Site:
    """A policy in a repository, and its Keystone."""

    def __init__(self, root: Path) -> None:
        self.world = AccessWorld(PolicyFiles(root))
        self.repository = MemoryRepository()

    @property
    def ops(self) -> AccessOps:
        return replace(self.world.ops, repository=self.repository)

    def commit(self, *parents: str) -> str:
        return self.repository.make(self.world.files.load().texts, parents or None)

    def give(self, roles: str) -> None:
        text = (self.world.files.root / ACCESS).read_text()
        old = text[text.index("{p3: [") : text.index("]}")]
        self.world.files.change(ACCESS, old, f"{{p3: [{roles}")

    def apply(self, *accepted: str) -> Applied:
        return self.ops.apply(NOW, None, accepted)

    def findings(self) -> dict[str, str]:
        return {finding.name: finding.message for finding in self.ops.plan(NOW).findings}


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_an_apply_records_its_commit_in_ledger_and_history(site: Site):
    commit = site.commit()
    number = site.apply().number
    entry = site.ops.past().entry(number)
    assert entry.begun.commit == Commit(commit)
    assert details_of(site.world.ledger.record(entry.intent))["commit"] == {"id": commit, "changed": []}


def test_what_nobody_committed_is_a_finding_with_its_files_and_is_recorded_when_accepted(site: Site):
    commit = site.commit()
    site.give("member, reader")
    assert ACCESS in site.findings()["uncommitted-policy"]
    with pytest.raises(FindingsUnaccepted, match=commit[:12]):
        site.apply()
    assert site.world.keystone.writes == []
    number = site.apply("uncommitted-policy").number
    assert site.ops.past().entry(number).begun.commit == Commit(commit, (ACCESS,))
    site.commit()
    assert site.findings() == {}


def test_without_a_repository_nothing_is_recorded_and_nothing_said(site: Site):
    number = site.apply().number
    assert site.ops.past().entry(number).begun.commit is None
    site.give("member, reader")
    assert site.findings() == {}


def test_where_earlier_applies_had_a_commit_its_absence_is_a_finding(site: Site):
    commit = site.commit()
    site.apply()
    site.repository = MemoryRepository()
    site.give("member, reader")
    assert commit[:12] in site.findings()["policy-without-commit"]
    with pytest.raises(FindingsUnaccepted):
        site.apply()
    site.apply("policy-without-commit")
    site.give("member")
    assert "policy-without-commit" not in site.findings(), "the last apply had none"


def test_a_repository_that_cannot_be_read_is_a_finding_from_the_first_apply_on(site: Site):
    class Broken(MemoryRepository):
        def commit(self, files):
            raise RepositoryUnreadable("The git repository cannot be read (BadFormat).")

    site.repository = Broken()
    assert "BadFormat" in site.findings()["policy-without-commit"]


def test_an_older_checkout_is_refused_and_nothing_written(site: Site):
    first = site.commit()
    site.give("member, reader")
    second = site.commit()
    site.apply()
    site.give("member")
    site.repository.head = first
    written = len(site.world.keystone.writes)
    found = next(f for f in site.ops.plan(NOW).findings if f.name == "stale-checkout")
    assert not found.acceptable
    for named in (first[:12], second[:12], "Apply 1", "would be taken back"):
        assert named in found.message
    with pytest.raises(StaleCheckout) as refused:
        site.apply("stale-checkout", "too-many-removals")
    assert refused.value.exit_status == 4
    for way in ("git pull", "--unshallow", "rollback", "restore-policy"):
        assert way in refused.value.hint
    assert len(site.world.keystone.writes) == written


def test_a_clone_that_was_not_brought_up_to_date_is_refused(site: Site):
    """It has never heard of the commit that somebody else applied."""
    first = site.commit()
    site.give("member, reader")
    site.commit()
    site.apply()
    site.give("member")
    site.repository = MemoryRepository(first, {first: ((), site.world.files.load().texts)})
    assert "does not have it" in site.findings()["stale-checkout"]
    site.repository.commits[first] = (("0" * 40,), site.repository.commits[first][1])
    assert "shallow clone" in site.findings()["stale-checkout"]


def test_another_branch_is_refused_until_it_holds_what_was_applied(site: Site):
    base = site.commit()
    site.give("member, reader")
    theirs = site.commit(base)
    site.apply()
    site.give("member, manager")
    ours = site.commit(base)
    assert "stale-checkout" in site.findings()
    site.give("member, reader, manager")
    site.commit(ours, theirs)
    assert site.findings() == {}


def test_a_squashed_or_rebased_branch_holds_what_was_applied(site: Site):
    base = site.commit()
    site.give("member, reader")
    site.commit(base)
    site.apply()
    squashed = site.commit(base)
    site.repository.commits = {name: kept for name, kept in site.repository.commits.items() if name in (base, squashed)}
    site.give("member, manager")
    site.commit(squashed)
    assert "stale-checkout" not in site.findings()


def test_history_that_was_lost_is_taken_up_where_it_ended(site: Site):
    site.commit()
    site.apply()
    site.repository = MemoryRepository()
    kept = site.world.files.load().texts
    site.give("member, reader")
    site.commit()
    assert "stale-checkout" in site.findings()
    site.repository.head = site.repository.make(kept, ())  # as restore-policy writes it
    site.commit()
    assert site.findings() == {}


def test_what_failed_was_tried_all_the_same(site: Site, monkeypatch: pytest.MonkeyPatch):
    first = site.commit()
    site.apply()
    site.give("member, reader")
    site.commit()
    with monkeypatch.context() as broken:
        broken.setattr(MemoryKeystone, "write", lambda self, change: (_ for _ in ()).throw(SystemExit))
        with pytest.raises(SystemExit):
            site.apply()
    site.repository.head = first
    site.give("member")
    assert "stale-checkout" in site.findings()


def test_only_a_rollback_goes_back_and_then_both_ways_are_open(site: Site):
    first = site.commit()
    site.apply()
    site.give("member, reader")
    second = site.commit()
    site.apply()
    back = site.ops.rollback(WayBack(1), NOW, None, ("too-many-removals",))
    assert site.ops.past().entry(back.number).begun.commit == Commit(first)
    assert "stale-checkout" not in site.findings()
    site.give("member")
    site.repository.head = first
    assert "stale-checkout" not in site.findings()
    site.repository.head = second


def test_a_proposal_from_a_stale_checkout_says_the_same(site: Site):
    first = site.commit()
    site.give("member, reader")
    site.commit()
    site.apply()
    site.give("member")
    site.repository.head = first
    from p3idp.ops.access_refusals import refuse_unaccepted

    with pytest.raises(StaleCheckout):
        refuse_unaccepted(site.ops.plan(NOW), ("stale-checkout",), by_two=True)


def test_two_plans_from_different_commits_that_do_the_same_are_the_same(site: Site):
    site.commit()
    before = site.ops.plan(NOW).digest
    site.repository.make(site.world.files.load().texts)
    assert site.ops.plan(NOW).digest == before


def test_an_apply_that_was_kept_before_commits_were_is_read(site: Site):
    site.commit()
    begun = site.ops.past().entry(site.apply().number).begun
    row = json.loads(begun_to_text(begun))
    assert begun_from_text(json.dumps(row)) == begun
    del row["commit"], row["environment"]
    assert begun_from_text(json.dumps(row)) == replace(begun, commit=None, environment="")
