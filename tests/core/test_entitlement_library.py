"""p3idp reads entitlements as the library aarc-entitlement 1.0.5 does (MIT), but for differences that are named here.

The library's own test cases are taken from its package, so that none is left out.
"""

import re
from urllib.parse import quote, unquote

import pytest
from aarc_entitlement import G002, G069, KEY, ParseError, test_entitlements
from hypothesis import example, given
from hypothesis import strategies as st

from p3idp.core.policy.entitlement import MAX_LENGTH, VISIBLE, Entitlement, parse_entitlement, parse_g002
from p3idp.core.policy.suggest import suggest

SUITE = test_entitlements.TestAll
Relation = test_entitlements.Rel
NO_PERCENT = VISIBLE.replace("%", "")


def cases_of(test: object) -> list[tuple]:
    """What the library hands to one of its tests."""
    [mark] = (mark for mark in test.pytestmark if mark.name == "parametrize")
    return [case if isinstance(case, tuple) else (case,) for case in mark.args[1]]


def ours(guideline: type, text: str, strict: bool = False) -> Entitlement | None:
    return parse_entitlement(text) if guideline is G069 else parse_g002(text, need_authority=strict)


def theirs(guideline: type, text: str) -> Entitlement | None:
    """The library's reading as our value. What it decoded is encoded, as no URN holds it otherwise."""
    try:
        read = guideline(text)
    except ParseError:
        return None
    encoded = (lambda part: part) if guideline is G069 else (lambda part: quote(part, safe=NO_PERCENT))
    namespace = ":".join(("urn", read.namespace_id, read.delegated_namespace, *read.subnamespaces))
    path = tuple(map(encoded, (read.group, *read.subgroups)))
    role, authority = (part and encoded(part) for part in (read.role, read.group_authority))
    return Entitlement(namespace.lower(), path, role, authority)


# --- its own cases ---

# What is within what, said the other way round: for the library a namespace holds all that are below it.
BELOW = {"subnamespace_deeper"}


@pytest.mark.parametrize("guideline", [G002, G069])
@pytest.mark.parametrize(("name", "strict", "relation", "required", "actual"), cases_of(SUITE.test_rel))
def test_two_entitlements_relate_as_in_the_library(guideline, name, strict, relation, required, actual):
    wanted, held = ours(guideline, required, strict), ours(guideline, actual, strict)
    assert (held == wanted) is (relation is Relation.EQUAL)
    assert held.grants(wanted) is (relation in (Relation.EQUAL, Relation.ACTUAL_CONTAINS_REQUIRED))
    contained = relation in (Relation.EQUAL, Relation.REQUIRED_CONTAINS_ACTUAL) and name not in BELOW
    assert wanted.grants(held) is contained


@pytest.mark.parametrize(("given_parts", "wrong"), cases_of(SUITE.test_parser))
def test_what_the_library_makes_of_parts_is_read_again(given_parts, wrong):
    if isinstance(given_parts, dict) and not wrong:
        text = repr(G069(given_parts))
        assert parse_entitlement(text) == theirs(G069, text) != None  # noqa: E711 - both are there
    elif isinstance(given_parts, str):
        assert parse_entitlement(given_parts) is None
        assert parse_g002(given_parts) is None


@pytest.mark.parametrize("text", [case for (case,) in cases_of(test_entitlements.TestG002.test_strict_parsing)])
def test_g002_may_ask_for_an_authority(text):
    written = text if isinstance(text, str) else repr(G002(text))
    assert parse_g002(written) is not None
    assert parse_g002(written, need_authority=True) is None
    assert parse_g002(written + "#aai.egi.eu", need_authority=True).authority == "aai.egi.eu"


@pytest.mark.parametrize(
    "text", [case for (case,) in cases_of(test_entitlements.TestG002.test_failure_incomplete_but_valid_entitlement)]
)
def test_an_authority_may_be_missing(text):
    assert parse_g002(text) == parse_entitlement(text) == theirs(G002, text)
    assert parse_entitlement(text) is not None


