"""Keystone's patterns find exactly what Entitlement.grants grants. Keystone evaluates them with re.search."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p3idp.core.keystone_rules.reading import read_pattern
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement

REQUIRED = [
    "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator",
    "urn:mace:egi.eu:group:vo.access.egi.eu",
    "urn:mace:egi.eu:group:demo.fedcloud.egi.eu:vm_operator:role=member",
    "urn:mace:surf.nl:sram:group:examplelab:cloudteam",
    "urn:mace:egi.eu:group:(a+)+$:role=.*",
    "urn:mace:egi.eu:group:kerberos:role=k",
    "urn:mace:kit.edu:group:data",
    "urn:mace:egi.eu:group:a%2Fb:%C3%A4%zz%%3f:role=%41b%2E",
    "urn:mace:egi.eu:group:a%2fb",
]
PARTS = [
    *("urn:mace:egi.eu", "URN:MACE:EGI.EU", "urn:mace:egiXeu", "urn:mace:surf.nl:sram", "urn:mace:egi.eu:", "urn:"),
    *(":group:", ":GROUP:", "vo.access.egi.eu", "VO.access.egi.eu", "voxaccess.egi.eu", "demo.fedcloud.egi.eu"),
    *("vm_operator", "examplelab", "cloudteam", "(a+)+$", ".*", "kerberos", "\u212aerberos", "k", "x", "", ":"),
    *(":role=", ":ROLE=", "role=", "member", "#", "#aai.egi.eu", " ", "\n", "\u00a0"),
    *("a%2Fb", "a%2fb", "a/b", "%c3%A4%zz%%3F", "%C3%A4%ZZ%%3f", "%41b%2e", "Ab.", "?", "?+x", "\u200b", "\0", ";"),
]


def agree(required: str, text: str) -> None:
    wanted = parse_entitlement(required)
    held = parse_entitlement(text)
    by_policy = held is not None and held.grants(wanted)
    by_keystone = re.search(keystone_pattern(wanted), text) is not None
    assert by_policy == by_keystone, (required, text)


@given(required=st.sampled_from(REQUIRED), parts=st.lists(st.sampled_from(PARTS), max_size=9))
@example(required=REQUIRED[0], parts=["urn:mace:egi.eu", ":group:", "vo.access.egi.eu", ":role=", "vm_operator", "\n"])
def test_both_engines_read_a_text_alike(required, parts):
    agree(required, "".join(parts))


@given(
    required=st.sampled_from(REQUIRED),
    edits=st.lists(st.tuples(st.integers(0, 70), st.integers(0, 3), st.text(max_size=2)), max_size=3),
    tail=st.sampled_from(["", "#aai.egi.eu", ":sub", ":sub:role=admin", ":role=member#x", "#", "\n"]),
)
def test_both_engines_read_a_near_miss_alike(required, edits, tail):
    text = required
    for place, cut, put in edits:
        text = text[:place] + put + text[place + cut :]
    agree(required, text + tail)


@pytest.mark.parametrize("length", [1023, 1024, 1025])
@pytest.mark.parametrize("required", REQUIRED)
def test_both_engines_end_at_the_same_length(required, length):
    text = f"{required.partition('#')[0]}#".ljust(length, "a")
    agree(required, text)
    assert (parse_entitlement(text) is None) is (length > 1024)


NAMES = st.from_regex(r"(?:[!-~]|%[0-9A-Fa-f]{2}){1,6}", fullmatch=True)
GROUPS = st.builds(
    "urn:mace:egi.eu:group:{}{}{}".format,
    st.lists(NAMES, min_size=1, max_size=3).map(":".join),
    st.one_of(st.just(""), NAMES.map(":role={}".format)),
    st.one_of(st.just(""), NAMES.map("#{}".format)),
)


@given(
    required=GROUPS.filter(parse_entitlement), other=GROUPS, tail=st.sampled_from(["", ":sub", ":sub:role=x", "#a:b"])
)
def test_both_engines_read_any_name_alike(required, other, tail):
    """The same but for case is what percent-encodings forgive and names do not."""
    for text in (required, required.swapcase(), required.lower(), required.partition("#")[0] + tail, other):
        agree(required, text)
    assert re.search(keystone_pattern(parse_entitlement(required)), required)


@given(required=GROUPS.filter(parse_entitlement).map(parse_entitlement))
def test_any_pattern_is_harmless_and_says_how_a_text_begins(required):
    """Keystone's rules are indexed by that beginning: it is what makes ten thousand of them quick."""
    reading = read_pattern(keystone_pattern(required))
    assert reading.quick_up_to >= 256
    whole = str(required) if required.role else str(Entitlement(required.namespace, required.path))
    assert reading.prefix == whole.lower()


