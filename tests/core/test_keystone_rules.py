"""The imitated engine by itself: what a trace tells, what is declined, and that the index changes nothing."""

import random
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from p3idp.core.keystone_rules import (
    CompiledRules,
    Failed,
    GroupName,
    Kind,
    Mapped,
    RuleBroken,
    RuleHit,
    RuleMiss,
    compile_rules,
)
from p3idp.core.keystone_rules.combine import combine
from p3idp.core.keystone_rules.fill import Local
from p3idp.core.keystone_rules.index import _Prefixes
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import Entitlement
from p3idp.errors.keystone_rules import MappingRulesInvalid

DOMAIN = {"name": "egi"}


def rule(*remote: dict, name: str = "{0}", group: str = "ops") -> dict:
    return {"local": [{"user": {"name": name}, "group": {"name": group, "domain": DOMAIN}}], "remote": list(remote)}


SUBJECT = {"type": "sub"}


def operators(**condition: object) -> dict:
    return {"type": "ent", **condition}


def kind_of(rules: list[dict], assertion: dict[str, object], version: str = "2.0") -> str:
    outcome = compile_rules(rules, version).evaluate(assertion)
    return outcome.kind if isinstance(outcome, Failed) else "result"


def test_a_result_is_typed_and_lists_each_group_once():
    rules = [rule(SUBJECT, group="a"), rule(SUBJECT, group="b"), rule(SUBJECT, group="a")]
    outcome = compile_rules(rules, "2.0").evaluate({"sub": "bob"})
    assert isinstance(outcome, Mapped)
    assert [group["name"] for group in outcome.group_names] == ["a", "a", "b", "a", "b"], "as Keystone repeats them"
    assert outcome.groups == (GroupName("a", "egi"), GroupName("b", "egi"))
    assert (outcome.person.name, outcome.person.type) == ("bob", "ephemeral")


def test_a_miss_names_the_requirement_and_the_values_that_failed():
    rules = [
        rule(SUBJECT, operators(any_one_of=["x", "y"])),
        rule(SUBJECT, operators(not_any_of=["^a"], regex=True)),
        rule(SUBJECT, {"type": "assurance", "any_one_of": ["high"]}),
        rule(SUBJECT),
    ]
    explained = compile_rules(rules, "2.0").explain({"sub": "bob", "ent": "ab;b;ac"})
    assert explained.verdicts[:3] == (
        RuleMiss(0, 1, "ent", "any_one_of", ("x", "y"), regex=False, found=("ab", "b", "ac")),
        RuleMiss(1, 1, "ent", "not_any_of", ("^a",), regex=True, found=("ab", "ac")),
        RuleMiss(2, 1, "assurance", "present"),
    )
    assert [hit.rule for hit in explained.hits] == [3]
    assert isinstance(explained.verdicts[3], RuleHit)


def test_a_broken_rule_ends_the_explanation_where_keystone_stops():
    rules = [rule(SUBJECT), rule(SUBJECT, name="{7}"), rule(SUBJECT)]
    explained = compile_rules(rules, "2.0").explain({"sub": "bob"})
    assert isinstance(explained.verdicts[-1], RuleBroken)
    assert len(explained.verdicts) == 2
    assert explained.outcome == explained.verdicts[-1].failure
    assert isinstance(explained.outcome, Failed)
    assert (explained.outcome.keystone_error, explained.outcome.rule) == ("DirectMappingError", 1)


@pytest.mark.parametrize(
    "template", ["{0:>50000000}", "{0:.50000000}", "{0:{0}}", "{0.upper}", "{0!r:>5000}", "{0:>٩٩٩٩٩}", "{0}" * 6_000]
)
def test_a_template_that_could_do_harm_is_refused(template):
    assert kind_of([rule(SUBJECT, name=template)], {"sub": "bob"}) == Kind.REFUSED


def test_a_text_of_many_long_values_is_refused_before_it_is_made():
    assert kind_of([rule(SUBJECT, name="{0}-" * 1_000)], {"sub": "x" * 10_000}) == Kind.REFUSED


def test_too_much_in_a_claim_is_refused_by_name():
    for value in ("x" * 1_000_000, ";".join(str(number) for number in range(10_000))):
        outcome = compile_rules([rule(SUBJECT)], "2.0").evaluate({"sub": value})
        assert isinstance(outcome, Failed)
        assert outcome.kind is Kind.REFUSED
        assert outcome.message.startswith("sub has ")


def test_a_large_list_literal_is_refused_before_it_is_parsed():
    rules = [{"local": [{"group_ids": "{0}"}], "remote": [{"type": "ids"}]}]
    assert kind_of(rules, {"ids": "[" + "1," * 50_000 + "]"}) == Kind.REFUSED


def test_a_pattern_nobody_may_run_is_refused():
    assert kind_of([rule(SUBJECT, operators(any_one_of=["(a+)+$"], regex=True))], {"sub": "b", "ent": "a"}) == "refused"


def test_no_rules_are_invalid_and_say_where():
    with pytest.raises(MappingRulesInvalid) as none:
        compile_rules([], "2.0")
    assert none.value.places == (("rules", "must hold at least one rule"),)
    with pytest.raises(MappingRulesInvalid) as unknown:
        compile_rules([rule(SUBJECT)], "4.0")
    assert unknown.value.places[0][0] == "schema_version"