@pytest.mark.parametrize(
    "name", [case for (case,) in cases_of(test_entitlements.TestG069.test_valid_percent_encodings)]
)
def test_encoded_names_are_kept(name):
    assert parse_entitlement(f"urn:geant:h-df.de:group:{name}").path == (name,)


@pytest.mark.parametrize(("text", "equal"), cases_of(test_entitlements.TestG069.test_normalization))
def test_texts_that_are_one_by_g069_are_one_value(text, equal):
    normal = "urn:nid:example.org:group:Minun%20Ryhm%C3%A4ni"
    assert (parse_entitlement(text) == parse_entitlement(normal)) is equal
    assert (str(parse_entitlement(text)) == normal) is equal


@pytest.mark.parametrize(
    "text", [case for (case,) in cases_of(test_entitlements.TestG069.test_optional_urn_components)]
)
def test_components_within_a_name_are_no_entitlement_but_are_understood(text):
    """RFC 8141 (section 2.3) lets such components end a URN: by it, none of these names a group."""
    assert theirs(G069, text) == parse_entitlement("urn:nid:example.org:group:g")
    assert parse_entitlement(text) is None
    assert suggest(text) == "urn:nid:example.org:group:g"


def test_every_part_can_be_asked_for():
    read = parse_entitlement("urn:geant:h-df.de:kit:group:aai-admin:super-admin:role=admin-prime#unity.example.de")
    assert read == Entitlement("urn:geant:h-df.de:kit", ("aai-admin", "super-admin"), "admin-prime")
    assert read.authority == "unity.example.de"


def test_no_case_of_the_library_is_left_out():
    """Its tests for building from parts and changing them have no counterpart: our values are frozen."""
    known = {"test_rel", "test_parser", "test_set_part", "test_str", "test_properties", "test_strict_parsing"}
    known |= {"test_failure_incomplete_but_valid_entitlement", "test_valid_percent_encodings", "test_normalization"}
    known |= {"test_optional_urn_components", "test_set_part_normalization"}
    suites = (SUITE, test_entitlements.TestG002, test_entitlements.TestG069)
    assert {name for suite in suites for name in vars(suite) if name.startswith("test")} == known
    assert KEY.ROLE == "role"


# --- anything else ---

# Name of the difference: when it shows (in the text; for G002 in what it decodes to), an example, and whether p3idp
# reads that as an entitlement.
DIFFERENCES = {
    "what a URN cannot hold": (r"[^!-~]", "urn:a:b:group:a b", False),
    "a question mark, which ends a name": (r"^[^#]*\?", "urn:a:b:group:a?b", False),
    "a colon in a role": (r"(?i):role=[^#]*:", "urn:a:b:group:g:role=a:b", False),
    "a group called role=": (r"(?i):role=(:|#|$)|:group:role=", "urn:a:b:group:g:role=", False),
    "keywords in capitals": (r":(?!group:)(?i:group:)|:(?!role=)(?i:role=)", "urn:a:b:GROUP:g", True),
    "urn: in capitals (G002)": (r"^(?!urn:)(?i:urn:)", "URN:a:b:group:g", True),
    "the first :group: counts": (r"(?i):group(:.*)?:group:", "urn:a:b:group:c:group:d", True),
    "names of namespaces": (r"(?i)^urn:(?![a-z0-9][a-z0-9-]{0,31}(:[a-z0-9._-]+)+:group:)", "urn:a:b+c:group:g", False),
    "one authority, in one line": (r"#.*(?:#|%0A)", "urn:a:b:group:g#a#b", False),
    "length": (rf"^.{{{MAX_LENGTH + 1}}}", "urn:a:b:group:" + "g" * MAX_LENGTH, False),
    "what is no hexadecimal digit": (r"%(?=.?[g-z])[0-9a-z]{2}", "urn:a:b:group:a%zz", True),
    "digits in mixed case": (r"%(?:[a-f][A-F]|[A-F][a-f])", "urn:a:b:group:a%aF", True),
    "bytes that are no text (G002)": (r"%EF%BF%BD", "urn:a:b:group:a%ff", False),
}


