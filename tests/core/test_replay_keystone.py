"""A Keystone mapping on one side of a replay, or on both: what Keystone sees, and who it takes for somebody else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from near_misses import ISSUER, good_claims, policies
from policies import NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles

from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay_compare import Comparison, Fate
from p3idp.errors.command import UsageMistaken
from p3idp.errors.keystone_rules import MappingRulesInvalid
from p3idp.errors.policy import ClaimsInvalid
from p3idp.ops.replay_sides import RawMapping, make_sides

DOMAIN = {"name": "egi"}


def rule(local: dict[str, Any], *remote: dict[str, Any], user: str = "{0}") -> dict[str, Any]:
    who = {"id": user, "name": user, "domain": DOMAIN}
    return {"local": [{"user": who, **local}], "remote": [{"type": "OIDC-sub"}, *remote]}


def group(name: str) -> dict[str, Any]:
    return {"group": {"name": name, "domain": DOMAIN}}


def holds(*values: str, key: str = "OIDC-entitlements") -> dict[str, Any]:
    return {"type": key, "any_one_of": list(values)}


def raw(*rules: dict[str, Any], version: str = "2.0") -> RawMapping:
    return RawMapping("rules.json", list(rules), version)


def replayed(draft: Any, current: Any, *people: dict[str, object], provider: str | None = None) -> Comparison:
    sides = make_sides(draft, current, provider, NO_SEARCH, NOW)
    found = Comparison(sides.pair, sides.gifts)
    for line, claims in enumerate(people, 1):
        found.add(line, None, claims, sides.provider)
    return found


def person(subject: str, *entitlements: str, **more: object) -> dict[str, object]:
    claims = {"iss": ISSUER, "sub": subject, "azp": "p3idp", "entitlements": list(entitlements)}
    return {**claims, "eduperson_assurance": [SUBSTANTIAL], **more}


def told(found: Comparison) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (subject, str(change.fate), list(map(str, change.gained)), list(map(str, change.lost)))
        for subject, _, _, change in found.changed()
    ]


def test_groups_gained_and_lost_are_named_with_their_rules():
    current = raw(rule(group("ops"), holds("a")), rule(group("all")))
    draft = raw(rule(group("all")), rule(group("ops"), holds("b")), rule(group("{1}"), {"type": "OIDC-entitlements"}))
    found = replayed(draft, current, person("ann", "a"), person("bob", "b"), {"sub": "cy"})
    assert told(found) == [
        ("ann", "loses-and-gains", ["group a@egi"], ["group ops@egi"]),
        ("bob", "gains", ["group b@egi", "group ops@egi"], []),
    ]
    assert [(each.draft, each.rule.place, each.people) for each in found.rules()] == [
        (True, "rule 2", 2), (False, "rule 0", 1), (True, "rule 1", 1),
    ]  # fmt: skip


def test_projects_with_roles_and_groups_by_id_count_too():
    projects = {"projects": [{"name": "p", "roles": [{"name": "member"}], "domain": DOMAIN}]}
    found = replayed(raw(rule(projects)), raw(rule({"group": {"id": "abc"}})), person("ann"))
    assert told(found) == [("ann", "loses-and-gains", ["member on p@egi"], ["group id abc"])]


def test_an_id_from_another_claim_is_the_worst_change():
    current = raw(rule(group("all")))
    draft = raw({**rule(group("all"), user="{1}"), "remote": [{"type": "OIDC-sub"}, {"type": "HTTP_OIDC_EMAIL"}]})
    found = replayed(draft, current, person("ann", email="ann@example.org"), person("bob"))
    assert told(found) == [("ann", "other-user", [], []), ("bob", "loses", [], ["group all@egi"])]
    assert "ann@example.org" not in repr(list(found.people())), "people are named by their subject"


def test_a_draft_that_fails_at_login_is_a_loss_with_its_reason():
    found = replayed(raw(rule(group("{7}"))), raw(rule(group("all"))), person("ann"))
    assert [p.change.refusal for p in found.changed()] == ["evaluation-error (DirectMappingError)"]


def test_a_value_that_keystone_would_split_is_never_a_gain():
    draft, current = raw(rule(group("all"), holds("b"))), raw(rule(group("all"), holds("c")))
    found = replayed(draft, current, person("ann", "a;b"), person("ann;b", "b"), person("bob", "[b]", "b"))
    assert told(found) == []


def test_an_odd_subject_is_refused_also_where_the_mapping_does_not_ask_for_it():
    draft, current = (
        raw({"local": [{"group": {"name": name, "domain": DOMAIN}}], "remote": [{"type": "OIDC-iss"}]})
        for name in ("new", "old")
    )
    assert told(replayed(draft, current, person("ann;b"))) == []
    assert len(told(replayed(draft, current, person("ann")))) == 1


@pytest.mark.parametrize(
    "odd", [{"entitlements": [1]}, {"entitlements": {"b": 1}}, {"sub": ["a", "b"]}, {"entitlements": ["x" * 3000]}]
)
def test_claims_of_the_wrong_type_are_no_login(odd):
    with pytest.raises(ClaimsInvalid):
        replayed(raw(rule(group("all"), holds("b"))), raw(rule(group("all"))), person("ann", "b"), person("ann") | odd)


def test_an_attribute_that_no_claim_becomes_is_named():
    sides = make_sides(raw(rule(group("all"), {"type": "REMOTE_USER"})), raw(rule(group("all"))), None, NO_SEARCH, NOW)
    assert sides.notes == [
        "The draft asks for REMOTE_USER, which no claim becomes: rules that do apply to nobody here."
    ]


def test_a_policy_beside_a_mapping_is_compared_by_its_groups_and_named_by_its_lines(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    found = replayed(raw(rule(group("all"))), policy, person("ann", OPERATOR), person("bob", TRAINEE), person("cy"))
    assert told(found)[0] == (
        "ann",
        "loses-and-gains",
        ["group all@egi"],
        ["group vo.access.egi.eu:role=vm_operator@egi"],
    )
    assert ("communities/vo.access.egi.eu.yaml:6", 1) in [(each.rule.place, each.people) for each in found.rules()]


def test_a_login_that_names_no_issuer_came_from_the_provider_of_the_mapping(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    ann = {name: value for name, value in person("ann", OPERATOR).items() if name != "iss"}
    found = replayed(raw(rule({})), policy, ann)
    assert told(found) == [("ann", "loses", [], ["group vo.access.egi.eu:role=vm_operator@egi"])]


def test_a_mapping_serves_one_provider(tmp_path):
    files = PolicyFiles(tmp_path)
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 8h}\n"
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    policy, mapping = files.load(), raw(rule(group("all")))
    with pytest.raises(UsageMistaken, match="name it with --identity-provider"):
        make_sides(policy, mapping, None, NO_SEARCH, NOW)
    with pytest.raises(UsageMistaken, match="no identity provider nobody"):
        make_sides(mapping, policy, "nobody", NO_SEARCH, NOW)
    with pytest.raises(UsageMistaken, match="No identity provider is called nobody"):
        make_sides(policy, policy, "nobody", NO_SEARCH, NOW)
    assert make_sides(mapping, policy, "hub", NO_SEARCH, NOW).provider == "hub"


def test_rules_that_keystone_would_not_save_are_named_with_their_file():
    with pytest.raises(MappingRulesInvalid, match=r"rules\.json: rules\[0\]"):
        make_sides(raw({"local": []}), raw(rule(group("all"))), None, NO_SEARCH, NOW)


def test_rules_of_one_name_count_a_person_once(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    both = person("ann", OPERATOR, eduperson_entitlement=[OPERATOR])
    found = replayed(policy, raw(rule(group("all"), holds("nothing"))), both)
    assert [each.people for each in found.rules()] == [1]


@settings(max_examples=60, deadline=None)
@given(policy=policies, people=st.lists(good_claims, min_size=1, max_size=6))
def test_a_policy_against_the_mapping_it_compiles_to_changes_nothing(policy: Policy, people):
    mapping = compile_mapping(policy, policy.site.provider("egi"), NOW)
    rules = json.loads(json.dumps(mapping.rules))
    found = replayed(policy, RawMapping("m", rules, mapping.schema_version), *people, provider="egi")
    assert found.totals()[Fate.STAYS] == sum(found.totals().values())
