"""Lint beside a live Keystone: names that it does not have, and what sends logins to a mapping."""

from dataclasses import replace
from typing import Any

import pytest
from lint_cases import EGI, ENT, GOOD, ISS, OPERATORS, OPS, SUB, USER, entitled, groups, projects, rule, user
from lint_proof import is_proven, ours

from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.lint import SECTIONS, Finding, Live, LiveProvider, Written, lint_live, lint_objects

ISSUER = ISS["any_one_of"][0]
LIVE = Live(
    domains={"d1": "egi", "d2": "other"},
    groups={"g1": ("d1", "operators"), "g2": ("d2", "strangers"), "g3": ("d1", "developers")},
    projects=frozenset({("d1", "p")}),
    roles=frozenset({"member"}),
    providers={"egi": LiveProvider("d1", True, (ISSUER,))},
    protocols={("egi", "openid"): "m"},
    mappings={"m": (GOOD, "2.0")},
)


def names(rules: list[Any], live: Live = LIVE, version: str = "2.0") -> dict[str, Finding]:
    """What is found, but for the difference to the mapping in Keystone."""
    found = lint_live(Written("rules.json", rules), version, live, "egi", NO_SEARCH)
    for each in found:
        assert is_proven(each, rules, ours(version, NO_SEARCH))
        assert each.login or not each.rules
    return {each.code: each for each in found if each.code != "live-drift"}


ELSEWHERE = {"name": "elsewhere"}
GONE = {"user": USER, "group": {"name": "gone", "domain": EGI}}
UNKNOWN = [
    ("live-domain-unknown", [entitled(user(id="{0}", domain=ELSEWHERE), any_one_of=[OPS])], "elsewhere"),
    ("live-domain-unknown", [entitled([{"user": USER, "domain": {"id": "d9"}}], any_one_of=[OPS])], "d9"),
    (
        "live-group-unknown",
        [entitled([GONE], any_one_of=[OPS])],
        "gone",
    ),
    ("live-group-unknown", [entitled(groups(), whitelist=["developers", "gone"])], "gone"),
    ("live-group-unknown", [entitled(groups("gone"), any_one_of=[OPS])], "gone"),
    ("live-group-id-unknown", [entitled([{"user": USER, "group": {"id": "g9"}}], any_one_of=[OPS])], "g9"),
    ("live-role-unknown", [entitled(projects(role="wizard"), any_one_of=[OPS])], "wizard"),
    ("live-project-unknown", [entitled(projects(name="nowhere"), any_one_of=[OPS])], "nowhere"),
    (
        "live-issuer-unknown",
        [rule(SUB, {**ISS, "any_one_of": ["https://old"]}, {"type": ENT, "any_one_of": [OPS]})],
        "https://old",
    ),
]


@pytest.mark.parametrize(("code", "rules", "told"), UNKNOWN)
def test_a_name_that_keystone_does_not_have_is_told_with_a_login_that_needs_it(code: str, rules: list[Any], told: str):
    found = names(rules)
    assert set(found) == {code}
    assert told in found[code].found
    assert found[code].login


def test_names_that_keystone_has_are_left_alone():
    assert names(GOOD) == {}
    assert names([entitled(projects(), any_one_of=[OPS])]) == {}
    assert names([entitled(groups(), whitelist=["operators", "developers"])]) == {}
    assert names([entitled([{"user": USER, "group": {"id": "g2"}}], any_one_of=[OPS])]) == {}


def test_a_role_that_reaches_admin_by_implication_is_admin():
    rules = [entitled(projects(role="operator"), any_one_of=[OPS])]
    chain = {"operator": ("manager",), "manager": ("operator", "admin")}
    harmless = replace(LIVE, roles=frozenset({"operator", "manager", "admin"}))
    assert names(rules, harmless) == {}
    assert set(names(rules, replace(harmless, implies=chain))) == {"role-admin"}


def test_a_group_in_another_domain_is_pointed_at():
    rules = [entitled([{"user": USER, "group": {"name": "strangers", "domain": EGI}}], any_one_of=[OPS])]
    assert names(rules)["live-group-unknown"].fix == "It is in the domain other"


def test_absence_from_a_list_cut_short_means_nothing():
    cut = replace(LIVE, missing=("groups", "domains", "projects", "roles"))
    assert [names(rules, cut) for _, rules, _ in UNKNOWN[:-1]] == [{}] * (len(UNKNOWN) - 1)
    assert [each.code for each in lint_objects(cut)] == ["live-incomplete"]


def test_a_mapping_that_keystone_has_otherwise_is_told():
    def copy(rules: Any, version: str) -> list[str]:
        live = replace(LIVE, mappings={"m": (rules, version)})
        return [each.code for each in lint_live(Written("rules.json", GOOD), "2.0", live, None)]

    assert copy(GOOD, "2.0") == []
    assert copy(GOOD, "1.0") == ["live-schema-version"]
    assert copy([rule(SUB)], "2.0") == ["live-drift"]
    assert copy([*GOOD, rule(SUB)], "2.0") == ["live-drift"]


def test_a_provider_that_keystone_does_not_have_is_told():
    found = lint_live(Written("rules.json", GOOD), "2.0", LIVE, "nobody")
    assert [each.code for each in found] == ["live-provider-unknown"]


OBJECTS = [
    ("live-provider-open", {"providers": {"egi": LiveProvider("d1")}}),
    ("live-provider-disabled", {"providers": {"egi": LiveProvider("d1", False, (ISSUER,))}}),
    (
        "live-issuer-shared",
        {"providers": {"egi": LiveProvider("d1", True, (ISSUER,)), "hub": LiveProvider("d1", True, (ISSUER, "x"))}},
    ),
    ("live-second-protocol", {"protocols": {("egi", "openid"): "m", ("egi", "saml2"): "m"}}),
    ("live-mapping-missing", {"protocols": {("egi", "openid"): "m", ("hub", "x"): "m"}, "mappings": {}}),
    ("live-mapping-unused", {"mappings": {"m": (GOOD, "2.0"), "old": (GOOD, "2.0")}}),
    ("live-incomplete", {"missing": ("groups",)}),
]


@pytest.mark.parametrize(("code", "changes"), OBJECTS)
def test_what_sends_logins_to_a_mapping_is_looked_at(code: str, changes: dict[str, Any]):
    assert [each.code for each in lint_objects(LIVE)] == []
    assert [each.code for each in lint_objects(replace(LIVE, **changes))] == [code]


def test_every_name_of_a_live_defect_has_a_case():
    tested = {code for code, _, _ in UNKNOWN} | {"live-schema-version", "live-drift", "live-provider-unknown"}
    tested |= {code for code, _ in OBJECTS}
    assert tested == set(SECTIONS["The live Keystone (--online)"])


def test_braces_of_a_name_are_braces():
    rules = [entitled([{"user": USER, "group": {**OPERATORS, "name": "a{{b}}"}}], any_one_of=[OPS])]
    assert names(rules, replace(LIVE, groups={"g": ("d1", "a{b}")})) == {}
