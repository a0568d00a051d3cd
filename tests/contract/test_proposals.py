"""One suite for whatever keeps proposals, in memory and in a database; then what the database alone must hold."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import Engine, text

from p3idp.adapters.memory.proposals import MemoryProposals
from p3idp.adapters.seal import FernetSeal
from p3idp.adapters.store.engine import open_store
from p3idp.adapters.store.proposals import StoredProposals
from p3idp.core.access.proposal import Approval, Person, Proposal
from p3idp.core.access.way_back import WayBack
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.errors.proposals import ProposalDamaged
from p3idp.ports.proposals import Proposals

NOW = datetime(2026, 11, 22, 9, 0, 0, 250_000, tzinfo=UTC)
KEY, OTHER_KEY = (Fernet.generate_key().decode() for _ in range(2))
ALICE = Person(ProviderId("egi"), "alice@egi.eu", "https://idp.test")
BOB = Person(ProviderId("egi"), "bob@egi.eu", "https://alias.test", "urn:mace:egi.eu:group:admins")
PROPOSAL = Proposal(
    id="0123456789ab",
    digest="d" * 64,
    policy_digest="e" * 64,
    rollback_to=WayBack(3),
    accepted=("any-client", "too-many-removals"),
    proposer=ALICE,
    at=NOW,
    until=NOW + timedelta(hours=24),
    record="host/7",
    plan={"changes": [], "digest": "d" * 64, "people": {"named": ["Ælfrēd"]}},
)
APPROVAL = Approval(PROPOSAL.id, PROPOSAL.digest, BOB, NOW + timedelta(hours=1), "host/8")


def stored(engine: Engine, keys: str = KEY) -> StoredProposals:
    seals = (FernetSeal(Secret(keys), purpose, "approvals.key") for purpose in ("proposal", "approval"))
    return StoredProposals(engine, *seals)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    yield made
    made.dispose()


@pytest.fixture(params=["memory", "database"])
def proposals(request: pytest.FixtureRequest, engine: Engine) -> Proposals:
    return MemoryProposals() if request.param == "memory" else stored(engine)


def test_a_proposal_and_its_approval_come_back_as_they_were(proposals: Proposals) -> None:
    assert (proposals.find(PROPOSAL.id), proposals.approval(PROPOSAL.id)) == (None, None)
    proposals.keep(PROPOSAL)
    assert (proposals.find(PROPOSAL.id), proposals.approval(PROPOSAL.id)) == (PROPOSAL, None)
    assert proposals.approve(APPROVAL)
    assert (proposals.find(PROPOSAL.id), proposals.approval(PROPOSAL.id)) == (PROPOSAL, APPROVAL)


def test_one_approval_is_kept(proposals: Proposals) -> None:
    assert not proposals.approve(APPROVAL), "of nothing"
    proposals.keep(PROPOSAL)
    assert proposals.approve(APPROVAL)
    assert not proposals.approve(replace(APPROVAL, approver=ALICE))
    assert proposals.approval(PROPOSAL.id) == APPROVAL


def test_the_newest_come_first(proposals: Proposals) -> None:
    for number in range(3):
        proposals.keep(replace(PROPOSAL, id=f"id-{number}", at=NOW + timedelta(hours=number)))
    assert proposals.latest(2) == ["id-2", "id-1"]


def test_the_database_names_nobody(engine: Engine) -> None:
    kept = stored(engine)
    kept.keep(PROPOSAL)
    kept.approve(APPROVAL)
    with engine.begin() as connection:
        row = str(connection.execute(text("SELECT * FROM proposals")).one())
    assert PROPOSAL.id in row
    assert not any(secret in row for secret in ("alice", "bob", PROPOSAL.digest))


def test_what_ended_long_ago_is_forgotten(engine: Engine) -> None:
    kept = stored(engine)
    kept.keep(PROPOSAL)
    for days, there in ((30, True), (32, False)):
        kept.keep(
            replace(PROPOSAL, id=f"later-{days}", at=NOW + timedelta(days=days), until=NOW + timedelta(days=days))
        )
        assert (kept.find(PROPOSAL.id) is not None) is there


def test_another_key_opens_nothing_and_an_older_one_does(engine: Engine) -> None:
    stored(engine).keep(PROPOSAL)
    with pytest.raises(ProposalDamaged, match="another key"):
        stored(engine, OTHER_KEY).find(PROPOSAL.id)
    assert stored(engine, f"{OTHER_KEY}\n{KEY}").find(PROPOSAL.id) == PROPOSAL


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE proposals SET sealed = 'gAAAA'",
        "UPDATE proposals SET sealed = ''",
        "UPDATE proposals SET sealed = 'ü'",
        "UPDATE proposals SET sealed = approval",
        "UPDATE proposals SET id = 'another'",
        "UPDATE proposals SET sealed = substr(sealed, 1, 60) || 'x' || substr(sealed, 62)",
    ],
)
def test_what_was_changed_in_the_database_is_refused(engine: Engine, change: str) -> None:
    kept = stored(engine)
    kept.keep(PROPOSAL)
    kept.approve(APPROVAL)
    with engine.begin() as connection:
        connection.execute(text(change))
    identity = kept.latest(1)[0]
    with pytest.raises(ProposalDamaged):
        kept.find(identity)