def test_evaluating_leaves_nothing_behind_for_the_next_login():
    compiled = compile_rules([rule(SUBJECT)], "2.0")
    first = compiled.evaluate({"sub": "bob"})
    assert isinstance(first, Mapped)
    assert compiled.evaluate({"sub": "eve"}) != first
    assert compiled.evaluate({"sub": "bob"}) == first


@pytest.mark.parametrize(
    "text",
    ["-" * 32_000 + "1", "1+" * 16_000 + "1", "[" * 32_000, "(" * 32_000, "[" + "1," * 16_000 + "]",
     "a." * 16_000 + "a", "[" + "{}," * 10_000 + "]", "not " * 8_000 + "1", "[" + "'a'" * 10_000 + "]",
     "JSON:name" + "[" * 32_000],
    ids=range(10),
)  # fmt: skip
def test_a_claim_made_to_exhaust_the_reader_of_literals_does_not(text):
    rules = [{"local": [{"group_ids": "{0}", "groups": "{0} name", "domain": DOMAIN}], "remote": [{"type": "ids"}]}]
    began = process_time()
    assert isinstance(compile_rules(rules, "2.0").evaluate({"ids": text}), Failed)
    assert process_time() - began < 0.25


# The index -----------------------------------------------------------------------------------------------------------

PATHS = ["vo", "vo.a", "vo.ab", "vo:sub", "VO", "vo.İ", "é"]
VALUES = [
    *[f"urn:mace:egi.eu:group:{path}{role}#aai" for path in PATHS for role in ("", ":role=x", ":sub", ":role=y")],
    *["URN:MACE:EGI.EU:GROUP:vo", "urn:mace:egi.eu:group:\u212a", "x", "", "X", "ops", "ops-evil", "OPS"],
]
CONDITIONS = [
    *[operators(any_one_of=[keystone_pattern(Entitlement("urn:mace:egi.eu", tuple(path.split(":")), role))], regex=True)
      for path in PATHS for role in (None, "x")],
    *[operators(any_one_of=[value]) for value in VALUES[:8]],
    *[operators(any_one_of=entries, regex=True)
      for entries in (["^ops"], ["^(?i)ops"], ["(?i)^ops"], ["ops"], ["^o|^x"], ["^ops$", "^x"], ["(?i)^urn:\u212a"])],
    operators(any_one_of=[], regex=True),
    operators(not_any_of=["x"]), operators(), operators(any_one_of=[]), operators(any_one_of=["x", 1, None]),
    operators(any_one_of=["x", ["y"]]), operators(whitelist=["^o"], regex=True),
]  # fmt: skip


def without_index(compiled: CompiledRules, assertion: dict[str, str]) -> object:
    """Every rule judged in order, as the explanation does it."""
    explained = compiled.explain(assertion)
    last = explained.verdicts[-1]
    if isinstance(last, RuleBroken):
        return last.failure
    given = [(Local(dict(local), {}), {}) for hit in explained.hits for local in hit.local]
    return combine(given, honours_domain=True) if given else Kind.NO_MATCH


def test_the_index_changes_no_outcome():
    dice = random.Random(7)
    hits = 0
    for _ in range(400):
        remotes = [dice.sample(CONDITIONS, dice.choice([1, 1, 2])) for _ in range(12)]
        compiled = compile_rules([rule(SUBJECT, *remote, group=str(n)) for n, remote in enumerate(remotes)], "2.0")
        for _ in range(5):
            assertion = {"sub": "bob", "ent": ";".join(dice.sample(VALUES, dice.choice([1, 2, 5])))}
            outcome = compiled.evaluate(assertion)
            plain = without_index(compiled, assertion)
            assert plain == (outcome.kind if plain is Kind.NO_MATCH else outcome), assertion
            hits += isinstance(outcome, Mapped)
    assert hits > 300, "the accept-control"


def test_rules_that_provably_miss_are_not_looked_at():
    conditions = CONDITIONS[: 2 * len(PATHS)] + CONDITIONS[2 * len(PATHS) : 2 * len(PATHS) + 8]
    compiled = compile_rules([rule(SUBJECT, each) for each in conditions], "2.0")
    _, candidates = compiled._looked_up({"sub": "bob", "ent": "urn:mace:egi.eu:group:other:role=x"})
    assert candidates == ()


def test_a_rule_that_could_break_the_login_is_always_looked_at():
    bad = rule(SUBJECT, {"type": "sub", "any_one_of": ["("], "regex": True}, operators(any_one_of=["x"]))
    assert kind_of([bad], {"sub": "bob", "ent": "y"}) == Kind.EVALUATION_ERROR


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text("ab", min_size=1, max_size=5), max_size=12), st.text("ab", max_size=7))
def test_all_prefixes_of_a_text_are_found(keys, text):
    class Always:
        def found_in(self, value: str) -> bool:
            return True

    numbered = {key: [(number, Always())] for number, key in enumerate(dict.fromkeys(keys))}
    found: set[int] = set()
    _Prefixes(numbered).find([text], found)
    assert found == {number for key, [(number, _)] in numbered.items() if text.startswith(key)}
