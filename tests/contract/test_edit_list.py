"""One list of the site file changes, and everything else stays as it was written: comments, order, quotes, endings."""

import difflib

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from p3idp.adapters.policy_files.edit_list import with_list
from p3idp.errors.migration import SiteFileOdd

ISSUERS, CLAIMS = ("identity_providers", "egi", "issuers"), ("identity_providers", "egi", "claims", "entitlements")
BLOCK = """\
# The site
title: A site
identity_providers:
  egi:   # who
    issuers:   # several
      # the first
      - https://a   # where sign-ins start

      - "https://b" # kept
    scopes: [openid]
  other: {issuers: [https://a]}
"""
FLOW = "identity_providers: {egi: {issuers: [https://a, 'https://b'], scopes: [openid]}} # all\n"


def difference(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[0] in "+-"]


CASES = {
    "behind": (BLOCK, ("https://a", "https://b", "https://c"), ["+       - https://c"]),
    "before": (BLOCK, ("https://c", "https://a", "https://b"), ["+       - https://c"]),
    "the last goes": (BLOCK, ("https://a",), ['-       - "https://b" # kept']),
    "the first goes": (BLOCK, ("https://b",), ["-       - https://a   # where sign-ins start"]),
    "one moves with its comment": (
        BLOCK,
        ("https://b", "https://a"),
        ['+       - "https://b" # kept', '-       - "https://b" # kept'],
    ),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_only_the_lines_of_what_changes_change(case) -> None:
    text, values, lines = case
    after = with_list("site.yaml", text.encode(), ISSUERS, values).decode()
    assert difference(text, after) == lines
    windows = with_list("site.yaml", text.replace("\n", "\r\n").encode(), ISSUERS, values).decode()
    assert windows == after.replace("\n", "\r\n")


IN_ONE_LINE = {
    "behind": (("https://a", "https://b", "https://c"), "[https://a, 'https://b', https://c]"),
    "before": (("https://c", "https://a", "https://b"), "[https://c, https://a, 'https://b']"),
    "the last goes": (("https://a",), "[https://a]"),
    "the first goes": (("https://b",), "['https://b']"),
    "they change places": (("https://b", "https://a"), "['https://b', https://a]"),
    "another one": (("https://b", "https://c"), "['https://b', https://c]"),
}


@pytest.mark.parametrize("case", IN_ONE_LINE.values(), ids=IN_ONE_LINE)
def test_a_list_in_one_line_stays_in_one(case) -> None:
    values, written = case
    after = with_list("site.yaml", FLOW.encode(), ISSUERS, values).decode()
    assert after == FLOW.replace("[https://a, 'https://b']", written)


DEFAULTS = {
    "no claims": (BLOCK, ["+     claims: {entitlements: [x]}"]),
    "no such key": (
        BLOCK.replace("    scopes", "    claims:\n      subject: s # who\n    scopes"),
        ["+       entitlements: [x]"],
    ),
}


@pytest.mark.parametrize("case", DEFAULTS.values(), ids=DEFAULTS)
def test_a_list_that_was_left_to_its_default_is_written(case) -> None:
    text, lines = case
    assert difference(text, with_list("site.yaml", text.encode(), CLAIMS, ("x",)).decode()) == lines


def test_a_default_is_written_in_one_line_where_everything_is() -> None:
    text = FLOW.replace("scopes", "claims: {subject: s}, scopes")
    after = with_list("site.yaml", text.encode(), CLAIMS, ("x",)).decode()
    assert after == text.replace("{subject", "{entitlements: [x], subject")


def test_the_end_of_the_file_need_not_end_its_line() -> None:
    text = "identity_providers:\n  egi:\n    issuers:\n    - a"
    assert with_list("site.yaml", text.encode(), ISSUERS, ("a", "b")).decode() == text + "\n    - b\n"


ODD = {
    "two lines an item": BLOCK.replace("- https://a   # where", "-\n        https://a   # where"),
    "an empty list": "identity_providers: {egi: {issuers: []}}\n",
    "no list": "identity_providers: {egi: {issuers: a}}\n",
    "no mapping": "identity_providers: {egi: a}\n",
    "an alias": "x: &a [a]\nidentity_providers: {egi: {issuers: *a}}\n",
    "a key twice": "identity_providers: {egi: {issuers: [https://b], issuers: [a]}}\n",
    "no YAML": "identity_providers: [",
}


@pytest.mark.parametrize("text", ODD.values(), ids=ODD)
def test_what_is_written_too_oddly_is_left_to_a_person(text: str) -> None:
    with pytest.raises(SiteFileOdd, match="line by line"):
        with_list("site.yaml", text.encode(), ISSUERS, ("https://b", "c"))


NAMES = st.lists(st.sampled_from(["a", "https://b", "no", "1.5", "c d", "-x", "null", "é#"]), min_size=1, unique=True)


@settings(max_examples=150, deadline=None)
@given(NAMES, NAMES, st.booleans())
def test_whatever_is_listed_the_file_says_just_what_was_wanted(held: list[str], wanted: list[str], flow: bool) -> None:
    data = {"title": "t", "identity_providers": {"egi": {"issuers": held, "scopes": ["x"]}}}
    raw = yaml.safe_dump(data, default_flow_style=None if flow else False, allow_unicode=True).encode()
    if flow and not set(held) & set(wanted):
        return  # one line cannot be emptied first: covered by its own case
    try:
        after = with_list("site.yaml", raw, ISSUERS, tuple(wanted))
    except SiteFileOdd:
        assert not set(held) & set(wanted), "only a list of which nothing stays is left to a person"
        return
    assert yaml.safe_load(after)["identity_providers"]["egi"] == {"issuers": wanted, "scopes": ["x"]}
