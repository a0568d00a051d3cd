"""Reading what others wrote: strict JSON, compact tokens, times, values, and a provider's configuration."""

import contextlib
import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.login.compact import UnverifiedToken, take_apart
from p3idp.core.login.limits import LIMITS
from p3idp.core.login.metadata import origin_of, read_metadata
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import first_refusal, is_subject, names
from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.core.login.times import as_datetime, moment
from p3idp.core.login.tokens import RawToken
from p3idp.core.login.values import all_texts, shown_text, texts
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUntrusted, TokenRefused

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=10), JSON, max_size=5))
def test_whatever_json_writes_is_read_back_the_same(value: dict[str, object]):
    assert parse_object(json.dumps(value).encode(), depth=20) == value


@given(st.binary(max_size=200))
def test_no_bytes_make_the_reader_fall_over(data: bytes):
    with contextlib.suppress(NotStrictJson):
        assert isinstance(parse_object(data, depth=8), dict)


@pytest.mark.parametrize(
    "text",
    ['{"a":1,"a":1}', '{"x":{"a":1,"a":2}}', '{"a":NaN}', '{"a":-Infinity}', '{"a":1e999}', '{"a":"\\ud800"}', "[]",
     '"x"', "1", "", "{", '{"a":1}x', '\ufeff{"a":1}', "{'a':1}", '{"a":' * 9 + "1" + "}" * 9],
)  # fmt: skip
def test_json_that_two_readers_could_read_differently_is_refused(text: str):
    with pytest.raises(NotStrictJson):
        parse_object(text.encode(), depth=8)


@given(st.text(max_size=300))
def test_no_text_makes_the_token_reader_fall_over(text: str):
    assert isinstance(take_apart(RawToken(Secret(text))), Refusal | UnverifiedToken)


def test_a_token_is_read_but_never_shown():
    token = take_apart(RawToken(Secret("eyJhbGciOiJub25lIn0.eyJpc3MiOiJ4In0.")))
    assert isinstance(token, UnverifiedToken)
    assert (token.algorithm, token.issuer, token.key_id) == ("none", "x", None)
    assert "eyJ" not in repr(token)


def test_judging_by_no_rules_is_a_mistake_and_not_a_yes():
    token = take_apart(RawToken(Secret("e30.e30.")))
    with pytest.raises(ValueError, match="no rules"):
        first_refusal((), token, expected=None)  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [True, False, None, "1", -1, 0, 1e300, 10**30, float("inf"), float("nan"), [1], {}])
def test_only_a_plausible_number_is_a_moment(value: object):
    assert moment(value) is None


@given(st.floats(1, LIMITS.latest_moment) | st.integers(1, LIMITS.latest_moment))
def test_a_moment_becomes_a_datetime_that_is_never_later(value: float):
    assert as_datetime(moment(value) or 0).timestamp() <= value


def test_values_are_texts_whole_and_bounded():
    assert texts({"a": "x;y"}, "a") == ("x;y",)
    assert texts({}, "a") == ()
    assert all_texts({"a": ["2", "1"], "b": "2"}, ("a", "b", "c")) == ("1", "2")
    limits = replace(LIMITS, values=2, value_size=3)
    for claim, reason in (
        (["a"] * 3, "too-many-values"),
        ("abcd", "value-too-long"),
        ([1], "claim-type"),
        (None, "claim-type"),
    ):
        with pytest.raises(TokenRefused) as refused:
            texts({"a": claim}, "a", limits)
        assert refused.value.reason == reason


@pytest.mark.parametrize("value", ["", " ", "a\nb", "x" * 256, "a\u202eb", 7, None, ["x"]])
def test_a_name_that_could_mislead_is_not_shown(value: object):
    assert shown_text({"name": value, "preferred_username": "alice"}, ("name", "preferred_username")) == "alice"
    assert shown_text({"name": value}, ("name",)) == ""


def test_a_name_in_any_script_is_shown():
    assert shown_text({"name": "Ευρυδίκη 王"}, ("name",)) == "Ευρυδίκη 王"


@given(st.text(max_size=300))
def test_a_subject_is_short_plain_ascii(text: str):
    if is_subject(text):
        assert text.isascii()
        assert text.isprintable()
        assert 0 < len(text) <= 255


def test_an_audience_is_names_or_nothing():
    assert names("a") == {"a"}
    assert names(["a", "b"]) == {"a", "b"}
    for odd in ([], "", None, [""], ["a", 1], {"a": 1}, ["x"] * 101):
        assert names(odd) is None


ISSUER = "https://idp.example.org/auth/realms/egi"
GOOD = {
    "issuer": ISSUER,
    "authorization_endpoint": ISSUER + "/auth",
    "token_endpoint": "https://idp.example.org:443/token",
    "jwks_uri": "https://IDP.example.org/certs",
    "userinfo_endpoint": ISSUER + "/userinfo",
}


def test_a_plain_configuration_is_read():
    metadata = read_metadata(GOOD, ISSUER)
    assert metadata.introspection_endpoint is None
    assert metadata.names_itself is False
    assert read_metadata({**GOOD, "authorization_response_iss_parameter_supported": True}, ISSUER).names_itself is True


@pytest.mark.parametrize("name", [*GOOD, "introspection_endpoint"])
def test_an_endpoint_elsewhere_is_refused(name: str):
    with pytest.raises(ProviderUntrusted):
        read_metadata({**GOOD, name: "https://idp.example.org.evil.example/x"}, ISSUER)


@pytest.mark.parametrize(
    "url",
    [
        "http://h/x",
        "https://u@h/x",
        "https://h/x#y",
        "https://h:99999/",
        "//h/x",
        "https://h/ x",
        "https://[::1/x",
        "https:///x",
    ],
)
def test_odd_urls_have_no_origin(url: str):
    assert origin_of(url) is None


def test_every_reason_is_one_stable_word():
    for reason in Reason:
        assert reason.value == reason.value.lower()
        assert " " not in reason.value
