"""The mapping that a policy compiles to: what stands in it, and what never does."""

from dataclasses import replace

import pytest
from policies import ISSUER, NOW, PolicyFiles

from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.ways import Way, needed
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import ProviderId, VerbatimRules


def compiled(files: PolicyFiles, now=NOW, provider="egi"):
    policy = files.load()
    return compile_mapping(policy, policy.site.provider(provider), now)


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


def groups(mapping) -> list[str]:
    return [rule["local"][0]["group"]["name"] for rule in mapping.rules if "group" in rule["local"][0]]


def test_there_is_one_rule_for_each_group_and_claim_name_sorted(files):
    mapping = compiled(files)
    assert mapping.schema_version == "2.0"
    opened_by = [(rule["local"][0]["group"]["name"], rule["remote"][-1]["type"]) for rule in mapping.rules]
    assert opened_by == [
        ("training.egi.eu:role=vm_operator", "OIDC-eduperson_entitlement"),
        ("training.egi.eu:role=vm_operator", "OIDC-entitlements"),
        ("vo.access.egi.eu:role=vm_operator", "OIDC-eduperson_entitlement"),
        ("vo.access.egi.eu:role=vm_operator", "OIDC-entitlements"),
    ]


def test_every_rule_asks_for_subject_issuer_and_client_and_gives_no_project(files):
    for rule in compiled(files).rules:
        assert rule["remote"][0] == {"type": "OIDC-sub"}, "the subject is what {0} stands for"
        assert {"type": "OIDC-iss", "any_one_of": [ISSUER]} in rule["remote"]
        assert {"type": "OIDC-azp", "any_one_of": ["keystone", "p3idp"]} in rule["remote"]
        (local,) = rule["local"]
        assert local["user"] == {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}}
        assert local["group"]["domain"] == {"name": "egi"}
        assert set(local) == {"user", "group"}


def test_assurance_stands_in_the_rules_that_ask_for_it(files):
    wanted = ["https://aai.egi.eu/LoA#High", "https://aai.egi.eu/LoA#Substantial"]
    with_assurance = [
        rule["local"][0]["group"]["name"]
        for rule in compiled(files).rules
        if {"type": "OIDC-eduperson_assurance", "any_one_of": wanted} in rule["remote"]
    ]
    assert with_assurance == ["training.egi.eu:role=vm_operator"] * 2


def test_a_community_that_is_over_is_left_out(files):
    assert "training.egi.eu:role=vm_operator" not in groups(compiled(files, NOW.replace(year=2028)))


def test_a_rule_that_is_over_is_left_out_of_a_community_that_goes_on(files):
    files.change(
        "communities/vo.access.egi.eu.yaml", "    projects: {p3", "    valid: {until: 2026-06-01}\n    projects: {p3"
    )
    assert set(groups(compiled(files))) == {"training.egi.eu:role=vm_operator"}


def test_where_nothing_is_valid_the_one_rule_is_met_by_nobody(tmp_path):
    files = PolicyFiles(tmp_path)
    files.remove("vo.access.egi.eu")
    (rule,) = compiled(files, NOW.replace(year=2028)).rules
    assert {"type": "OIDC-iss", "any_one_of": []} in rule["remote"]
    assert "group" not in rule["local"][0]


def test_audiences_are_another_way_in_beside_clients(files):
    files.change("site.yaml", "issuing_clients: [p3idp, keystone]", "issuing_clients: [p3idp]\n    audiences: [cloud]")
    by_client, by_audience = (
        {"type": "OIDC-azp", "any_one_of": ["p3idp"]},
        {"type": "OIDC-aud", "any_one_of": ["cloud"]},
    )
    admissions = [rule["remote"][2] for rule in compiled(files).rules]
    assert [admissions.count(each) for each in (by_client, by_audience)] == [4, 4]


def test_a_rule_for_clients_that_a_provider_does_not_honour_is_none_of_its(files):
    hub = (
        "  hub: {title: H, issuers: [https://h.test], scopes: [openid], authorization_ttl: 1h, issuing_clients: [x]}\n"
    )
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    files.change(
        "communities/vo.access.egi.eu.yaml", "    projects: {p3", "    issuing_clients: [p3idp]\n    projects: {p3"
    )
    assert set(groups(compiled(files, provider="hub"))) == {"training.egi.eu:role=vm_operator"}


def test_verbatim_rules_stand_in_the_mapping_of_their_own_provider_alone(files):
    hub = "  hub: {title: H, issuers: [https://h.test], scopes: [openid], authorization_ttl: 1h}\n"
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    rule = {"local": [{"user": {"name": "{0}"}}], "remote": [{"type": "OIDC-sub"}]}
    policy = replace(files.load(), verbatim=(VerbatimRules(ProviderId("egi"), (rule,)),))
    holding = [p.id for p in policy.site.identity_providers if rule in compile_mapping(policy, p, NOW).rules]
    assert holding == ["egi"]


def test_a_brace_in_a_name_is_not_a_field_of_keystones_format(files):
    files.change("communities/vo.access.egi.eu.yaml", "    projects: {p3", "    group: 'a{0}b{x}'\n    projects: {p3")
    assert "a{{0}}b{{x}}" in groups(compiled(files))


def test_the_same_policy_compiles_to_the_same_mapping(files):
    assert compiled(files) == compiled(files)


def test_of_ways_that_could_each_be_left_out_the_same_one_is_whatever_the_hash_seed():
    """Any two of {a,b}, {a,c} and {b,c} do. Sets have another order in each process: twelve do not agree by chance."""
    member = parse_entitlement("urn:mace:egi.eu:group:vo")
    for number in range(12):
        a, b, c = (f"{level}{number}" for level in "abc")
        ways = [Way("g", "e", member, frozenset(pair), None, None) for pair in ((a, b), (a, c), (b, c))]
        assert [sorted(way.assurance) for way in needed(set(ways))] == [[a, c], [b, c]]
