"""Policy and compiled mapping give the same access: whole policies, and logins that nearly get in."""

import json
import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whole_policies import (
    CLIENTS,
    LEVELS,
    NOW,
    Login,
    drawn,
    groups_at_keystone,
    groups_decided,
    logins,
    named_in,
    near,
    policies,
    strange,
    whole,
)

from p3idp.core.keystone_rules import Mapped, compile_rules
from p3idp.core.mappings import compile as compiler
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import IdentityProvider, Policy

QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))


def agree(policy: Policy) -> int:
    """Both engines on every login; how many got in."""
    let_in = 0
    engines = {
        provider.id: compile_rules(list(compile_mapping(policy, provider, NOW).rules), "2.0")
        for provider in policy.site.identity_providers
    }
    for login in logins(policy):
        wanted = groups_decided(policy, login)
        outcome = engines[login.provider.id].evaluate(login.assertion())
        if not isinstance(outcome, Mapped):
            assert outcome.keystone_error == "ValidationError", outcome
            assert wanted == set(), login
            continue
        assert groups_at_keystone(policy, login.provider, outcome) == wanted, login
        assert {group.domain_name for group in outcome.groups} <= {policy.site.domain}
        person = outcome.person
        assert (person.id, person.name, person.domain_name) == (login.subject, login.subject, policy.site.domain)
        assert (outcome.group_ids, outcome.projects) == ([], [])
        let_in += bool(wanted)
    return let_in


@QUICK
@given(policies())
def test_decision_and_compiled_mapping_give_the_same_groups(policy):
    agree(policy)


def test_many_of_the_logins_do_get_in():
    """The accept-control."""
    counts = [agree(policy) for policy in drawn(20)]
    assert sum(counts) > 400, counts


DEFECTS = {
    "a rule's own clients are not asked": (
        "ways_in",
        lambda real: lambda p, r: real(p, replace(r, issuing_clients=())),
    ),
    "assurance is not asked": ("ways_in", lambda real: lambda p, r: real(p, replace(r, assurance=()))),
    "every provider's rules are taken": (
        "ways_in",
        lambda real: lambda p, r: real(p, replace(r, identity_providers=())),
    ),
    "a claim name is dropped": (
        "ways_in",
        lambda real: lambda p, r: (way for way in real(p, r) if way.claim == p.claims.entitlements[0]),
    ),
    "the way by audience is dropped": ("ways_in", lambda real: lambda p, r: (w for w in real(p, r) if not w.audiences)),
    "too many ways are thought needless": ("needed", lambda real: lambda ways: real(ways)[:1]),
    "the client of somebody named is not asked": ("admissions", lambda real: lambda p: [(None, None)]),
    "somebody named is let in as they are nearly called": (
        "_by_name",
        lambda real: lambda domain, p, subjects: real(domain, p, [each.upper() for each in subjects]),
    ),
    "braces are not doubled": ("_literal", lambda real: lambda text: text),
    "patterns are not anchored": ("keystone_pattern", lambda real: lambda e: real(e).removesuffix(r"\Z")),
}


@pytest.mark.parametrize(("name", "spoil"), DEFECTS.values(), ids=DEFECTS)
def test_a_seeded_defect_turns_the_property_red(monkeypatch, name, spoil):
    sample = drawn(80)
    monkeypatch.setattr(compiler, name, spoil(getattr(compiler, name)))

    def all_agree() -> None:
        for policy in sample:
            agree(policy)

    with pytest.raises((AssertionError, KeyError)):
        all_agree()


@QUICK
@given(policies())
def test_strange_values_are_refused_by_decision_and_open_nothing_but_offered_groups(policy):
    offered = {rule.group for community in policy.communities for rule in community.rules}
    for login in strange(policy):
        assert decide(policy, login.typed(), NOW).access == ()
        rules = list(compile_mapping(policy, login.provider, NOW).rules)
        outcome = compile_rules(rules, "2.0").evaluate(login.assertion())
        if isinstance(outcome, Mapped):
            assert groups_at_keystone(policy, login.provider, outcome) <= offered, "nobody has what somebody named has"
            assert (outcome.group_ids, outcome.projects) == ([], [])


def attempts(policy: Policy, provider: IdentityProvider) -> list[dict[str, str]]:
    """Logins among which there is one for every way in: each value by itself, each claim by itself."""
    found = []
    for rule in (rule for community in policy.communities for rule in community.rules):
        base = whole(provider, rule)
        for name in provider.claims.entitlements:
            for text in near(rule.entitlement)[:4]:
                for client in (*CLIENTS, ""):
                    for audience in ((), *((each,) for each in provider.audiences)):
                        for level in ((), *((each,) for each in LEVELS)):
                            held = {name: (text,)}
                            login = replace(base, client=client, audiences=audience, assurance=level, entitlements=held)
                            found.append(login.assertion())
    for person in named_in(policy):
        base = Login(provider, provider.issuers[0], person.subject, "", {})
        for client in (*CLIENTS, ""):
            for audience in ((), *((each,) for each in provider.audiences)):
                found.append(replace(base, client=client, audiences=audience).assertion())
    return found


@settings(QUICK, max_examples=25)
@given(policies())
def test_no_compiled_rule_could_be_left_out(policy):
    for provider in policy.site.identity_providers:
        rules = list(compile_mapping(policy, provider, NOW).rules)
        assert len({json.dumps(rule) for rule in rules}) == len(rules)
        if rules[0]["remote"][1]["any_one_of"] == []:
            continue  # the rule that nobody meets: Keystone wants one
        tried = attempts(policy, provider)
        engine = compile_rules(rules, "2.0")
        hits = [frozenset(hit.rule for hit in engine.explain(each).hits) for each in tried]
        group = [rule["local"][0].get("group", {}).get("name") for rule in rules]
        for number in range(len(rules)):
            alone = (h for h in hits if number in h and not any(group[o] == group[number] for o in h if o != number))
            assert next(alone, None) is not None, rules[number]


@QUICK
@given(policies(), st.randoms(use_true_random=False))
def test_the_order_of_everything_and_repetitions_change_no_byte(policy, dice):
    other = shuffled(policy, dice)
    for provider, again in zip(policy.site.identity_providers, other.site.identity_providers, strict=True):
        assert json.dumps(compile_mapping(policy, provider, NOW).rules) == json.dumps(
            compile_mapping(other, again, NOW).rules
        )


def shuffled(policy: Policy, dice: random.Random) -> Policy:
    def mixed(values: tuple) -> tuple:
        return tuple(dice.sample([*values, *values[:1]], len(values) + len(values[:1])))

    def mixed_provider(provider: IdentityProvider) -> IdentityProvider:
        claims = replace(provider.claims, entitlements=mixed(provider.claims.entitlements))
        lists = {name: mixed(getattr(provider, name)) for name in ("issuers", "issuing_clients", "audiences")}
        return replace(provider, claims=claims, **lists)

    communities = [
        replace(community, rules=mixed(community.rules), people=mixed(community.people))
        for community in dice.sample(policy.communities, len(policy.communities))
    ]
    site = replace(policy.site, identity_providers=tuple(map(mixed_provider, policy.site.identity_providers)))
    return replace(policy, site=site, communities=tuple(communities))
