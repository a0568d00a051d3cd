"""A sample of `make faults` against the real Keystone: kill -9 at two writes, and the faults that differ most."""

from collections.abc import Iterator

import pytest
from fault_runs import CHANGE, FIRST, Faults
from keystone_proxy import proxied

from p3idp.ops.access_ledger import AccessRecord


@pytest.fixture(scope="module")
def faults(lab, tmp_path_factory) -> Iterator[Faults]:
    with proxied(lab.settings.keystone.auth_url, lab.tls) as proxy:
        yield Faults(lab, proxy, tmp_path_factory.mktemp("faults"), in_process=True)


# Where two writes are one change, and where roles of a group wait for its rules.
@pytest.mark.parametrize(("move", "number", "acted"), [(FIRST, 3, True), (CHANGE, 5, False)], ids=str)
def test_the_next_run_repairs_what_a_killed_one_left(faults, move, number, acted):
    row = faults.killed(move, number, acted=acted)
    assert row is not None
    assert row.wrong == ()


SAMPLE = (
    "Keystone goes away, and the way back is chosen",
    "500 after it acted, at the first project",
    "401 in the middle: the token was revoked",
    "half of an answer where it is read back",
    "policy and Keystone change after the plan",
)


@pytest.mark.parametrize("what", SAMPLE)
def test_a_fault_costs_no_change_and_gives_nobody_more(faults, what):
    assert faults.faulty(what).wrong == ()


def test_several_writes_are_under_way_at_once_and_no_more_than_the_settings_say(faults):
    faults.writes(CHANGE)
    assert faults.proxy.at_most == 2


def test_the_proof_turns_red_where_nothing_is_settled(faults, monkeypatch):
    monkeypatch.setattr(AccessRecord, "settle", lambda *_: ())
    row = faults.killed(CHANGE, 1, acted=True)
    assert row is not None
    assert "a run is open in the ledger" in row.wrong
    monkeypatch.undo()
    faults.writes(CHANGE)