@pytest.mark.parametrize(
    ("required", "text", "granted"),
    [
        (REQUIRED[0], REQUIRED[0] + "#aai.egi.eu", True),
        (REQUIRED[0], "URN:MACE:EGI.EU:GROUP:vo.access.egi.eu:ROLE=vm_operator", True),
        (REQUIRED[0], REQUIRED[0].replace("vo.access", "VO.access"), False),
        (REQUIRED[0], REQUIRED[0] + "\n", False),
        (REQUIRED[0], "x" + REQUIRED[0], False),
        (REQUIRED[1], REQUIRED[1] + ":sub:sub:role=any#x", True),
        (REQUIRED[1], REQUIRED[1] + "-evil.example.org", False),
        (REQUIRED[1], REQUIRED[1] + ":role=a:b", False),
        (REQUIRED[3], REQUIRED[3].replace("surf", "SURF"), True),
        (REQUIRED[3], REQUIRED[3].replace("surf", "\u017furf"), False),
        (REQUIRED[6], "urn:mace:KIT.edu:group:data", True),
        (REQUIRED[6], "urn:mace:\u212ait.edu:group:data", False),
        (REQUIRED[4], "urn:mace:egi.eu:group:(a+)+$:role=.*", True),
        (REQUIRED[4], "urn:mace:egi.eu:group:aaa:role=x", False),
        (REQUIRED[1], REQUIRED[1] + ":" + "s" * 2000, False),
        (REQUIRED[1], REQUIRED[1] + ":Ryhm\u00e4", False),
        (REQUIRED[1], REQUIRED[1] + "?+x", False),
        (REQUIRED[1], REQUIRED[1] + "#a:b?c/d", True),
        (REQUIRED[1], REQUIRED[1] + "#a#b", False),
        (REQUIRED[1], REQUIRED[1].replace("vo.", "vo%2E"), False),
        (REQUIRED[7], REQUIRED[7].replace("%41b", "%41B"), False),
        (REQUIRED[7], REQUIRED[7].replace("%2F", "%2f").replace("%C3%A4", "%c3%a4").replace("%2E", "%2e"), True),
        (REQUIRED[7], REQUIRED[7].replace("%zz", "%ZZ"), False),
        (REQUIRED[8], REQUIRED[8].replace("%2f", "%2F"), True),
        (REQUIRED[8], REQUIRED[8].replace("%2f", "/"), False),
    ],
)
def test_known_cases(required, text, granted):
    assert parse_entitlement(required) is not None
    held = parse_entitlement(text)
    assert (held is not None and held.grants(parse_entitlement(required))) is granted
    agree(required, text)


@pytest.mark.parametrize(
    "text", ["a:" * 2000 + "!", "urn:mace:egi.eu:group:vo.access.egi.eu" + ":a" * 2000 + " ", "#" * 4000]
)
def test_no_text_makes_a_pattern_slow(text):
    pattern = re.compile(keystone_pattern(parse_entitlement(REQUIRED[1])))
    begin = time.perf_counter()
    pattern.search(text)
    assert time.perf_counter() - begin < 1.0
