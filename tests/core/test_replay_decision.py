"""The quick decision gives what decide() gives: the same access through the same rules, and the same refusals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from near_misses import logins, policies
from policies import ISSUER, NOW, OPERATOR, PolicyFiles

from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy, Suspension
from p3idp.core.policy.replay import Quick, QuickPolicy, rules_of
from p3idp.errors.policy import ClaimsInvalid


def quick_policy(policy: Policy) -> QuickPolicy:
    return QuickPolicy(policy.site, rules_of(policy, NOW), NOW)


def by_decide(policy: Policy, claims: Mapping[str, object], provider: str | None) -> object:
    """What decide() says: subject, access, the rules that give it, the refusal; or why these are no claims."""
    try:
        typed = given_claims(claims, policy.site, provider)
    except ClaimsInvalid as invalid:
        return invalid.detail
    decision = decide(policy, typed, NOW)
    access = {(each.project, role) for each in decision.access for role in each.roles}
    through = [granted.rule for granted in decision.granted if granted.rule.grants]
    refusal = f"{decision.refusal.reason} (claim {decision.refusal.claim})" if decision.refusal else ""
    return typed.provider, typed.subject, access, through, refusal


def said(quick: QuickPolicy, found: Quick) -> object:
    through = [quick.rules[number] for number in sorted(found.rules)]
    access = {(project, role) for rule in through for project, roles in rule.grants for role in roles}
    return found.provider, found.subject, access, through, found.refusal


def by_quick(quick: QuickPolicy, claims: Mapping[str, object], provider: str | None) -> object:
    try:
        return said(quick, quick.decide_given(claims, provider))
    except ClaimsInvalid as invalid:
        return invalid.detail


@settings(max_examples=200, deadline=None)
@given(policy=policies, people=st.lists(logins, min_size=1, max_size=12))
def test_the_quick_decision_is_decides_whatever_came_before(policy, people):
    quick = quick_policy(policy)
    for claims, provider in [*people, *people]:
        assert by_quick(quick, claims, provider) == by_decide(policy, claims, provider)


@settings(max_examples=100, deadline=None)
@given(policy=policies, person=logins)
def test_typed_claims_are_decided_alike(policy, person):
    try:
        typed = given_claims(person[0], policy.site, person[1])
    except ClaimsInvalid:
        return
    quick = quick_policy(policy)
    assert said(quick, quick.decide(typed)) == by_decide(policy, person[0], person[1])


@pytest.fixture
def quick(tmp_path) -> QuickPolicy:
    return quick_policy(PolicyFiles(tmp_path).load())


GOOD = {"iss": ISSUER, "sub": "someone@egi.eu", "azp": "p3idp", "entitlements": [OPERATOR], "eduperson_assurance": []}


@pytest.mark.parametrize(
    "odd",
    [
        {"entitlements": {OPERATOR: True}}, {"entitlements": [{}]}, {"entitlements": [OPERATOR, 1]},
        {"entitlements": None}, {"azp": None}, {"azp": 0}, {"sub": None}, {"sub": "x" * 2049}, {"iss": 7},
        {"sub": ["a", "b"]}, {"entitlements": [OPERATOR] * 1001}, {"entitlements": ["x" * 2049]},
        {"eduperson_assurance": [[]]},
    ],
    ids=str,
)  # fmt: skip
def test_an_odd_login_is_refused_with_its_place_even_after_good_ones(quick, odd):
    assert quick.decide_given(GOOD, None).rules
    with pytest.raises(ClaimsInvalid):
        quick.decide_given(GOOD | odd, None)


@pytest.mark.parametrize("odd", ["a;b", "[x", "JSON:[]", "x\x00", "x\r\ny", "\u202ex"])
@pytest.mark.parametrize("claim", ["sub", "azp", "entitlements", "eduperson_assurance"])
def test_a_value_that_keystone_would_read_otherwise_opens_nothing(quick, claim, odd):
    assert quick.decide_given(GOOD, None).rules
    value = [OPERATOR, odd] if claim == "entitlements" else odd
    found = quick.decide_given(GOOD | {claim: value}, None)
    assert (found.rules, bool(found.refusal)) == (frozenset(), True)


def test_clients_and_assurances_are_told_apart_in_any_order(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    only_cli = [
        replace(each, rules=tuple(replace(rule, issuing_clients=("keystone",), assurance=()) for rule in each.rules))
        for each in policy.communities
    ]
    quick = quick_policy(replace(policy, communities=tuple(only_cli)))
    clients = ["p3idp", "keystone", "p3idp", "keystone"]
    assert [bool(quick.decide_given(GOOD | {"azp": client}, None).rules) for client in clients] == [False, True] * 2


def test_a_client_of_the_wrong_type_is_not_passed_over(quick):
    by_client_id = {name: value for name, value in GOOD.items() if name != "azp"} | {"client_id": "p3idp"}
    assert quick.decide_given(by_client_id, None).rules
    assert quick.decide_given(by_client_id | {"azp": ""}, None).rules
    with pytest.raises(ClaimsInvalid):
        quick.decide_given(by_client_id | {"azp": 0}, None)


def test_what_one_client_or_issuer_taught_is_no_other_ones(quick):
    """Claims without azp, and without iss: client_id stands in for the one, the only provider for the other."""
    bare = {name: value for name, value in GOOD.items() if name not in ("azp", "iss")} | {"client_id": "p3idp"}
    assert quick.decide_given(bare, None).rules
    assert quick.decide_given(bare | {"client_id": "foreign"}, None).refusal
    with pytest.raises(ClaimsInvalid):
        quick.decide_given(bare | {"iss": None}, None)


def test_a_suspended_community_gives_nothing(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    over = tuple(replace(each, suspended=Suspension(datetime(2026, 1, 1, tzinfo=UTC))) for each in policy.communities)
    assert quick_policy(replace(policy, communities=over)).decide_given(GOOD, None).rules == frozenset()


def test_what_is_remembered_is_bounded(quick, monkeypatch):
    monkeypatch.setattr("p3idp.core.policy.replay.MOST_TEXTS", 5)
    monkeypatch.setattr("p3idp.core.policy.replay.MOST_GATES", 5)
    for number in range(50):
        claims = GOOD | {"entitlements": [OPERATOR, f"urn:x:{number}"], "eduperson_assurance": [f"a{number}"]}
        assert quick.decide_given(claims, None).rules
    assert len(quick._opened) <= 5
    assert all(len(way.gates) <= 5 for way in quick._ways.values())
