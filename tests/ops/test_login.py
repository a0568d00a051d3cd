"""The sign-in desk's order of steps, where the web cannot show it: races, failing neighbours, many projects."""

import pytest
from webkit import P3, Door

from p3idp.adapters.memory.login import MemoryPerson
from p3idp.core.audit.chain import LedgerRecord
from p3idp.core.audit.event import AuditEvent
from p3idp.core.login.callback import Callback
from p3idp.core.policy.model import ProjectRef
from p3idp.errors.access import LedgerUnavailable
from p3idp.errors.login import SignInRefused, TokenRefused
from p3idp.errors.session import SessionsUnavailable
from p3idp.ops.keystone_view import MOST_PROJECTS
from p3idp.ports.checkin import SignedIn, SignInAttempt


@pytest.fixture
def door() -> Door:
    return Door()


def agreed(door: Door) -> tuple[SignInAttempt, Callback]:
    attempt, url = door.desk.begin("egi", "/access")
    answer = door.provider.agree(url)
    return attempt, Callback(answer["state"], answer["code"], issuer=answer["iss"])


def test_of_two_callbacks_at_once_one_is_let_in(door: Door) -> None:
    """The provider gave two good answers to one attempt, and both are past the first look when one is spent."""
    attempt, callback = agreed(door)
    door.spent.is_spent = lambda attempt_id: False  # type: ignore[method-assign]  # both looked before either spent
    door.desk.finish("egi", attempt, callback)
    again = door.provider.agree(f"https://egi.example.org/auth?state={attempt.state}&nonce={attempt.nonce}")
    with pytest.raises(SignInRefused) as refused:
        door.desk.finish("egi", attempt, Callback(again["state"], again["code"], issuer=again["iss"]))
    assert refused.value.reason == "spent"
    assert len(door.sessions.held) == 1


def test_an_attempt_that_took_too_long_is_refused_before_any_call(door: Door) -> None:
    attempt, callback = agreed(door)
    door.clock.forward(minutes=10)
    with pytest.raises(SignInRefused) as refused:
        door.desk.finish("egi", attempt, callback)
    assert refused.value.reason == "attempt-expired"
    assert not door.provider.token_calls


@pytest.mark.parametrize(("reason", "said"), [("iat-old", "a clock is wrong"), ("nonce", "Start again")])
def test_a_refused_token_sends_nobody_for_a_token_that_they_cannot_bring(door: Door, reason: str, said: str) -> None:
    def refuse(*_: object) -> SignedIn:
        raise TokenRefused(reason, "No.")

    door.provider.redeem = refuse  # type: ignore[method-assign]  # a wrong clock, or a wrong token
    with pytest.raises(TokenRefused) as refused:
        door.desk.finish("egi", *agreed(door))
    assert said in refused.value.hint
    assert "fresh token" not in refused.value.hint


def test_without_a_ledger_nobody_is_signed_in(door: Door) -> None:
    def full(event: AuditEvent) -> LedgerRecord:
        raise LedgerUnavailable("The disk is full.")

    door.ledger.append = full  # type: ignore[method-assign]  # the disk is full
    attempt, callback = agreed(door)
    with pytest.raises(LedgerUnavailable):
        door.desk.finish("egi", attempt, callback)
    assert not door.sessions.held


def test_without_a_database_nobody_is_signed_in(door: Door) -> None:
    def gone(*_: object) -> bool:
        raise SessionsUnavailable("The database does not answer.")

    door.spent.is_spent = gone  # type: ignore[method-assign]  # the database is gone
    attempt, callback = agreed(door)
    with pytest.raises(SessionsUnavailable):
        door.desk.finish("egi", attempt, callback)
    assert not door.provider.token_calls


def test_many_projects_do_not_keep_a_person_waiting(door: Door) -> None:
    many = {ProjectRef("egi", f"project-{number:03}"): ("member",) for number in range(50)}
    door.keystone.people["the-access-token"] = MemoryPerson("alice", many)
    arrival = door.desk.finish("egi", *agreed(door))
    view = arrival.session.keystone
    assert len(view.projects) == MOST_PROJECTS
    assert len(view.unseen) == 50 - MOST_PROJECTS
    assert door.keystone.calls.count("scope_to") == MOST_PROJECTS


def test_a_refused_federated_login_is_a_problem_to_show_not_a_failed_sign_in(door: Door) -> None:
    door.keystone.people.clear()
    arrival = door.desk.finish("egi", *agreed(door))
    assert arrival.session.keystone.problem == "federated-login-refused"
    assert arrival.session.keystone.projects == ()


def test_roles_are_read_project_by_project(door: Door) -> None:
    arrival = door.desk.finish("egi", *agreed(door))
    assert arrival.session.keystone.projects == ((P3, ("member", "reader")),)
