"""Lint on Keystone mappings: every defect has a name, a login that shows it, and a fix that takes it away."""

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any

import pytest
from lint_cases import (
    CASES,
    CLOSED,
    EGI,
    ENT,
    GOOD,
    ISS,
    OPERATORS,
    OPS,
    SUB,
    USER,
    WITHOUT_LOGIN,
    barring,
    entitled,
    projects,
    rule,
)
from lint_proof import is_proven, ours

from p3idp.core.keystone_rules import NO_SEARCH, Mapped, compile_rules
from p3idp.core.mappings.json_lines import JsonMistaken
from p3idp.core.mappings.lint import (
    CATALOGUE,
    SECTIONS,
    Finding,
    Severity,
    Shown,
    Shows,
    Written,
    lint_rules,
    read_written,
    report,
)
from p3idp.core.mappings.lint.check_patterns import marks
from p3idp.core.mappings.lint.samples import sample
from p3idp.core.mappings.lint.searched import found_in


def found(rules: Any, version: str | None = "2.0") -> list[Finding]:
    return lint_rules(Written("rules.json", rules), version)


def codes(rules: Any, version: str | None = "2.0") -> set[str]:
    return {each.code for each in found(rules, version)}


def worse_than_notes(findings: Sequence[Finding]) -> list[str]:
    return [each.code for each in findings if each.severity is not Severity.NOTE]


@pytest.mark.parametrize("name", CASES)
def test_each_defect_is_found_and_gone_once_corrected(name: str):
    case, code = CASES[name], name.split()[0]
    assert code in codes(case.wrong, case.version)
    assert code not in codes(case.right, "2.0")


@pytest.mark.parametrize("name", CASES)
def test_each_finding_comes_with_a_login_that_shows_what_it_says(name: str):
    case = CASES[name]
    for each in found(case.wrong, case.version):
        assert each.fix
        assert is_proven(each, case.wrong, ours(case.version, NO_SEARCH)), each
    mine = [each for each in found(case.wrong, case.version) if each.code == name.split()[0]]
    assert all(each.login and each.shows for each in mine) or name in WITHOUT_LOGIN


@pytest.mark.parametrize("name", CASES)
def test_an_untrue_claim_about_a_login_is_not_believed(name: str):
    """Else all of the above would be worth nothing."""
    case = CASES[name]
    for each in found(case.wrong, case.version):
        if each.shows is None:
            continue
        others = [Shows(what, "of somebody else") for what in Shown if what is not each.shows.what]
        others += [replace(each.shows, value=f"{each.shows.value}x")] if each.shows.value else []
        for other in others:
            if other.what not in (Shown.NO_CHANGE, *ABSENCES):
                assert not is_proven(replace(each, shows=other), case.wrong, ours(case.version, NO_SEARCH)), (
                    each,
                    other,
                )


# What is not there may well be missing beside what is shown.
ABSENCES = (Shown.NO_PROJECT, Shown.NO_DOMAIN, Shown.NO_USER)


@pytest.mark.parametrize("what", [Shown.NO_CHANGE, *ABSENCES])
def test_absence_is_not_claimed_of_what_is_there(what: Shown):
    rules = [entitled(projects(), any_one_of=[OPS]), entitled(any_one_of=[OPS])]
    login = {"OIDC-sub": "bob", "OIDC-iss": ISS["any_one_of"][0], ENT: OPS}
    claim = Finding("rule-repeated", "f", 1, "", "", login, Shows(what), (0, 1))
    assert not is_proven(claim, rules, ours("2.0", NO_SEARCH))


def test_every_name_of_a_defect_in_rules_has_a_case():
    sections = ("Patterns", "Conditions", "Texts that are filled in", "Groups, projects and domains", "Users")
    known = {code for title in (*sections, "Rules together") for code in SECTIONS[title]}
    assert known == {name.split()[0] for name in CASES}


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("pattern-")])
def test_a_pattern_proposed_instead_is_without_its_defect(name: str):
    for each in found(CASES[name].wrong):
        if each.code.startswith("pattern-") and each.instead:
            assert not [c for c in codes([entitled(any_one_of=[each.instead], regex=True)]) if c.startswith("pattern-")]


