"""How long a removal may take: by a clock that is moved, no gap is ever longer than the bound that people are told."""

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import NOW, PolicyFiles

from p3idp.core.removal.bounds import BoundBy, Pace, bound_of, is_due
from p3idp.settings.bounds import RemovalSettings

MINUTE = timedelta(minutes=1)
spans = st.integers(min_value=1, max_value=240).map(lambda minutes: minutes * MINUTE)
parts = st.floats(min_value=0, max_value=1, allow_nan=False)


@st.composite
def paces(draw) -> Pace:
    return Pace(draw(spans), draw(spans), timedelta(seconds=draw(st.integers(min_value=0, max_value=3600))))


@given(pace=paces(), luck=st.lists(st.tuples(parts, parts), min_size=3, max_size=60))
@settings(max_examples=120, deadline=None)
def test_between_leaving_and_acting_is_never_more_than_the_bound(pace, luck):
    """Runs begin ``every`` apart; within one, somebody is asked about at any moment and acted on at any later one.

    The worst moment to leave is just after Apache's cached answer could no longer be from before an ask: whoever logs
    in on it is in again after what that ask led to, and out only by the next.
    """
    last, begins = None, NOW
    rounds: list[tuple[datetime, datetime]] = []
    for ask_at, act_at in luck:
        if is_due(last, begins, pace):
            asked = begins + ask_at * pace.every
            rounds.append((asked, asked + act_at * (begins + pace.every - asked)))
            last = asked.replace(microsecond=0)  # as it is kept
        begins += pace.every
    for (asked, _), (_, acted) in pairwise(rounds):
        left = asked - pace.cached
        assert acted - left <= pace.kept


@given(pace=paces(), lucks=st.lists(parts, min_size=5, max_size=40))
@settings(max_examples=120, deadline=None)
def test_nobody_is_asked_about_much_more_often_than_the_bound_needs(pace, lucks):
    last, begins, gaps = NOW, NOW, []
    for _ in lucks:
        begins += pace.every
        if is_due(last, begins, pace):
            gaps.append(begins - last)
            last = begins
    assert all(gap + 2 * pace.every + pace.cached >= pace.kept for gap in gaps)


@pytest.fixture
def provider(tmp_path):
    return PolicyFiles(tmp_path).load().site.identity_providers[0]


PACE = Pace()


@pytest.mark.parametrize(
    ("consented", "acted", "expected"),
    [
        pytest.param(None, None, (481, BoundBy.LOGIN, False), id="nobody asks"),
        pytest.param(1, None, (15, BoundBy.RECHECK, False), id="consented a moment ago"),
        pytest.param(14400, 9, (15, BoundBy.RECHECK, False), id="asked in time"),
        pytest.param(14400, 16, (481, BoundBy.LOGIN, True), id="asked too long ago"),
        pytest.param(14400, None, (481, BoundBy.LOGIN, True), id="never asked"),
    ],
)
def test_the_bound_that_is_told_is_the_one_that_holds(provider, consented, acted, expected):
    ago = [NOW - each * MINUTE if each is not None else None for each in (consented, acted)]
    bound = bound_of(provider, PACE, NOW, *ago)
    assert (bound.minutes, bound.by, bound.overdue) == expected


def test_a_bound_that_no_run_could_keep_is_not_told(provider):
    assert Pace(timedelta(minutes=15), timedelta(minutes=30), MINUTE).kept == timedelta(minutes=61)
    with pytest.raises(ValueError, match="twice every_minutes"):
        RemovalSettings(within_minutes=15, every_minutes=8)


def test_where_memberships_lapse_sooner_than_rechecks_come_that_is_the_bound(provider):
    bound = bound_of(provider, Pace(timedelta(hours=9)), NOW, NOW, NOW)
    assert (bound.minutes, bound.by) == (481, BoundBy.LOGIN)
