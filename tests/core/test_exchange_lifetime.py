"""An exchanged token never lives longer than what it was made from."""

from datetime import timedelta

import pytest
from exchange_world import BEGIN, P3
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.exchange.lifetime import SHORTEST, ExchangedToken, latest_end, let_go, seconds_left
from p3idp.core.secret import Secret
from p3idp.errors.exchange import LifetimeUnkept, SubjectTokenOver


def a_token(expires_at, expires_in=60):
    return ExchangedToken(Secret("t"), expires_at, expires_in, P3, "id", (), "", "")


def test_the_end_is_the_sources_or_the_policys_whichever_comes_first():
    source, until = BEGIN + timedelta(minutes=30), BEGIN + timedelta(minutes=10)
    assert latest_end(source, None, BEGIN) == source.replace(microsecond=0)
    assert latest_end(source, until, BEGIN) == until.replace(microsecond=0)
    assert latest_end(until, source, BEGIN) == until.replace(microsecond=0)


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_the_end_is_never_after_either(source, until):
    ends = [BEGIN + SHORTEST + timedelta(microseconds=n) for n in (source, until)]
    assert latest_end(*ends, BEGIN) <= min(ends)


@pytest.mark.parametrize("left", [timedelta(-1), timedelta(0), SHORTEST - timedelta(microseconds=1)])
def test_a_source_that_is_over_or_nearly_so_gives_nothing(left):
    with pytest.raises(SubjectTokenOver):
        latest_end(BEGIN + left, None, BEGIN)


def test_the_last_look_lets_no_longer_token_go():
    end = BEGIN + timedelta(minutes=5)
    assert let_go(a_token(end), end)
    with pytest.raises(LifetimeUnkept):
        let_go(a_token(end + timedelta(microseconds=1)), end)
    with pytest.raises(SubjectTokenOver):
        let_go(a_token(end, expires_in=0), end)


def test_a_clock_set_back_promises_no_more_seconds():
    end = BEGIN + timedelta(seconds=100)
    assert seconds_left(end, BEGIN, BEGIN - timedelta(hours=1)) == 100
    assert seconds_left(end, BEGIN, BEGIN + timedelta(seconds=1.5)) == 98
