"""Keystone's patterns find exactly what Entitlement.grants grants. Keystone evaluates them with re.search."""

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import parse_entitlement

REQUIRED = [
    "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator",
    "urn:mace:egi.eu:group:vo.access.egi.eu",
    "urn:mace:egi.eu:group:demo.fedcloud.egi.eu:vm_operator:role=member",
    "urn:mace:surf.nl:sram:group:examplelab:cloudteam",
    "urn:mace:egi.eu:group:(a+)+$:role=.*",
    "urn:mace:egi.eu:group:kerberos:role=k",
    "urn:mace:kit.edu:group:data",
]
PARTS = [
    *("urn:mace:egi.eu", "URN:MACE:EGI.EU", "urn:mace:egiXeu", "urn:mace:surf.nl:sram", "urn:mace:egi.eu:", "urn:"),
    *(":group:", ":GROUP:", "vo.access.egi.eu", "VO.access.egi.eu", "voxaccess.egi.eu", "demo.fedcloud.egi.eu"),
    *("vm_operator", "examplelab", "cloudteam", "(a+)+$", ".*", "kerberos", "\u212aerberos", "k", "x", "", ":"),
    *(":role=", ":ROLE=", "role=", "member", "#", "#aai.egi.eu", " ", "\n", "\u00a0"),
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
