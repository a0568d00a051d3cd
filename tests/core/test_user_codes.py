"""The code that people type: what it looks like, and what is taken for it (RFC 8628 section 6.1)."""

import math
from collections import Counter

import pytest

from p3idp.core.device.user_code import ALPHABET, LENGTH, make_user_code, read_user_code, shown_user_code

CODE = "BCDFGHJK"


def test_a_code_is_hard_to_guess_and_easy_to_read():
    assert LENGTH * math.log2(len(ALPHABET)) > 34
    assert not set("AEIOUY01") & set(ALPHABET)
    assert shown_user_code(CODE) == "BCDF-GHJK"


def test_codes_use_every_letter_everywhere():
    made = [make_user_code(f"text {number}") for number in range(2000)]
    assert len(set(made)) == 2000
    for place in range(LENGTH):
        assert min(Counter(code[place] for code in made).values()) > 50  # a hundred each, were it even
    assert all(read_user_code(code) == code for code in made)


@pytest.mark.parametrize(
    "typed",
    [
        "BCDFGHJK", "bcdf-ghjk", " BCDF GHJK ", "b c d f g h j k", "BCDF\u2013GHJK", "BCDF\u2010GHJK", "BCDF\u00a0GHJK",
        "\uff22\uff23\uff24\uff26\uff0d\uff27\uff28\uff2a\uff2b",
    ],
    ids=["as made", "lower case", "spaces", "spaced", "en dash", "hyphen", "hard space", "full width"],
)  # fmt: skip
def test_what_is_meant_is_read(typed: str):
    assert read_user_code(typed) == CODE


@pytest.mark.parametrize(
    "typed",
    [
        "", "BCDF", "BCDFGHJKL", "0CDFGHJK", "OCDFGHJK", "1CDFGHJK", "\uff11CDFGHJK", "\u0663CDFGHJK", "\u0412CDFGHJK",
        "BCDF_GHJK", "BCDFGHJ\x00", "BCDFGHJK\n<script>", "\u00df" * 4, "\u00df" * 8, "B" * 10_000, "\ud800CDFGHJK",
        "\U0001f4a5" * 8, "BCDF\u202eGHJK",
    ],
    ids=["empty", "short", "long", "0", "O", "1", "full-width 1", "Arabic 3", "Cyrillic V", "underscore", "NUL",
         "script", "four sharp s", "eight sharp s", "endless", "surrogate", "picture", "right to left"],
)  # fmt: skip
def test_what_is_no_code_is_none(typed: str):
    """D11."""
    assert read_user_code(typed) is None
