"""`p3idp leavers` and `p3idp recheck`: what people read, what machines get, and how each call ends."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import OPERATOR, PolicyFiles
from removal_world import RemovalWorld

from p3idp import wiring
from p3idp.cli import leavers, recheck
from p3idp.cli.main import run
from p3idp.core.access.people.cloud import Right
from p3idp.core.credentials.held import ApplicationCredential, Holdings
from p3idp.core.removal.findings import Limits

Typed = Callable[..., tuple[int, str, str]]


@pytest.fixture
def world(tmp_path) -> RemovalWorld:
    """bob left, alice did not; both consented, and a recheck is under no finding."""
    world = RemovalWorld(AccessWorld(PolicyFiles(tmp_path)))
    world.joins("alice", OPERATOR)
    world.joins("bob", OPERATOR)
    world.consents("alice", "bob")
    credential = ApplicationCredential("c1", "backup\x1b[2J", None, "p", ("member",))
    world.holdings.held[world.user("bob").id] = Holdings((credential,), ec2=2, trusts=1)
    world.later(hours=1)
    world.leaves("bob")
    return world


@pytest.fixture
def type_in(world, monkeypatch, capsys) -> Typed:
    for module in (leavers, recheck):
        monkeypatch.setattr(module, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_removal", lambda settings: world.ops)
    monkeypatch.setattr(wiring, "wire_recheck", lambda settings: world.rechecker)
    monkeypatch.setattr(wiring, "wire_rechecks", lambda settings: world.rechecks)
    monkeypatch.setattr(wiring, "now", lambda: world.now)
    monkeypatch.setenv("COLUMNS", "100")

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        told = capsys.readouterr()
        return int(ended.value.code or 0), told.out, told.err

    return typed


def test_leavers_names_who_why_what_ends_and_what_to_type(world, type_in):
    world.signs_in("bob")
    status, told, _ = type_in("leavers")
    flat = " ".join(told.split())
    assert status == 0
    assert "- bob@egi.eu of egi is disabled" in flat
    assert "The identity provider said at 2026-11-22 10:00:00Z nothing that lets them in." in flat
    assert "ends: member, reader on p3@egi; every token; 1 application credential (backup\ufffd[2J)" in flat
    assert "2 EC2 credentials; 1 trust" in flat
    assert "2 users of these identity providers; of 2 p3idp knows the claims, and 2 consented" in flat
    assert f"p3idp leavers revoke --digest {world.review().digest}" in flat
    assert world.disabled() == []
    assert type_in("leavers", "--detailed-exitcode")[0] == 6


def test_leavers_for_machines_holds_all_of_it(world, type_in):
    world.signs_in("bob")
    told = json.loads(type_in("leavers", "--json")[1])
    (step,) = told["steps"]
    assert (step["action"], step["why"], step["subject"]) == ("disable", "left-last", "bob@egi.eu")
    assert step["ends"]["ec2_credentials"] == 2
    assert [each["id"] for each in step["ends"]["application_credentials"]] == ["c1"]
    assert told["digest"] == world.review().digest


def test_where_nobody_leaves_that_is_said(world, type_in):
    status, told, _ = type_in("leavers")
    assert (status, "Nobody's access ends or comes back now." in told) == (0, True)


def test_revoke_does_what_was_reviewed_and_nothing_else(world, type_in):
    world.signs_in("bob")
    digest = world.review().digest
    status, _, error = type_in("leavers", "revoke", "--digest", "0" * 64)
    assert (status, "plan-stale" in error, "p3idp leavers" in error) == (4, True, True)
    error = type_in("leavers", "revoke", "--digest", digest[:20])[2]
    assert "is no digest: one has 64 characters, and this 20." in error
    status, told, progress = type_in("leavers", "revoke", "--digest", digest)
    assert (status, told) == (0, "1 disabled.\n")
    assert "bob@egi.eu of egi is disabled" in progress
    assert world.disabled() == ["bob"]


def test_revoke_stops_at_a_finding_and_says_its_name(world, type_in):
    world.change("bob", own=(Right("project", "egi", "p3", "admin"),))
    world.signs_in("bob")
    digest = world.review().digest
    status, _, error = type_in("leavers", "revoke", "--digest", digest)
    assert (status, "--accept own-roles" in error) == (4, True)
    assert "--accept own-roles" in type_in("leavers")[1]
    assert type_in("leavers", "revoke", "--digest", digest, "--accept", "own-roles")[0] == 0


def test_who_is_disabled_is_listed_and_can_be_kept_out(world, type_in):
    assert type_in("leavers", "disabled")[1] == "p3idp has disabled nobody.\n"
    world.recheck()
    assert type_in("leavers", "disabled")[1] == "2026-11-22 10:00:00Z  left      bob@egi.eu of egi\n"
    status, _, error = type_in("leavers", "keep-out", "alice@egi.eu")
    assert (status, "No user of that name or id was disabled by p3idp." in error) == (2, True)
    assert "1 person: " in type_in("leavers", "bounds")[1]
    world.change("alice", enabled=False)
    assert type_in("leavers", "bounds")[1] == "Keystone has no enabled user of these identity providers.\n"
    world.change("alice", enabled=True)
    assert "stays out" in type_in("leavers", "keep-out", "bob@egi.eu")[1]
    assert json.loads(type_in("leavers", "disabled", "--json")[1]) == {"users": []}
    assert world.disabled() == ["bob"]


def test_bounds_are_told_person_by_person_and_counted(world, type_in):
    world.offline.end("egi", "bob@egi.eu")
    world.recheck()
    world.later(minutes=3)
    told = type_in("leavers", "bounds")[1]
    assert "  481 min  bob@egi.eu of egi" in told
    assert "   15 min  alice@egi.eu of egi" in told
    assert "1 person: 15 minutes, asked about while away" in told
    assert json.loads(type_in("leavers", "bounds", "--json")[1])["people"][1] == {
        "identity_provider": "egi", "subject": "alice@egi.eu", "minutes": 15, "by": "recheck", "overdue": False
    }  # fmt: skip
    world.later(hours=1)
    assert "The agreed recheck is overdue for 1 person." in type_in("leavers", "bounds")[1]


def test_recheck_sums_up_what_it_learnt_and_did(world, type_in):
    status, told, progress = type_in("recheck")
    assert status == 0
    assert told.startswith("2 people consented; 2 were due: 2 answered.\n1 disabled.\n")
    assert "bob@egi.eu of egi is disabled" in progress
    status, told, _ = type_in("recheck")
    assert (status, told) == (0, "2 people consented; 0 were due.\nNothing was to be done.\n")


def test_recheck_says_where_the_settings_let_nobody_consent(world, type_in, monkeypatch):
    assert "[offline]" not in type_in("recheck")[1]
    without = replace(world.rechecker, offline=lambda: None)
    monkeypatch.setattr(wiring, "wire_recheck", lambda settings: without)
    assert "Nobody can consent: the settings name no key in [offline].\n" in type_in("recheck")[1]


def test_recheck_says_where_the_key_of_the_settings_opens_not_every_consent(world, type_in):
    assert "cannot be read" not in type_in("recheck")[1]
    world.offline.unreadable = 2
    told = " ".join(type_in("recheck")[1].split())
    assert "2 more consents cannot be read with the keys of [offline]" in told
    assert json.loads(type_in("recheck", "--json")[1])["unreadable"] == 2


def test_recheck_ends_with_4_where_a_finding_stops_it_and_goes_on_once_accepted(world, type_in):
    world.limits = Limits(max_leavers=0)
    status, told, _ = type_in("recheck")
    assert (status, world.disabled()) == (4, [])
    assert "1 person is left as they are: a finding stops it." in told
    assert "Nothing was to be done" not in told
    assert "Once you know that it is meant: p3idp recheck --accept too-many-leavers\n" in told
    status, told, _ = type_in("recheck", "--json", "--accept", "too-many-leavers")
    assert (status, json.loads(told)["revoked"]["disabled"]) == (0, 1)


def test_recheck_ends_with_5_where_somebody_could_not_be_asked_about_or_keystone_is_silent(world, type_in):
    world.checkin.down = True
    status, told, _ = type_in("recheck")
    assert (status, "2 not asked" in told, "! egi: The identity provider does not answer." in told) == (5, True, True)
    world.checkin.down, world.keystone_down = False, True
    status, told, _ = type_in("recheck")
    assert (status, "the next recheck acts on it" in " ".join(told.split())) == (5, True)
    world.keystone_down = False
    world.now += timedelta(minutes=1)
    assert type_in("recheck")[0] == 0
    assert world.disabled() == ["bob"]


def test_recheck_ends_with_1_where_a_step_failed(world, type_in, monkeypatch):
    monkeypatch.setattr(type(world.users), "disable", lambda *args: None)
    status, told, _ = type_in("recheck")
    assert (status, "disable: failed" in told) == (1, True)


def test_a_second_run_at_the_same_time_is_told(world, type_in):
    with world.ops.alone():
        status, _, error = type_in("recheck", "--json")
    assert (status, json.loads(error)["error"]["code"]) == (4, "removal-running")
