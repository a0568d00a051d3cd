"""The battery itself: every required row is tried, and a seeded defect turns it red."""

import pytest
from battery import REQUIRED, Attack, Summary
from forgeries import FORGERIES, Forgery
from hostile import HostileProvider, sign
from test_forged_tokens import BY_ROW, sign_in_with
from trusting import Trust

from p3idp.core.login import kinds, rules
from p3idp.core.login.compact import UnverifiedToken, take_apart
from p3idp.core.login.reasons import Refusal
from p3idp.core.login.rules import Rule, first_refusal
from p3idp.core.login.tokens import RawToken
from p3idp.core.secret import Secret

RULES = {"id": (kinds.ID_TOKEN_HEADER, kinds.ID_TOKEN), "access": (kinds.ACCESS_TOKEN_HEADER, kinds.ACCESS_TOKEN)}


def test_every_required_row_is_in_the_battery(pytestconfig: pytest.Config):
    summary = pytestconfig.pluginmanager.get_plugin("attack-summary")
    assert isinstance(summary, Summary)
    if not summary.is_whole:
        return  # a part of the battery was asked for by its path
    assert sorted(set(REQUIRED) - summary.rows) == []


@pytest.fixture(scope="module")
def unsigned(hostile_server: HostileProvider) -> dict[str, list[tuple[Forgery, UnverifiedToken]]]:
    """All forgeries that can be read at all, by kind; who signed them does not matter here."""
    hostile_server.reset()
    found: dict[str, list[tuple[Forgery, UnverifiedToken]]] = {"id": [], "access": []}
    for forgery in FORGERIES:
        for kind in forgery.kinds:
            token = take_apart(RawToken(Secret(sign(*forgery.parts(hostile_server, kind), b"k", "HS256"))))
            if isinstance(token, UnverifiedToken):
                found[kind].append((forgery, token))
    return found


@pytest.mark.parametrize(
    ("kind", "rule"),
    [
        pytest.param(kind, rule, id=f"{kind}-{rule.__name__}")
        for kind, both in RULES.items()
        for rule in both[0] + both[1]
    ],
)
def test_the_battery_goes_red_without_any_single_rule(kind: str, rule: Rule, unsigned, trusting: Trust):
    header, claims = ([each for each in part if each is not rule] for part in RULES[kind])
    expected = trusting.expected()
    whole = [forgery for forgery, token in unsigned[kind] if _word(RULES[kind], token, expected) != forgery.reason]
    # What only a signature can tell is left over with all rules in place; without one rule there must be more.
    assert {forgery.reason for forgery in whole} <= {"signature", "kid"}
    missed = [
        forgery for forgery, token in unsigned[kind] if _word((header, claims), token, expected) != forgery.reason
    ]
    assert len(missed) > len(whole)


def _word(both, token: UnverifiedToken, expected) -> str | None:
    refusal: Refusal | None = first_refusal((*both[0], *both[1]), token, expected)
    return refusal.reason.value if refusal else None


def test_a_seeded_defect_turns_the_real_battery_red(trusting: Trust, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(kinds, "ID_TOKEN", tuple(rule for rule in kinds.ID_TOKEN if rule is not rules.same_nonce))
    attack = Attack(_Unwatched())  # type: ignore[arg-type]
    with pytest.raises(AssertionError, match="LET IN"):
        attack.refused("nonce of another browser", lambda: trusting.sign(nonce="mine", asked="another's"), "nonce")
    forged = BY_ROW["R20"][0]
    with pytest.raises(AssertionError, match="LET IN"):
        attack.refused(forged.name, lambda: sign_in_with(trusting, forged), forged.reason)


class _Unwatched:
    """Stands for a test whose attacks are not counted."""

    def __init__(self) -> None:
        self.user_properties: list[object] = []

    def get_closest_marker(self, name: str) -> pytest.Mark:
        return pytest.mark.attack("R20").mark