@pytest.mark.parametrize(
    ("pattern", "instead"),
    [
        ("urn:mace:egi.eu:group:ops", r"\Aurn:mace:egi\.eu:group:ops(?::[^#\s]+)?(?:#[^#\s]+)?\Z"),
        ("^urn:mace:egi.eu:group:ops.*$", r"\Aurn:mace:egi\.eu:group:ops(?::[^#\s]+)?(?:#[^#\s]+)?\Z"),
        ("^urn:mace:egi.eu:group:ops$", r"\Aurn:mace:egi\.eu:group:ops\Z"),
        ("^urn:mace:egi.eu:group:ops:.*$", r"\Aurn:mace:egi\.eu:group:ops:.*\Z"),
        (CLOSED.replace(r"\.", "."), CLOSED),
        ("^(a|b.c)", r"\A(?:(a|b\.c))\Z"),
        ("^urn:mace:egi.eu:.*:ops:vm@egi.eu$", r"\Aurn:mace:egi\.eu:[^:#\s]+:ops:vm@egi\.eu\Z"),
        ("urn:mace:egi.eu:group:.*:role=vm", r"\Aurn:mace:egi\.eu:group:[^:#\s]+:role=vm(?:#[^#\s]+)?\Z"),
        ("^urn:mace:egi.eu:group:ops.*:role=vm$", r"\Aurn:mace:egi\.eu:group:ops(?::[^:#\s]+)*:role=vm\Z"),
    ],
)
def test_the_fix_of_a_pattern_is_written_out(pattern: str, instead: str):
    shown = [each for each in found([entitled(any_one_of=[pattern], regex=True)]) if each.instead]
    assert {each.instead for each in shown} == {instead}
    meant = (sample(pattern) or "").replace("::", ":x:")
    assert meant
    assert found_in(instead, meant)


GROUP = "urn:mace:egi.eu:group:"
OPEN = [
    "ops",
    "ops.*$",
    "ops$",
    "(ops|dev)",
    "(ops|dev):role=.*$",
    "ops:role=vm",
    "ops:role=(vm|x)",
    "ops(:.*)?",
    "ops\\b.*",
]


@pytest.mark.parametrize("pattern", [*(f"^{GROUP}{each}" for each in OPEN), f"{GROUP}ops|{GROUP}dev:role=x"])
def test_the_fix_of_a_pattern_takes_nobody_out_who_was_meant_and_lets_nobody_in(pattern: str):
    fixes = {each.instead for each in found([entitled(any_one_of=[pattern], regex=True)])} - {""}
    assert fixes
    for name, role in product(
        ("ops", "dev", "ops:sub", "ops-evil", "xops"), ("", ":role=vm", ":role=x", ":role=vm-evil")
    ):
        for text in (f"{GROUP}{name}{role}", f"{GROUP}{name}{role}#aai.egi.eu"):
            before = re.search(pattern, text) is not None
            assert not any(re.search(fix, text) for fix in fixes) or before, text
            meant = before and "evil" not in text and not (name == "ops:sub" and "role=" in pattern)
            assert not meant or all(re.search(fix, text) for fix in fixes), text


@pytest.mark.parametrize(
    "rules",
    [
        GOOD,
        [entitled(any_one_of=[CLOSED], regex=True)],
        [entitled(any_one_of=[r"\Aurn:mace:egi\.eu:group:ops:[^:#]+(?:#[^#\s]+)?\Z"], regex=True)],
        # As Keystone's manual has it: one rule says who, others give groups.
        [rule(SUB, ISS, local=[{"user": USER}]), entitled([{"group": OPERATORS}], any_one_of=[OPS])],
        [entitled([{"user": USER, "groups": "{1}", "domain": EGI}], whitelist=["developers", "operators"])],
        [
            entitled(any_one_of=[OPS]),
            entitled([{"user": USER, "group": {"name": "x", "domain": EGI}}], any_one_of=["x"]),
        ],
        [
            rule(
                SUB,
                ISS,
                {"type": ENT, "any_one_of": [OPS]},
                {"type": "OIDC-acr", "not_any_of": ["low"]},
                {"type": "OIDC-acr"},
            )
        ],
    ],
)
def test_good_rules_are_left_alone(rules: Any):
    assert found(rules) == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"\Aurn:mace:egi\.eu:group:ops:.*:role=vm\Z",
        r"\Aurn:mace:egi\.eu:group:[^:]*:role=vm\Z",
        r"\Aurn:a:x:y:z:group:ops:.*:role=vm\Z",
        r"\Aurn:mace:egi\.eu:res:.*:vm\Z",
        r"\Aurn:mace:egi\.eu:aai\.egi\.eu:ops:.*:vm@egi\.eu\Z",
        r"\Aurn:mace:egi\.eu:group:.*#aai\.egi\.eu\Z",
        r"\Ahttps://.*/a\Z",
        r"\A.*@egi\.eu\Z",
    ],
)
def test_a_wildcard_is_left_alone_where_the_community_is_named_or_none_is(pattern: str):
    assert found([entitled(any_one_of=[pattern], regex=True)]) == []


