"""What lint proposes takes and gives nothing else: numbers keep their claims, and no order that counts is lost."""

from typing import Any

import pytest
from lint_cases import EGI, ENT, GOOD, ISS, OPS, SUB, USER, entitled, projects, rule, user

from p3idp.core.mappings.lint import Finding, Written, lint_rules

MORE = {"name": "more", "domain": EGI}


def found(rules: Any) -> list[Finding]:
    return lint_rules(Written("rules.json", rules), "2.0")


FIXES = {
    "a whitelist that is counted stays": (
        [rule({"type": ENT, "whitelist": [OPS]}, SUB, ISS, local=user(id="{1}"))],
        "whitelist-no-gate",
        'Add {"type": "OIDC-entitlements", "any_one_of": […]}, and leave this one: it is counted',
    ),
    "the subject comes behind what is counted": (
        [rule({"type": ENT, "whitelist": ["a"]}, ISS, local=[{"groups": "{0}", "domain": EGI}])],
        "user-missing",
        'Add "user": {"id": "{1}", "name": "{1}", "domain": {"name": …}}, and the subject as the last entry',
    ),
    "a subject that is there is used": (
        [rule({"type": ENT, "whitelist": ["a"]}, SUB, ISS, local=[{"groups": "{0}", "domain": EGI}])],
        "user-missing",
        'Add "user": {"id": "{1}", "name": "{1}", "domain": {"name": …}}',
    ),
    "an entry without its condition would be counted": (
        [rule({"type": ENT, "not_any_of": []}, SUB, ISS)],
        "condition-empty",
        "List the values that are meant, or remove the entry",
    ),
    "texts beside a pattern do not become patterns": (
        [entitled(any_one_of=[OPS, r"^urn:mace:egi\.eu:group:ops:.*$"])],
        "entry-looks-like-pattern",
        'Put it in a rule of its own, with "regex": true',
    ),
    "the last projects count": (
        [entitled(projects("a"), any_one_of=[OPS]), entitled(projects("b"), any_one_of=["x"])] * 2,
        "rule-repeated",
        "Remove rule 0",
    ),
}


@pytest.mark.parametrize(("rules", "code", "fix"), FIXES.values(), ids=FIXES)
def test_a_fix_takes_and_gives_nothing_else(rules: Any, code: str, fix: str):
    assert next(each.fix for each in found(rules) if each.code == code) == fix


@pytest.mark.parametrize(
    ("local", "joined"),
    [
        ([{"user": USER, "group": MORE}], True),
        ([{"group": MORE}], True),
        ([{"user": {**USER, "id": "x{0}"}, "group": MORE}], False),
        (projects(), False),
    ],
)
def test_rules_are_joined_only_where_no_user_or_project_would_change(local: Any, joined: bool):
    codes = {each.code for each in found([*GOOD, entitled(local, any_one_of=[OPS])])}
    assert ("condition-repeated" in codes) is joined
