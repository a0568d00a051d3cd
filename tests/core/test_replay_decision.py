"""The quick decision gives what decide() gives: the same access through the same rules, and the same refusals."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from policies import ISSUER, NOW, OPERATOR, PolicyFiles

from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    Policy,
    PolicyId,
    ProjectRef,
    ProviderId,
    Site,
    Suspension,
    Validity,
)
from p3idp.core.policy.replay import Quick, QuickPolicy
from p3idp.errors.policy import ClaimsInvalid

HUB = "https://hub.test"
DAY = timedelta(days=1)
WANTED = [
    *("urn:mace:egi.eu:group:vo", "urn:mace:egi.eu:group:vo:role=op", "urn:mace:egi.eu:group:vo:sub"),
    *("urn:mace:egi.eu:group:vo:sub:role=op", "urn:mace:egi.eu:group:vo:sub:deep:role=op"),
    *("urn:mace:hub.eu:group:vo:role=op", "urn:mace:egi.eu:group:caf%C3%A9"),
]
ODD = [
    *("", "op", "a;b", "[x]", "JSON:1", "x\x00", "x\r\n", "\u202ex", "x" * 2049),
    *("urn:mace:egi.eu:group:caf\u00e9", "urn:mace:egi.eu:group:cafe\u0301"),
]
HELD = [
    *WANTED, *(text + "#aai.egi.eu" for text in WANTED), *(text.upper() for text in WANTED), *ODD,
    *("urn:mace:egi.eu:group:vo:role=member", "urn:mace:egi.eu:group:vo:other:role=op", " " + WANTED[0]),
    *(WANTED[1] + ":x", WANTED[0] + ":" + ":".join("s" * 40), "urn:mace:egi.eu:group:VO:role=op"),
]  # fmt: skip
ASSURANCE = ["low", "high", "other"]
CLIENTS = ["p3idp", "cli", "foreign"]


def parsed(text: str) -> Entitlement:
    found = parse_entitlement(text)
    assert found is not None
    return found


STARTED, ENDED, COMING = Validity(NOW, NOW + DAY), Validity(None, NOW), Validity(NOW + DAY)
spans = st.sampled_from([Validity(), Validity(), STARTED, ENDED, COMING])
some = st.lists(st.sampled_from(ASSURANCE[:2]), max_size=2, unique=True).map(tuple)
rules = st.builds(
    AccessRule,
    entitlement=st.sampled_from(WANTED).map(parsed),
    grants=st.sampled_from([("p", ("member",)), ("p", ("member", "reader")), ("q", ("reader",))]).map(
        lambda grant: ((ProjectRef("egi", grant[0]), grant[1]),)
    ),
    validity=spans,
    assurance=some,
    identity_providers=st.sampled_from([(), (), ("egi",), ("hub",), ("egi", "hub")]),
    issuing_clients=st.sampled_from([(), (), ("p3idp",), ("cli", "p3idp")]),
)
communities = st.builds(
    Community,
    name=st.sampled_from(["vo", "wo"]),
    title=st.just(""),
    contact=st.just(""),
    projects=st.just(()),
    rules=st.lists(rules, max_size=5).map(tuple),
    validity=spans,
    suspended=st.sampled_from([None, None, None, Suspension(NOW)]),
)


def two_providers(clients: tuple[str, ...], audiences: tuple[str, ...], names: ClaimNames) -> tuple[Any, ...]:
    egi = IdentityProvider(
        ProviderId("egi"), "", (ISSUER, "https://old.test"), "openid", names, ("openid",), DAY, clients, audiences
    )
    return egi, IdentityProvider(ProviderId("hub"), "", (HUB,), "openid", ClaimNames(), ("openid",), DAY)


providers = st.builds(
    two_providers,
    clients=st.sampled_from([(), ("p3idp", "cli")]),
    audiences=st.sampled_from([(), (), ("cloud",)]),
    names=st.sampled_from([ClaimNames("sub"), ClaimNames("voperson_id", ("entitlements",))]),
)
policies = st.builds(
    lambda sites, given: Policy(Site(PolicyId("p"), "", "egi", "", sites), tuple(given)),
    sites=providers,
    given=st.lists(communities, max_size=3),
)
odd_kinds: Any = st.sampled_from([None, 0, 1, True, 1.5, {}, {WANTED[1]: 1}, [None], [[WANTED[1]]], [{}], []])
texts = st.sampled_from(HELD)
values = st.one_of(texts, st.lists(texts, max_size=4), st.lists(texts, max_size=4), odd_kinds)
single = st.one_of(st.sampled_from(["someone@egi.eu", "other@egi.eu", *ODD]), odd_kinds, st.just(["someone@egi.eu"]))
assurance = st.sampled_from([*ASSURANCE, *ASSURANCE, "a;b"])
claims_of_people = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.one_of(st.sampled_from([ISSUER, ISSUER, "https://old.test", HUB, "https://evil.test"]), odd_kinds),
        "sub": single,
        "voperson_id": single,
        "azp": st.one_of(st.sampled_from([*CLIENTS, *CLIENTS, "", "a;b"]), odd_kinds),
        "client_id": st.one_of(st.sampled_from(CLIENTS), odd_kinds),
        "entitlements": values,
        "eduperson_entitlement": values,
        "eduperson_assurance": st.one_of(st.lists(assurance), assurance, odd_kinds),
    },
)
good_claims = st.fixed_dictionaries(
    {
        "iss": st.just(ISSUER),
        "sub": st.sampled_from(["someone@egi.eu", "other@egi.eu"]),
        "voperson_id": st.just("v@egi.eu"),
        "azp": st.sampled_from(CLIENTS[:2]),
        "entitlements": st.lists(st.sampled_from(HELD[:14]), max_size=4),
        "eduperson_assurance": st.lists(st.sampled_from(ASSURANCE), max_size=2),
    }
)
logins = st.tuples(st.one_of(good_claims, claims_of_people), st.sampled_from([None, "egi", "egi", "hub", "nobody"]))


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


@settings(max_examples=400, deadline=None)
@given(policy=policies, people=st.lists(logins, min_size=1, max_size=12))
def test_the_quick_decision_is_decides_whatever_came_before(policy, people):
    quick = QuickPolicy(policy, NOW)
    for claims, provider in [*people, *people]:
        assert by_quick(quick, claims, provider) == by_decide(policy, claims, provider)


@settings(max_examples=200, deadline=None)
@given(policy=policies, person=logins)
def test_typed_claims_are_decided_alike(policy, person):
    try:
        typed = given_claims(person[0], policy.site, person[1])
    except ClaimsInvalid:
        return
    quick = QuickPolicy(policy, NOW)
    assert said(quick, quick.decide(typed)) == by_decide(policy, person[0], person[1])


@pytest.fixture
def quick(tmp_path) -> QuickPolicy:
    return QuickPolicy(PolicyFiles(tmp_path).load(), NOW)


GOOD = {"iss": ISSUER, "sub": "someone@egi.eu", "azp": "p3idp", "entitlements": [OPERATOR], "eduperson_assurance": []}


@pytest.mark.parametrize(
    "odd",
    [
        {"entitlements": {OPERATOR: True}}, {"entitlements": [{}]}, {"entitlements": [OPERATOR, 1]},
        {"entitlements": None}, {"azp": None}, {"azp": 0}, {"sub": None}, {"sub": ["a", "b"]}, {"iss": 7},
        {"entitlements": [OPERATOR] * 1001}, {"entitlements": ["x" * 2049]}, {"eduperson_assurance": [[]]},
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


def test_a_suspended_community_gives_nothing(tmp_path):
    policy = PolicyFiles(tmp_path).load()
    over = tuple(replace(each, suspended=Suspension(datetime(2026, 1, 1, tzinfo=UTC))) for each in policy.communities)
    assert QuickPolicy(replace(policy, communities=over), NOW).decide_given(GOOD, None).rules == frozenset()


def test_what_is_remembered_is_bounded(quick, monkeypatch):
    monkeypatch.setattr("p3idp.core.policy.replay.MOST_TEXTS", 5)
    monkeypatch.setattr("p3idp.core.policy.replay.MOST_GATES", 5)
    for number in range(50):
        claims = GOOD | {"entitlements": [OPERATOR, f"urn:x:{number}"], "eduperson_assurance": [f"a{number}"]}
        assert quick.decide_given(claims, None).rules
    assert len(quick._opened) <= 5
    assert all(len(way.gates) <= 5 for way in quick._ways.values())