def test_a_wildcard_below_a_longer_namespace_is_found():
    assert codes([entitled(any_one_of=[r"\Aurn:a:x:y:z:group:.*:role=vm\Z"], regex=True)]) == {"pattern-across-names"}


@pytest.mark.parametrize("pattern", [".*vm_operator.*", r"ops:role=vm_operator\Z", "^.*ops#aai.egi.eu$"])
def test_a_part_of_a_name_is_not_anchored_for_nobody_has_it_alone(pattern: str):
    shown = [each for each in found([entitled(any_one_of=[pattern], regex=True)]) if each.code != "pattern-dollar"]
    assert shown
    assert not any(each.instead for each in shown)


def test_an_open_pattern_with_a_wildcard_is_looked_at_although_its_names_are_long():
    pattern = r"urn:mace:egi\.eu:group:ops\.example\.org:(.*:)?role=(vm_operator|vm_administrator)#aai\.egi\.eu"
    assert {mark.code for mark in marks(pattern)} == {"pattern-unanchored"}
    assert {mark.code for mark in marks(r"urn:mace:egi\.eu:group:.*:admins:role=.*#aai\.egi\.eu\Z")} == {
        "pattern-unanchored",
        "pattern-across-names",
    }


def across(pattern: str) -> list[Finding]:
    return [each for each in found([entitled(any_one_of=[pattern], regex=True)]) if "across" in each.code]


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("pattern-across")])
def test_what_is_proposed_for_a_wildcard_keeps_the_stranger_out(name: str):
    for each in across(CASES[name].wrong[0]["remote"][2]["any_one_of"][0]):
        assert each.login
        assert not each.instead or not re.search(each.instead, each.login[ENT])


@pytest.mark.parametrize(
    "pattern",
    [
        r"\Aurn:mace:egi\.eu:group:.*:ops:role=vm\Z",
        r"\Aurn:mace:.*:group:ops:role=vm\Z",
        r".*:ops:role=vm\Z",
        r"\A:groups:ops.*.+|ops:groups:^",
    ],
)
def test_nothing_is_proposed_for_a_wildcard_where_only_the_name_helps(pattern: str):
    shown = across(pattern)
    assert shown
    assert not any(each.instead for each in shown)


def test_nothing_is_proposed_that_has_a_wildcard_over_names():
    assert not any(each.instead for each in found([entitled(any_one_of=[".+:role=++@egi.eu"], regex=True)]))


def test_but_for_the_innocent_value_the_barred_person_gets_in():
    rules = CASES["exclusion-open"].wrong
    barred = next(each.login for each in found(rules) if each.code == "exclusion-open")
    assert barred
    without = {**barred, ENT: barred[ENT].rpartition(";")[0]}
    assert isinstance(compile_rules(rules, "2.0").evaluate(without), Mapped)


@pytest.mark.parametrize("pattern", ["@example.org$", "-banned", r"\A.*@yeah.com$", "urn:x:banned.*", "urn:banned:"])
def test_an_exclusion_is_not_made_tighter_for_that_would_let_people_in(pattern: str):
    shown = found([barring(pattern, regex=True)])
    assert {each.code for each in shown} <= {"exclusion-open"}
    assert bool(shown) is (pattern == "-banned")
    assert not any(each.instead for each in shown)


