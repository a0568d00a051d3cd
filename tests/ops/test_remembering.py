"""Which logins are remembered, what of them, and that remembering never stands in anybody's way."""

import json
import logging
from dataclasses import dataclass, field, replace

import pytest
from exchange_world import BEGIN, ISSUER, World, some_claims
from webkit import Door

from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.core.login.callback import Callback
from p3idp.core.login.remembered import RememberedLogin, as_line, login_from_text, login_to_text, remembered
from p3idp.core.policy.model import ClaimNames
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.exchange import NoAccess, SubjectTokenRefused
from p3idp.ops.logins import Remembering, exported

CANARY = "canary-7f3a"


@dataclass
class Memory:
    """Remembering with its outcomes, and a database that may be down."""

    store: MemoryLogins = field(default_factory=MemoryLogins)
    outcomes: list[str] = field(default_factory=list)
    problem: Exception | None = None

    def __post_init__(self) -> None:
        self.remembering = Remembering(self, self.outcomes.append)

    def remember(self, login: RememberedLogin) -> None:
        if self.problem:
            raise self.problem
        self.store.remember(login)

    def subjects(self) -> list[str]:
        return [subject for _, subject in sorted(self.store.held)]


@pytest.fixture
def memory() -> Memory:
    return Memory()


def exchanging(memory: Memory) -> World:
    world = World()
    world.exchange = replace(world.exchange, remember=memory.remembering)
    return world


def sign_in(memory: Memory, **claims: object) -> None:
    door = Door()
    desk = replace(door.desk, remember=memory.remembering)
    attempt, url = desk.begin("egi", "/access")
    answer = door.provider.agree(url, **claims)
    desk.finish("egi", attempt, Callback(answer["state"], answer["code"], issuer=answer["iss"]))


def test_a_sign_in_is_remembered_by_what_a_decision_needs_and_nothing_else(memory: Memory) -> None:
    sign_in(memory, display_name=CANARY, shown={"email": CANARY, "name": CANARY}, scopes=("openid", CANARY))
    ((login, _),) = memory.store.held.values()
    assert login == RememberedLogin(
        provider=login.provider,
        issuer="https://egi.example.org",
        subject="alice@egi.eu",
        client="p3idp",
        entitlements=("urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",),
        assurance=(),
        at=login.at,
    )
    assert CANARY not in repr(login)
    assert memory.outcomes == ["kept"]


def test_the_allow_list_is_what_the_text_at_rest_and_the_export_hold() -> None:
    login = remembered(some_claims("alice", display_name=CANARY, shown={"email": CANARY}), BEGIN)
    text = login_to_text(login)
    assert json.loads(text).keys() == {
        *("form", "at", "provider", "issuer", "subject", "client", "entitlements", "assurance")
    }
    assert CANARY not in text + as_line(login, ClaimNames())
    assert login_from_text(text) == login


@pytest.mark.parametrize("text", ["{}", "[]", "null", '{"form": 2}', "no JSON"])
def test_a_text_of_another_form_is_no_login(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # any is good: whoever reads counts it as unreadable
        login_from_text(text)


def test_exchanges_are_remembered_whatever_the_policy_gives(memory: Memory) -> None:
    world = exchanging(memory)
    world.ask()
    with pytest.raises(NoAccess):
        world.ask("token-bob")
    assert memory.subjects() == ["alice@egi.eu", "bob@egi.eu"]


def test_a_token_that_is_not_believed_leaves_nothing(memory: Memory) -> None:
    with pytest.raises(SubjectTokenRefused):
        exchanging(memory).ask("forged")
    assert memory.subjects() == []


FAILURES = [LedgerUnavailable("The disk is full.", debug=CANARY), RuntimeError(CANARY)]


@pytest.mark.parametrize("problem", FAILURES, ids=["known", "unknown"])
def test_a_failure_to_remember_refuses_nobody_and_is_told_once_without_claims(
    memory: Memory, caplog: pytest.LogCaptureFixture, problem: Exception
) -> None:
    caplog.set_level(logging.DEBUG)
    memory.problem = problem
    world = exchanging(memory)
    assert world.ask().project.name == "p3"
    assert world.ask().project.name == "p3"
    sign_in(memory)
    assert memory.outcomes == ["failed"] * 3
    told = [record.getMessage() for record in caplog.records if record.name == "p3idp.ops.logins"]
    assert len(told) == 1
    assert "logins are not remembered" in told[0]
    assert not any(word in caplog.text for word in (CANARY, "alice", "urn:mace"))
    memory.problem = None
    world.ask()
    memory.problem = problem
    world.ask()
    assert memory.outcomes[-2:] == ["kept", "failed"]
    assert caplog.text.count("logins are not remembered") == 2


def test_an_export_names_claims_as_the_policy_does(memory: Memory) -> None:
    world = exchanging(memory)
    world.ask()
    (line,) = exported(memory.store.recall(BEGIN).logins, world.policy)
    assert json.loads(line) == {
        "at": BEGIN.isoformat(),
        "claims": {
            "azp": "p3idp-cli",
            "eduperson_assurance": [],
            "entitlements": ["urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"],
            "iss": ISSUER,
            "sub": "alice@egi.eu",
        },
        "identity_provider": "egi",
    }