def may_differ(guideline: type, text: str) -> list[str]:
    read = text if guideline is G069 else quote(unquote(text), safe=NO_PERCENT)
    named = DIFFERENCES.items() if guideline is G002 else [n for n in DIFFERENCES.items() if "G002" not in n[0]]
    return [name for name, (pattern, _, _) in named if re.search(pattern, read)]


def agree(guideline: type, text: str) -> None:
    mine, yours = ours(guideline, text), theirs(guideline, text)
    if not may_differ(guideline, text):
        assert mine == yours
        assert mine is None or mine.authority == yours.authority


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_named_difference_is_one(name):
    _, text, read = DIFFERENCES[name]
    guideline = G002 if "G002" in name else G069
    assert may_differ(guideline, text) == [name]
    assert ours(guideline, text) != theirs(guideline, text)
    assert (ours(guideline, text) is not None) is read


WORDS = st.from_regex(r"[A-Za-z0-9._+=@/~()-]{1,9}", fullmatch=True).filter(lambda word: not word.startswith("role="))
ENCODED = st.sampled_from(["a%2Fb", "%C3%A4", "vo%2eegi.eu", "%3A", "%23x", "%41", "%25", "role", "member", "group"])
NAMES = st.one_of(WORDS, ENCODED, st.sampled_from(["vo.access.egi.eu", "vm_operator", "member"]))
SPACES = st.sampled_from(["urn:mace:egi.eu", "URN:MACE:EGI.EU", "urn:mace:surf.nl:sram", "urn:geant:h-df.de"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(":".join)
ROLES = st.one_of(st.just(""), NAMES.map(":role={}".format))
AUTHORITIES = st.one_of(st.just(""), st.sampled_from(["#aai.egi.eu", "#a/b?c:8443"]))
WELL_FORMED = st.builds("{}:group:{}{}{}".format, SPACES, PATHS, ROLES, AUTHORITIES)
PIECES = [
    "urn:",
    "mace",
    "egi.eu",
    ":group:",
    ":",
    "group",
    "role",
    ":role=",
    "=",
    "#",
    "?",
    "?+",
    "%",
    "%2f",
    "%3a",
    " ",
]
LOOSE = st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=2)), max_size=12).map("".join)


@given(
    guideline=st.sampled_from([G002, G069]), text=st.one_of(WELL_FORMED, LOOSE, LOOSE.map("urn:a:b:group:{}".format))
)
@example(guideline=G069, text="urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu")
def test_both_read_a_text_alike(guideline, text):
    agree(guideline, text)


@given(text=WELL_FORMED.filter(lambda text: not may_differ(G069, text)))
def test_both_read_what_is_well_formed(text):
    """The accept-control: agreement is not that neither reads anything."""
    assert parse_entitlement(text) == theirs(G069, text) != None  # noqa: E711 - both are there


SAME = st.sampled_from(["a", "b", "a%2fb", "a%2Fb"])
RELATED = st.builds(
    "{}:group:{}{}{}".format,
    st.sampled_from(["urn:mace:egi.eu", "urn:MACE:egi.eu", "urn:mace:egi.eu:sub"]),
    st.lists(SAME, min_size=1, max_size=3).map(":".join),
    st.one_of(st.just(""), SAME.map(":role={}".format)),
    AUTHORITIES,
)


@given(held=RELATED, required=RELATED)
def test_both_grant_alike(held, required):
    mine, wanted = parse_entitlement(held), parse_entitlement(required)
    yours, asked = G069(held), G069(required)
    assert (mine == wanted) is (yours == asked)
    assert hash(mine) == hash(wanted) or mine != wanted
    # The one difference: to the library a namespace holds those below it, which may be somebody else's.
    if mine.namespace == wanted.namespace:
        assert mine.grants(wanted) is yours.satisfies(asked)
    else:
        assert not mine.grants(wanted)
