"""When two people's word counts, and the first reason why it does not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from p3idp.core.access.proposal import Approval, Objection, Person, Proposal, objection
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import Approvers, ProviderId

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
EGI = ProviderId("egi")
HELD = "urn:mace:egi.eu:group:admins:role=approver"
ALICE, BOB = (Person(EGI, f"{name}@egi.eu", "https://idp.test") for name in ("alice", "bob"))
APPROVERS = Approvers(EGI, ("alice@egi.eu", "bob@egi.eu"))
PROPOSAL = Proposal("p", "d", "e", None, (), ALICE, NOW, NOW + timedelta(hours=1), "host/1", {})
APPROVAL = Approval("p", "d", BOB, NOW, "host/2")


def test_two_approvers_word_on_this_plan_counts() -> None:
    assert objection(PROPOSAL, APPROVAL, "d", APPROVERS, NOW) is None
    holder = replace(BOB, subject="carol@egi.eu", entitlement=HELD)
    held = parse_entitlement(HELD)
    assert held is not None
    approvers = replace(APPROVERS, entitlements=(held,))
    assert objection(PROPOSAL, replace(APPROVAL, approver=holder), "d", approvers, NOW) is None


# (what of the proposal, the approval and the approvers is otherwise; the plan's digest; when; the reason)
SPOILED = {
    "the approval is of another proposal": ({}, {"proposal": "q"}, {}, "d", 0, "another-plan"),
    "the approval is of another digest": ({}, {"digest": "x"}, {}, "d", 0, "another-plan"),
    "the plan is another": ({}, {}, {}, "x", 0, "another-plan"),
    "all are of another plan than what is applied": ({"digest": "x"}, {"digest": "x"}, {}, "d", 0, "another-plan"),
    "its time is over": ({}, {}, {}, "d", 60, "over"),
    "one person": ({}, {"approver": ALICE}, {}, "d", 0, "same-person"),
    "one person by two issuers": ({}, {"approver": replace(ALICE, issuer="https://b.test")}, {}, "d", 0, "same-person"),
    "one person by name and by entitlement": (
        {},
        {"approver": replace(ALICE, entitlement=HELD)},
        {},
        "d",
        0,
        "same-person",
    ),
    "the proposer is none": ({"proposer": replace(ALICE, subject="c@egi.eu")}, {}, {}, "d", 0, "not-approver"),
    "the approver is none": ({}, {"approver": replace(BOB, subject="c@egi.eu")}, {}, "d", 0, "not-approver"),
    "the approver is of another provider": (
        {},
        {"approver": replace(BOB, provider=ProviderId("hub"))},
        {},
        "d",
        0,
        "not-approver",
    ),
    "an entitlement that counts no longer": (
        {},
        {"approver": Person(EGI, "c@egi.eu", "https://idp.test", HELD)},
        {},
        "d",
        0,
        "not-approver",
    ),
    "the approvers are of another provider": ({}, {}, {"provider": ProviderId("hub")}, "d", 0, "not-approver"),
}


@pytest.mark.parametrize(
    ("proposal", "approval", "approvers", "digest", "minutes", "reason"), SPOILED.values(), ids=SPOILED
)
def test_one_thing_wrong_is_enough(proposal, approval, approvers, digest, minutes, reason) -> None:
    given = replace(PROPOSAL, **proposal), replace(APPROVAL, **approval)
    why = objection(*given, digest, replace(APPROVERS, **approvers), NOW + timedelta(minutes=minutes))
    assert isinstance(why, Objection)
    assert why.reason == reason


def test_without_approvers_nobody_decides() -> None:
    why = objection(PROPOSAL, APPROVAL, "d", None, NOW)
    assert why is not None
    assert why.reason == "no-approvers"
