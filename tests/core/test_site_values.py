"""Nothing that could mean something else gets into a configuration file."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.site.values import a_path, a_url, an_id, for_apache, for_ini, for_python, secret_for_apache
from p3idp.errors.site import ConfigurationRefused

HOSTILE = ['a"b', "a\nRequire all granted", "a\rb", "a\\", "a\x00b", "${HOME}", "%{HTTP:X}", "a\u2028b", "a\x7fb"]


@pytest.mark.parametrize("text", HOSTILE, ids=repr)
def test_text_that_means_something_to_apache_is_refused(text: str):
    with pytest.raises(ConfigurationRefused, match="the thing"):
        for_apache(text, "the thing")


@given(st.text())
def test_what_apache_is_given_ends_neither_line_nor_quotes(text: str):
    try:
        kept = for_apache(text, "x")
    except ConfigurationRefused:
        return
    assert kept == text
    assert len(kept.splitlines()) <= 1
    assert not {'"', "\\"} & set(kept)


@given(st.text())
def test_what_keystone_conf_is_given_is_one_word(text: str):
    try:
        kept = for_ini(text, "x")
    except ConfigurationRefused:
        return
    assert kept.split() in ([], [kept])
    assert not set("$'\",") & set(kept)


@given(st.text())
def test_what_horizon_is_given_is_a_literal_of_the_same_text(text: str):
    try:
        kept = for_python(text, "x")
    except ConfigurationRefused:
        return
    assert "\n" not in repr(kept)


def test_a_secret_is_never_a_program_to_run():
    with pytest.raises(ConfigurationRefused, match="exec:"):
        secret_for_apache("exec:/bin/echo x", "the passphrase")


@pytest.mark.parametrize("text", ["", "..", "a/b", "a b", "é", "a;b"])
def test_an_id_is_one_step_of_a_path(text: str):
    with pytest.raises(ConfigurationRefused):
        an_id(text, "id")


@pytest.mark.parametrize(
    "text",
    ["http://a.test", "https://", "https://u@a.test", "https://a.test/?q", "https://a.test/#f", "https://a b.test",
     "a.test", "https://a.test/x y", "javascript:alert(1)"],
)  # fmt: skip
def test_an_address_is_plain_https(text: str):
    with pytest.raises(ConfigurationRefused):
        a_url(text, "address")


def test_good_values_pass_unchanged():
    assert a_url("https://a.test:5000/identity/v3", "x") == "https://a.test:5000/identity/v3"
    assert a_url("https://[::1]:5000/v3", "x") == "https://[::1]:5000/v3"
    assert a_path("/etc/ssl/a.pem", "x") == "/etc/ssl/a.pem"
    assert an_id("egi.eu", "x") == "egi.eu"


@pytest.mark.parametrize("text", ["relative.pem", "/a b.pem", '/a".pem', "/$a.pem"])
def test_a_path_is_absolute_and_plain(text: str):
    with pytest.raises(ConfigurationRefused):
        a_path(text, "path")
