"""What each text is that means to be an entitlement, what it says and grants, and what should have been written."""

import unicodedata
from time import thread_time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.policy.capability import Capability, parse_capability
from p3idp.core.policy.entitlement import MAX_LENGTH, Entitlement, parse_entitlement, parse_g002
from p3idp.core.policy.legacy import GocdbRole, LegacyCapability, LegacyMembership, parse_legacy
from p3idp.core.policy.nearness import is_misspelt, near_misses
from p3idp.core.policy.suggest import Kind, recognise, suggest

EGI = "urn:mace:egi.eu"
OPERATOR = f"{EGI}:group:vo.access.egi.eu:role=vm_operator"


def test_a_group_entitlement_says_namespace_path_role_and_authority():
    read = parse_entitlement("URN:MACE:surf.nl:SRAM:group:lab:cloud%2fteam:role=member#sram.surf.nl")
    assert read == Entitlement("urn:mace:surf.nl:sram", ("lab", "cloud%2Fteam"), "member")
    assert str(read) == "urn:mace:surf.nl:sram:group:lab:cloud%2Fteam:role=member"
    assert (read.authority, read.short) == ("sram.surf.nl", "lab:cloud%2Fteam:role=member")


def test_the_authority_is_for_showing_and_never_compared():
    one, other, none = (parse_entitlement(OPERATOR + tail) for tail in ("#aai.egi.eu", "#evil.example.org", ""))
    assert one == other == none
    assert len({one, other, none}) == 1
    assert one.grants(other)
    assert none.grants(one)
    assert sorted([one, other, none]) == [one, other, none]
    assert [read.authority for read in (one, other, none)] == ["aai.egi.eu", "evil.example.org", None]


@pytest.mark.parametrize(
    ("held", "required", "granted"),
    [
        ("a:role=x", "a", True),
        ("a:b:role=x", "a", True),
        ("a:b", "a", True),
        ("a:role=x", "a:role=x", True),
        ("a:b:role=x", "a:role=x", False),
        ("a:role=x", "a:b:role=x", False),
        ("a:role=x", "a:role=y", False),
        ("a", "a:role=x", False),
        ("a", "a:b", False),
        ("A", "a", False),
        ("ab", "a", False),
        ("a%2fb", "a%2Fb", True),
        ("a%2Eb", "a.b", False),
    ],
)
def test_a_role_binds_to_the_deepest_subgroup(held, required, granted):
    read, wanted = (parse_entitlement(f"{EGI}:group:{text}") for text in (held, required))
    assert read.grants(wanted) is granted


def test_another_namespace_grants_nothing_even_below_the_one_required():
    wanted = parse_entitlement(f"{EGI}:group:a")
    assert not any(parse_entitlement(f"{ns}:group:a").grants(wanted) for ns in (f"{EGI}:sub", "urn:mace:egi"))


def test_g002_decodes_first_and_its_readings_compare_with_the_others():
    assert parse_g002(f"{EGI}:group:a%3Ab%2Ec:role=x") == parse_entitlement(f"{EGI}:group:a:b.c:role=x")
    assert parse_g002(f"{EGI}:group:Ryhm\u00e4 1") == parse_entitlement(f"{EGI}:group:Ryhm%C3%A4%201")
    assert parse_g002(f"{EGI}:group:a%00b").path == ("a%00b",)
    assert parse_g002(f"{EGI}:group:a%2541").path == ("a%2541",)
    assert parse_g002(f"{EGI}:group:a%ff") is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (f"{EGI}:res:rcauth#aai.egi.eu", Capability(EGI, ("rcauth",))),
        (f"{EGI}:res:ggus.eu", Capability(EGI, ("ggus.eu",))),
        (f"{EGI}:res:cloud:vm:act:stop,start#aai", Capability(EGI, ("cloud", "vm"), ("start", "stop"))),
        (f"{EGI}:res:a%2fb:ACT:r,r", Capability(EGI, ("a%2Fb",), ("r",))),
        (f"{EGI}:res:", None),
        (f"{EGI}:res:a:act:", None),
        (f"{EGI}:res:act:x", None),
        (f"{EGI}:res:a:act:x,", None),
        (f"{EGI}:res:a:act:x:b", None),
        (f"{EGI}:res:a#", None),
        (OPERATOR, None),
    ],
)
def test_capabilities_are_read(text, value):
    assert parse_capability(text) == value
    assert value is None or parse_capability(str(value)) == value


