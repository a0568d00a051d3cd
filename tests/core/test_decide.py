"""Who gets what: the decision, its reasons, and what no claim can talk it into."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from policies import ISSUER, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles, person

from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy, ProjectRef, Suspension

P3, COURSES = ProjectRef("egi", "p3"), ProjectRef("egi", "training")


@pytest.fixture
def policy(tmp_path) -> Policy:
    return PolicyFiles(tmp_path).load()


def access(decision) -> dict[str, tuple[str, ...]]:
    return {each.project.name: each.roles for each in decision.access}


def reasons(decision) -> list[tuple[str, str]]:
    return [(refused.community.name, refused.reason) for refused in decision.refused]


def test_an_entitlement_gives_its_project_and_says_through_what(policy):
    decision = decide(policy, person("urn:mace:egi.eu:group:other:role=member", OPERATOR), NOW)
    assert access(decision) == {"p3": ("member",)}
    (granted,) = decision.granted
    assert (granted.community.name, granted.held, granted.until) == ("vo.access.egi.eu", OPERATOR, None)
    assert reasons(decision) == [("training.egi.eu", "entitlement")]


def test_the_authority_decides_nothing(policy):
    assert access(decide(policy, person(OPERATOR.replace("#aai.egi.eu", "#aai.example.org")), NOW)) == {
        "p3": ("member",)
    }


@pytest.mark.parametrize(
    "entitlement",
    [
        "urn:mace:egi.eu:group:vo.access.egi.eu:role=member#aai.egi.eu",
        "urn:mace:egi.eu:group:vo.access.egi.eu#aai.egi.eu",
        "urn:mace:egi.eu:group:vo.access.egi.eu:sub:role=vm_operator#aai.egi.eu",
        "urn:mace:egi.eu:group:vo.access.egi.eu.example.org:role=vm_operator",
        "urn:mace:egi.eu:group:voxaccess.egi.eu:role=vm_operator",
        "urn:mace:example.org:group:vo.access.egi.eu:role=vm_operator",
        "xurn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator",
        "urn:mace:egi.eu: group:vo.access.egi.eu:role=vm_operator",
        "vm_operator",
        "",
    ],
)
def test_what_only_resembles_the_entitlement_gives_nothing(policy, entitlement):
    assert decide(policy, person(entitlement), NOW).access == ()


def test_nobody_without_entitlements_gets_anything_and_every_rule_says_why(policy):
    decision = decide(policy, person(), NOW)
    assert decision.access == ()
    assert reasons(decision) == [("training.egi.eu", "entitlement"), ("vo.access.egi.eu", "entitlement")]


def test_assurance_is_asked_for_where_the_rule_does(policy):
    assert reasons(decide(policy, person(TRAINEE), NOW))[0] == ("training.egi.eu", "assurance")
    assert access(decide(policy, person(TRAINEE, assurance=("x", SUBSTANTIAL)), NOW)) == {"training": ("member",)}


@pytest.mark.parametrize(
    ("moment", "reason"),
    [
        (datetime(2025, 12, 31, 23, 59, tzinfo=UTC), "not-yet-valid"),
        (datetime(2028, 1, 1, tzinfo=UTC), "no-longer-valid"),
    ],
    ids=["the last second before it begins", "the first moment after its end"],
)
def test_a_community_has_its_time(policy, moment, reason):
    assert reasons(decide(policy, person(TRAINEE, assurance=(SUBSTANTIAL,)), moment)) == [
        ("training.egi.eu", reason),
        ("vo.access.egi.eu", "entitlement"),
    ]


def test_access_says_until_when(policy):
    decision = decide(
        policy, person(TRAINEE, assurance=(SUBSTANTIAL,)), datetime(2028, 1, 1, tzinfo=UTC) - timedelta(seconds=1)
    )
    assert decision.on(COURSES).until == datetime(2028, 1, 1, tzinfo=UTC)
    assert decision.on(P3) is None


def test_a_role_lasts_as_long_as_the_longest_rule_that_gives_it(tmp_path):
    files = PolicyFiles(tmp_path)
    files.change(
        "communities/training.egi.eu.yaml",
        "    projects: {training: [member]}\n",
        "    projects: {training: [member]}\n"
        "  - entitlement: urn:mace:egi.eu:group:training.egi.eu:role=vm_operator\n"
        "    assurance: [https://aai.egi.eu/LoA#Substantial, https://aai.egi.eu/LoA#High]\n"
        "    valid: {until: 2027-01-01}\n"
        "    projects: {training: [member, reader]}\n",
    )
    (found,) = decide(files.load(), person(TRAINEE, assurance=(SUBSTANTIAL,)), NOW).access
    assert found.roles == ("member", "reader")
    assert found.until == datetime(2027, 1, 1, tzinfo=UTC), "the first role to end is reader"
    files.change("communities/training.egi.eu.yaml", "[member, reader]", "[member]")
    (found,) = decide(files.load(), person(TRAINEE, assurance=(SUBSTANTIAL,)), NOW).access
    assert found.until == datetime(2028, 1, 1, tzinfo=UTC), "the other rule goes on giving it"


def test_a_suspended_community_gives_nothing_whatever_the_moment_it_is_suspended_since(policy):
    coming = Suspension(NOW + timedelta(days=1), "looked into")
    stopped = replace(policy, communities=tuple(replace(each, suspended=coming) for each in policy.communities))
    decision = decide(stopped, person(OPERATOR), NOW)
    assert (decision.access, reasons(decision)[1]) == ((), ("vo.access.egi.eu", "suspended"))


@pytest.mark.parametrize(
    "change", [{"client": "other-service"}, {"client": ""}, {"subject": ""}, {"issuer": "https://evil.test"}]
)
def test_a_foreign_client_a_nameless_person_and_a_foreign_issuer_get_nothing(policy, change):
    decision = decide(policy, person(OPERATOR, **change), NOW)
    assert (decision.access, decision.trace) == ((), ())
    assert decision.refusal


@pytest.mark.parametrize(
    "change",
    [
        {"entitlements": (OPERATOR, f"urn:x;{TRAINEE}")},
        {"entitlements": (OPERATOR, f"['{TRAINEE}']")},
        {"entitlements": (OPERATOR, f" ['{TRAINEE}']")},
        {"entitlements": (OPERATOR, ' JSON:{"name": "admins"}')},
        {"subject": "a;b"},
        {"subject": "['root']"},
        {"subject": "JSON:{}"},
        {"subject": "someone\u202e"},
        {"subject": "some\none"},
        {"assurance": (f"{SUBSTANTIAL};x",)},
        {"client": "p3idp;keystone"},
    ],
)
def test_a_value_that_keystone_would_read_otherwise_makes_the_whole_decision_a_refusal(policy, change):
    decision = decide(policy, replace(person(OPERATOR), **change), NOW)
    assert decision.access == ()
    assert decision.refusal


def test_ten_thousand_entitlements_are_decided_quickly(policy):
    many = tuple(f"urn:mace:egi.eu:group:vo{n}.egi.eu:role=member#aai.egi.eu" for n in range(10_000))
    assert decide(policy, person(*many, OPERATOR), NOW).on(P3)


def test_one_huge_entitlement_is_no_entitlement(policy):
    huge = f"urn:mace:egi.eu:group:{'a:' * 500_000}b"
    assert decide(policy, person(huge), NOW).access == ()


@pytest.fixture
def with_hub(tmp_path) -> Policy:
    """The first rule is for people of a second provider, which lists no clients."""
    files = PolicyFiles(tmp_path)
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h}\n"
    files.change("site.yaml", "identity_providers:\n", f"identity_providers:\n{hub}")
    files.change(
        "communities/vo.access.egi.eu.yaml", "    projects: {p3", "    identity_providers: [hub]\n    projects: {p3"
    )
    return files.load()


THROUGH_HUB = person(OPERATOR, provider="hub", issuer="https://hub.test", client="any")


def test_a_rule_may_be_for_one_provider_only(with_hub):
    assert reasons(decide(with_hub, person(OPERATOR), NOW))[1] == ("vo.access.egi.eu", "identity-provider")
    assert decide(with_hub, THROUGH_HUB, NOW).on(P3)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"provider": "egi", "client": "p3idp"}, "unknown-issuer"),
        ({"issuer": ISSUER}, "unknown-issuer"),
        ({"client": "any;p3idp"}, "ambiguous-value"),
    ],
)
def test_claims_of_one_provider_under_the_name_of_another_and_two_clients_in_one_get_nothing(with_hub, change, reason):
    decision = decide(with_hub, replace(THROUGH_HUB, **change), NOW)
    assert (decision.access, decision.refusal.reason) == ((), reason)
