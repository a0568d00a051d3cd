"""Who gets which step: one user at a time, by their mark, their newest claims, and what Keystone shows of them."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from policies import NOW, person

from p3idp.core.access.people.known import ShadowUser
from p3idp.core.credentials.held import Membership
from p3idp.core.login.remembered import RememberedLogin, remembered
from p3idp.core.removal.judge import Seen, Terms, judge
from p3idp.core.removal.mark import ATTRIBUTE, Cause, Mark, mark_text, read_mark
from p3idp.core.removal.steps import Removal

MINUTE, TTL = timedelta(minutes=1), timedelta(hours=8)
P3, COURSES = ("egi", "p3"), ("egi", "courses")
USER = ShadowUser("1", "someone@egi.eu", "egi")
TERMS = Terms(NOW, "site", groups={P3, COURSES}, ttl={"egi": TTL}, renew_before={"egi": TTL / 2})


def claims(minutes_ago: float) -> RememberedLogin:
    return remembered(person(), NOW - minutes_ago * MINUTE)


def held(*groups: tuple[str, str], heard: float = 60) -> list[Membership]:
    """Memberships of a login so many minutes ago."""
    return [Membership(group, NOW - heard * MINUTE + TTL) for group in groups]


def disabled(minutes_ago: float, cause: Cause = Cause.LEFT, policy: str = "site") -> ShadowUser:
    return replace(USER, enabled=False, disabled_by=Mark(policy, cause, NOW - minutes_ago * MINUTE))


def told(seen: Seen, terms: Terms = TERMS) -> list[str]:
    verdict = judge(seen, terms)
    steps = [f"{step.action} {step.why}" for step in verdict.steps]
    return steps + ([f"kept {verdict.kept.why}"] if verdict.kept else [])


GONE = {"whole": True, "gives": False, "enters": None}
IN = {"whole": True, "gives": True, "enters": frozenset({P3})}


@pytest.mark.parametrize(
    ("user", "about", "memberships", "expected"),
    [
        # Somebody who left
        (USER, GONE, held(P3), ["disable left-last"]),
        (USER, {**GONE, "approver": True}, held(P3), ["kept approver"]),
        (USER, {**GONE, "whole": False}, held(P3), ["kept narrow-claims"]),
        (USER, {**GONE, "gives": None}, held(P3), ["kept unclear-claims"]),
        (USER, {**GONE, "gives": True}, held(P3), []),
        (USER, GONE, held(P3, heard=9), ["kept stale-claims"]),
        (USER, GONE, held(P3, heard=10), ["disable left-last"]),
        (USER, GONE, [], []),
        (USER, GONE, [Membership(P3, NOW)], []),
        (USER, GONE, [Membership(P3, None)], ["disable left-last"]),
        # Somebody who is a member, and nobody can sign them in
        (USER, IN, held(P3, COURSES), []),
        # Somebody whom p3idp disabled 30 minutes ago, claims being ten minutes old
        (disabled(30), IN, [], ["enable returned"]),
        (disabled(30), IN, held(P3), ["enable returned"]),
        (disabled(30), IN, held(COURSES), ["kept waits"]),
        (disabled(30), IN, held(COURSES, heard=5), ["enable returned"]),
        (disabled(30), GONE, held(P3), []),
        (disabled(10), IN, [], []),
        (disabled(5), IN, [], []),
        (disabled(30, policy="other"), IN, [], []),
        (replace(USER, enabled=False), IN, [], []),
        # Somebody whose identity provider is back
        (disabled(5, Cause.PROVIDER), IN, held(P3), ["enable provider-back"]),
        (disabled(5, Cause.PROVIDER), IN, held(COURSES), ["kept waits"]),
        (disabled(5, Cause.PROVIDER), GONE, held(P3), ["kept waits"]),
        (disabled(5, Cause.PROVIDER), GONE, held(P3, heard=5), ["enable provider-back"]),
        (disabled(5, Cause.PROVIDER), {**GONE, "whole": False}, held(P3), ["enable provider-back"]),
        (disabled(5, Cause.PROVIDER, "other"), IN, held(P3), []),
    ],
)
def test_a_user_gets_the_step_that_their_newest_claims_ask_for(user, about, memberships, expected):
    seen = Seen(user, claims(10), memberships=lambda: memberships, **about)
    assert told(seen) == expected
    shut = replace(TERMS, shut={"egi": NOW})
    assert told(seen, shut) == (["disable provider-suspended"] if user.enabled else []), "and where it is suspended"
    assert told(seen, replace(TERMS, account="1")) == [], "and where it is p3idp's own"


@pytest.mark.parametrize(
    ("user", "memberships", "expected"),
    [
        (USER, held(P3), []),
        (USER, held(P3, COURSES), ["sign-in left-one"]),
        (USER, held(COURSES), ["sign-in left-one"]),
        (USER, held(P3, heard=240), ["sign-in lapses"]),
        (USER, held(P3, heard=239), []),
        (USER, [*held(P3), Membership(COURSES, None)], []),
        (USER, [*held(P3), Membership(("foreign", "group"), NOW + TTL)], []),
        (USER, [], ["sign-in lapses"]),
        (disabled(30), [], ["sign-in lapses", "enable returned"]),
        (disabled(30), held(P3, COURSES), ["sign-in left-one", "enable returned"]),
        (disabled(30), held(P3, heard=240), ["sign-in lapses", "enable returned"]),
        (disabled(5, Cause.PROVIDER), held(COURSES), ["sign-in left-one", "enable provider-back"]),
    ],
)
def test_who_can_be_signed_in_is_where_it_takes_away_or_keeps_alive_and_nowhere_else(user, memberships, expected):
    seen = Seen(user, claims(0), memberships=lambda: memberships, **IN)
    assert told(seen, replace(TERMS, ready={"1"})) == expected


def test_of_whom_nothing_is_known_nothing_is_done():
    assert told(Seen(USER)) == []
    assert told(Seen(disabled(5))) == []
    assert told(Seen(disabled(5, Cause.PROVIDER))) == ["enable provider-back"]


def test_keystone_is_asked_only_where_it_matters():
    def never() -> list[Membership]:
        raise AssertionError("asked")

    for user, about in ((USER, IN), (USER, {**GONE, "gives": True}), (disabled(5), IN), (disabled(30), GONE)):
        judge(Seen(user, claims(10), memberships=never, **about), TERMS)


@pytest.mark.parametrize("cause", list(Cause))
def test_a_mark_is_read_as_it_was_written(cause):
    mark = Mark("p3-example", cause, datetime(2026, 11, 22, 14, 8, 37, tzinfo=UTC))
    assert mark_text(mark) == f"p3idp:p3-example {cause} 2026-11-22T14:08:37+00:00"
    assert read_mark(mark_text(mark)) == mark
    assert ATTRIBUTE == "p3idp_disabled", "it stands on users of sites"


@pytest.mark.parametrize(
    "text",
    [
        None, "", 7, "yes", "p3idp:p3", "p3idp:p3 left", "p3idp:p3 left yesterday", "p3idp:p3 left 2026-11-22T14:08:37",
        "p3idp:p3 odd 2026-11-22T14:08:37+00:00", " p3idp:p3 left 2026-11-22T14:08:37+00:00",
        "p3idp:p3 left 2026-11-22T14:08:37+00:00\n", "p3idp: left 2026-11-22T14:08:37+00:00",
    ],
)  # fmt: skip
def test_anything_else_is_no_mark_of_ours(text):
    assert read_mark(text) is None


def test_the_digest_is_of_what_is_switched_and_not_of_when_it_was_learnt():
    def removal(ago: float, **more: object) -> Removal:
        seen = Seen(USER, claims(ago), memberships=lambda: held(P3), **{**GONE, **more})
        return Removal("site", "https://keystone/v3", judge(seen, TERMS).steps)

    assert removal(5).digest == removal(10).digest
    assert removal(5).digest != removal(5, approver=True).digest