@pytest.mark.parametrize(
    ("held", "required", "granted"),
    [
        ("cloud", "cloud", True),
        ("cloud", "cloud:vm", True),
        ("cloud", "cloud:vm:act:start", True),
        ("cloud:vm", "cloud", False),
        ("cloud:act:start,stop", "cloud:act:start", True),
        ("cloud:act:start", "cloud:vm:act:start", True),
        ("cloud:act:start", "cloud:act:start,stop", False),
        ("cloud:act:start", "cloud", False),
        ("clouds", "cloud", False),
    ],
)
def test_a_capability_permits_its_resource_and_what_is_within(held, required, granted):
    read, wanted = (parse_capability(f"{EGI}:res:{text}") for text in (held, required))
    assert read.grants(wanted) is granted
    assert not read.grants(parse_capability(f"urn:mace:other.org:res:{required}"))


@pytest.mark.parametrize(
    ("text", "value", "modern"),
    [
        (
            f"{EGI}:aai.egi.eu:member@fedcloud.egi.eu",
            LegacyMembership(Entitlement(EGI, ("fedcloud.egi.eu",), "member")),
            f"{EGI}:group:fedcloud.egi.eu:role=member#aai.egi.eu",
        ),
        (f"{EGI}:aai.egi.eu:rcauth", LegacyCapability(Capability(EGI, ("rcauth",))), None),
        (
            f"{EGI}:goc.egi.eu:100453G0:GRIDOPS-CheckIn:Site+Administrator@egi.eu",
            GocdbRole("100453G0", "GRIDOPS-CheckIn", "Site Administrator"),
            None,
        ),
    ],
)
def test_legacy_forms_are_read_with_what_says_the_same_today(text, value, modern):
    assert parse_legacy(text) == value
    assert parse_entitlement(text) is None
    assert recognise(text).kind is Kind.LEGACY
    assert suggest(text) == modern


@pytest.mark.parametrize("text", [OPERATOR, f"{EGI}:vo.access.egi.eu", f"{EGI}:aai.egi.eu:@a", f"{EGI}:x:member@a", ""])
def test_what_is_no_legacy_form_is_not_read_as_one(text):
    assert parse_legacy(text) is None


@pytest.mark.parametrize(
    ("text", "kind", "suggestion"),
    [
        (OPERATOR, Kind.GROUP, None),
        (f"{EGI}:res:gocdb#aai.egi.eu", Kind.CAPABILITY, None),
        (OPERATOR.replace(":group:", ": group:"), Kind.MALFORMED, OPERATOR),
        (f" {OPERATOR}\r\n", Kind.MALFORMED, OPERATOR),
        (OPERATOR.replace("vo.", "vo\u200b."), Kind.MALFORMED, OPERATOR),
        (f"\u202e{OPERATOR}", Kind.MALFORMED, OPERATOR),
        (OPERATOR + ";", Kind.GROUP, OPERATOR),
        # Two values are no longer name, and half of one no shorter one, which would be wider.
        (f"{EGI}:group:vo:role=vm_operator;y", Kind.GROUP, f"{EGI}:group:vo:role=vm_operator"),
        (f"{OPERATOR};{OPERATOR}", Kind.MALFORMED, None),
        (OPERATOR.replace(":role=", ";x:role="), Kind.GROUP, None),
        (OPERATOR.removeprefix("urn:"), Kind.MALFORMED, OPERATOR),
        (OPERATOR.replace("role=", "role:"), Kind.GROUP, OPERATOR),
        (OPERATOR.replace(":group:", ":groups:"), Kind.MALFORMED, OPERATOR),
        (OPERATOR + "?+x?=y", Kind.MALFORMED, OPERATOR),
        (f"{EGI}:group:Ryhm\u00e4", Kind.MALFORMED, f"{EGI}:group:Ryhm%C3%A4"),
        (f"{EGI}:group:vo:role=a:b", Kind.MALFORMED, None),
        (f"{EGI}:group:", Kind.MALFORMED, None),
        ("vm_operator", Kind.OTHER, None),
        ("https://refeds.org/assurance/IAP/low", Kind.OTHER, None),
        ("", Kind.OTHER, None),
    ],
)
def test_every_text_has_a_kind_and_mistakes_a_repair(text, kind, suggestion):
    assert (recognise(text).kind, recognise(text).suggestion) == (kind, suggestion)


def test_the_catalogue_of_egi_has_one_mistake_and_it_is_repaired(catalogue_of_egi):
    wrong = {vo: suggest(text) for vo, text in catalogue_of_egi.items() if recognise(text).kind is not Kind.GROUP}
    assert wrong == {"vo.imagine-ai.eu": f"{EGI}:group:vo.imagine-ai.eu:role=vm_operator#aai.egi.eu"}