def test_a_mapping_without_its_version_is_one_of_schema_1():
    assert worse_than_notes(found(GOOD, None)) == ["schema-version-missing"]
    assert found({"rules": GOOD, "schema_version": "2.0"}, None) == []
    assert found({"mapping": {"rules": GOOD, "schema_version": "2.0"}}, "1.0") == []


@pytest.mark.parametrize(
    "data",
    [
        None,
        5,
        "text",
        [],
        {},
        [5],
        {"rules": {}},
        {"rules": GOOD, "schema_version": "9.0"},
        {"rules": GOOD, "schema_version": 2.0},
        {"mapping": []},
        [{"local": [], "remote": []}],
        [{"local": [{"colour": "red"}], "remote": [SUB]}],
        [GOOD[0]] * 20_001,
    ],
    ids=lambda data: f"{data!r:.40}",
)
def test_what_keystone_does_not_save_is_said_with_its_place(data: Any):
    assert codes(data) == {"keystone-refuses"}


PRETTY = json.dumps(
    {"rules": [*CASES["pattern-invalid"].wrong, *CASES["user-local"].wrong], "schema_version": "2.0"}, indent=1
)


def test_a_finding_names_the_line_of_its_value():
    lines = PRETTY.splitlines()
    by_code = {each.code: each for each in lint_rules(read_written("rules.json", PRETTY.encode()))}
    assert "(ops" in lines[by_code["pattern-invalid"].line - 1]
    assert '"type": "local"' in lines[by_code["user-local"].line - 1]
    assert by_code["pattern-invalid"].file == "rules.json"


@pytest.mark.parametrize(
    ("raw", "line", "told"),
    [
        (b"", 1, "too early"),
        (b'{"rules": [\n  {"local": [],}\n]}', 2, "double quotes"),
        (b'{\n"rules": [],\n"rules": []}', 3, "twice"),
        (b'[\n"\x00"]', 2, "does not allow"),
        (b'\xff{"rules"', 1, "UTF-8"),
        (b"[\nNaN]", 2, "no JSON value"),
        (b'{"a":\n"\\ud800"}', 2, "surrogate"),
        (b"[" * 100_000, 1, "deeper"),
        (b" " * 10_000_000, 1, "larger"),
        (b'[\n{"n": 1' + b"7" * 5_000 + b"}]", 2, "the number 177777777777\u2026 has 5,001 characters"),
        (b"[\n1" + b"7" * 400 + b"]", 2, "has 401 characters; 300 are the most"),
    ],
    ids=["empty", "comma", "twice", "nul", "latin", "nan", "surrogate", "deep", "large", "number", "long"],
)
def test_text_that_is_no_mapping_is_refused_with_its_line(raw: bytes, line: int, told: str):
    with pytest.raises(JsonMistaken) as mistaken:
        read_written("rules.json", raw)
    assert mistaken.value.line == line
    assert told in mistaken.value.message


def test_one_place_has_a_finding_once_and_files_are_read_from_above():
    twice = report([*found(CASES["user-local"].wrong), *found(CASES["user-local"].wrong)], ("rules.json",))
    assert len(twice.findings) == len(found(CASES["user-local"].wrong))
    severities = [each.severity.rank for each in twice.findings if each.line == twice.findings[0].line]
    assert severities == sorted(severities)


def test_a_thousand_rules_are_linted_without_a_login_for_each():
    """What is right costs no evaluation: else ten thousand rules would take minutes."""
    rules = [entitled(any_one_of=[f"urn:mace:egi.eu:group:g{n}"]) for n in range(1_000)]
    gives = [
        {**each, "local": [{"user": USER, "group": {"name": f"g{n}", "domain": EGI}}]} for n, each in enumerate(rules)
    ]
    assert found(gives) == []
    outcome = compile_rules(gives, "2.0").evaluate(
        {"OIDC-sub": "x", "OIDC-iss": ISS["any_one_of"][0], ENT: "urn:mace:egi.eu:group:g7"}
    )
    assert isinstance(outcome, Mapped)


def test_names_are_stable_words_and_every_one_helps():
    for code, words in CATALOGUE.items():
        assert code == code.lower()
        assert " " not in code
        assert words.defect.endswith(".")
        assert words.means.endswith(".")
        assert words.remedy
