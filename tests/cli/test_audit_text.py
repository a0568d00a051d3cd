"""What `p3idp audit list` and errors print: nothing that somebody else wrote steers the terminal."""

from datetime import UTC, datetime

import pytest

from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.cli.audit import told
from p3idp.cli.main import show_error
from p3idp.core.audit.event import Actor, AuditEvent, Outcome
from p3idp.errors.keystone import KeystoneConflict

STEERING = "\x1b]0;owned\x07\x9b2J"


def test_a_scope_that_was_asked_for_does_not_steer_the_terminal():
    event = AuditEvent(
        action="authenticate/exchange",
        outcome=Outcome.FAILURE,
        actor=Actor("data/security/account/user", "mallory@egi.eu"),
        target=("data/security/project", f"p3{STEERING}@egi"),
        at=datetime(2026, 11, 22, tzinfo=UTC),
        reason="exchange-invalid-target",
    )
    line = told(MemoryLedger().append(event))
    assert line.isprintable()
    assert "mallory@egi.eu -> p3" in line


def test_an_error_keeps_its_lines_and_steers_nothing(capsys: pytest.CaptureFixture[str]):
    show_error(KeystoneConflict(f"The group {STEERING} is odd.\nSo is the next."), as_json=False)
    shown = capsys.readouterr().err
    assert "\x9b" not in shown
    assert "\x07" not in shown
    assert "\nSo is the next." in shown