@pytest.fixture
def catalogue_of_egi() -> dict[str, str]:
    """The shapes that stand in EGI's catalogue: capitals, a slash, a subgroup, and the one that is malformed."""
    return yaml.safe_load(
        f"""
        EOServices-vo.indra.es: "{EGI}:group:EOServices-vo.indra.es:role=vm_operator#aai.egi.eu"
        sage: "{EGI}:group:sage.greendealdata.eu:infra-deployments:role=user#aai.egi.eu"
        biomed: "{EGI}:group:/biomed/vip:role=member#aai.egi.eu"
        vo.imagine-ai.eu: "{EGI}: group:vo.imagine-ai.eu:role=vm_operator#aai.egi.eu"
        """
    )


# --- hostile texts ---

STRANGE = [
    "\u200b",
    "\u200f",
    "\u202e",
    "\u2066",
    "\ufeff",
    "\0",
    "\r\n",
    "\n",
    "\t",
    "\x7f",
    "\u00a0",
    "\u00ad",
    "\x1b[31m",
]


@pytest.mark.parametrize("mark", STRANGE, ids=ascii)
@pytest.mark.parametrize("part", ["urn", "egi.eu", "group", "vo.access", "role=", "operator"])
def test_what_cannot_be_seen_makes_another_text(mark, part):
    text = OPERATOR.replace(part, part[:1] + mark + part[1:], 1)
    assert parse_entitlement(text) is None
    assert parse_g002(text) != parse_entitlement(OPERATOR)
    assert all(parse_entitlement(each) is None for each in (text + mark, mark + text, f"{OPERATOR}#a{mark}b"))


def test_twins_in_unicode_are_never_one():
    composed, apart = (unicodedata.normalize(form, f"{EGI}:group:Ryhm\u00e4") for form in ("NFC", "NFD"))
    assert parse_entitlement(composed) is parse_entitlement(apart) is None
    assert parse_g002(composed) != parse_g002(apart)
    assert [miss.how for miss in near_misses(parse_g002(composed), [apart])] == ["malformed"]
    kelvin = f"{EGI}:group:\u212aerberos"
    assert parse_entitlement(kelvin) is None
    assert parse_entitlement(kelvin.replace("EGI", "egi").replace("\u212a", "K")) is not None


@given(st.text())
def test_no_text_breaks_any_of_it(text):
    wanted = parse_entitlement(OPERATOR)
    for each in (
        text,
        f"{EGI}:group:{text}",
        f"{EGI}:res:{text}",
        f"{EGI}:goc.egi.eu:1:{text}@egi.eu",
        OPERATOR + text,
    ):
        known = recognise(each)
        assert (parse_entitlement(each) is not None) is (known.kind is Kind.GROUP)
        assert suggest(each) is None or suggest(suggest(each)) is None
        near_misses(wanted, [each])
        is_misspelt(each)


MEGABYTE = 2**20
HOSTILE = {
    "letters": "x" * MEGABYTE,
    "segments": OPERATOR[:35] + ":a" * (MEGABYTE // 2),
    "segments at the limit": (OPERATOR[:35] + ":a" * MEGABYTE)[: MAX_LENGTH - 1] + "#",
    "groups": "urn:a:b" + ":group" * (MEGABYTE // 6) + ":",
    "groups at the limit": ("urn:a:b" + ":group" * 200)[: MAX_LENGTH - 1] + ":",
    "hashes": "#" * MEGABYTE,
    "percents": "vo.access.egi.eu " + "%zz " * (MEGABYTE // 4),
    "percents at the limit": ("vo.access.egi.eu " + "%e2%80%8b" * 200)[:MAX_LENGTH],
    "ligatures at the limit": ("vo.access.egi.eu" + "\ufdfa" * MAX_LENGTH)[:MAX_LENGTH],
    "marks at the limit": ("vo.access.egi.eu" + "\u0344\u200b" * MAX_LENGTH)[:MAX_LENGTH],
    "actions": (f"{EGI}:res:a:act:" + "x," * MAX_LENGTH)[:MAX_LENGTH],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_text_takes_no_time(name):
    text = HOSTILE[name]
    begin = thread_time()
    recognise(text), parse_g002(text), is_misspelt(text), near_misses(parse_entitlement(OPERATOR), [text])
    assert thread_time() - begin < 0.1


@pytest.mark.parametrize("name", HOSTILE)
def test_a_claim_full_of_them_takes_little(name):
    """Ten thousand; of those that are worst for their length, a thousand, which is what a verifier lets through."""
    start, number = HOSTILE[name][: 2 * MAX_LENGTH], 1_000 if "limit" in name else 10_000
    texts = [f"{start[:20]}{place:08}{start[28:]}" for place in range(number)]
    begin = thread_time()
    assert not any(parse_entitlement(text) for text in texts)
    assert thread_time() - begin < 0.1
    assert len(near_misses(parse_entitlement(OPERATOR), texts)) <= 1_000
    assert thread_time() - begin < 0.2
