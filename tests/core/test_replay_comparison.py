"""Who gains, who loses, who stays: by person and by rule."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from near_misses import ISSUER, logins, policies, providers
from policies import NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles

from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay_compare import Comparison, Fate
from p3idp.core.policy.replay_pair import Apart, Pair, Together, pair_of
from p3idp.core.policy.replay_side import Gifts, PolicySide
from p3idp.errors.policy import ClaimsInvalid

ACCESS, COURSES = "communities/vo.access.egi.eu.yaml", "communities/training.egi.eu.yaml"


def login(subject: str, *entitlements: str, **more: object) -> dict[str, object]:
    claims = {"iss": ISSUER, "sub": subject, "azp": "p3idp", "entitlements": list(entitlements)}
    return {**claims, "eduperson_assurance": [SUBSTANTIAL], "email": "never@shown.example", **more}


def comparison(draft: Policy, current: Policy) -> Comparison:
    gifts = Gifts()
    return Comparison(pair_of(draft, current, NOW, gifts), gifts)


def told(found: Comparison) -> list[tuple[str, str, list[str], list[str]]]:
    return [
        (subject, str(change.fate), list(map(str, change.gained)), list(map(str, change.lost)))
        for subject, _, _, change in found.changed()
    ]


def rules(found: Comparison) -> list[tuple[str, str, int]]:
    return [("draft" if each.draft else "current", each.rule.place, each.people) for each in found.rules()]


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


PEOPLE = [login("ann", OPERATOR), login("bob", TRAINEE), login("cy", OPERATOR, TRAINEE), login("dee")]


def replayed(draft: Policy, current: Policy, people: list[dict[str, object]] = PEOPLE) -> Comparison:
    found = comparison(draft, current)
    for line, claims in enumerate(people, 1):
        found.add(line, None, claims, "egi")
    return found


def test_a_community_that_goes_takes_its_people_along(files):
    current = files.load()
    files.remove("training.egi.eu")
    found = replayed(files.load(), current)
    assert told(found) == [
        ("bob", "loses", [], ["member on training@egi"]),
        ("cy", "loses", [], ["member on training@egi"]),
    ]
    assert rules(found) == [("current", f"{COURSES}:7", 2)]
    assert [person.subject for person in found.unchanged()] == ["ann", "dee"]


def test_another_role_is_lost_and_gained(files):
    current = files.load()
    files.change(ACCESS, "p3: [member]", "p3: [reader]")
    found = replayed(files.load(), current)
    assert told(found)[0] == ("ann", "loses-and-gains", ["reader on p3@egi"], ["member on p3@egi"])
    assert rules(found) == [("current", f"{ACCESS}:6", 2), ("draft", f"{ACCESS}:6", 2)]


def test_one_who_has_it_by_another_rule_loses_nothing(files):
    current = files.load()
    files.change(
        ACCESS,
        "access:\n",
        "access:\n  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu\n    projects: {p3: [member]}\n",
    )
    wider = files.load()
    assert told(replayed(current, wider)) == []
    member = login("eve", OPERATOR.replace("vm_operator", "member"))
    assert told(replayed(wider, current, [*PEOPLE, member])) == [("eve", "gains", ["member on p3@egi"], [])]


def test_a_condition_that_is_loosened_is_a_gain_and_one_that_is_tightened_a_loss(files):
    strict = files.load()
    files.change(COURSES, "    assurance: [https://aai.egi.eu/LoA#Substantial, https://aai.egi.eu/LoA#High]\n", "")
    loose, somebody = files.load(), [login("bob", TRAINEE, eduperson_assurance=[])]
    assert told(replayed(loose, strict, somebody)) == [("bob", "gains", ["member on training@egi"], [])]
    assert told(replayed(strict, loose, somebody)) == [("bob", "loses", [], ["member on training@egi"])]


def test_a_changed_subject_makes_new_people_and_comes_first(files):
    current = files.load()
    files.change("site.yaml", "    scopes:", "    claims: {subject: voperson_id}\n    scopes:")
    files.remove("training.egi.eu")
    people = [login("ann", OPERATOR), login("bob", TRAINEE), login("dee")]
    found = replayed(files.load(), current, [each | {"voperson_id": f"{each['sub']}@v"} for each in people])
    assert told(found) == [("ann", "other-user", [], []), ("bob", "loses", [], ["member on training@egi"])]


def test_another_domain_makes_new_people_of_all_who_have_access(files):
    current = files.load()
    files.change("site.yaml", "domain: egi", "domain: elsewhere")
    assert replayed(files.load(), current).totals()[Fate.OTHER_USER] == 3
    files.change(ACCESS, "p3: {description: Machines}", "p3: {domain: egi, existing: true}")
    assert replayed(files.load(), current, PEOPLE[:1]).totals()[Fate.OTHER_USER] == 1, "also on a project that stays"


def test_a_provider_that_the_draft_has_no_more_is_a_loss_with_its_reason(files):
    current = files.load()
    files.change("site.yaml", "  egi:\n    title: Check-in", "  hub:\n    title: Check-in")
    (ann, *_) = replayed(files.load(), current).changed()
    assert (ann.provider, ann.change.refusal) == ("egi", "the policy has no identity provider egi")


def test_a_client_that_is_honoured_no_more_is_a_loss_with_its_reason(files):
    current = files.load()
    files.change("site.yaml", "[p3idp, keystone]", "[keystone]")
    (ann, *_) = replayed(files.load(), current).changed()
    assert (ann.change.fate, ann.change.refusal) == (Fate.LOSES, "foreign-client (claim azp)")
    found = comparison(files.load(), current)
    assert not found.add(1, None, PEOPLE[0], "egi"), "a login that one side looks at is compared"
    assert "foreign-client" in found.add(2, None, login("eve", OPERATOR, azp="other"), "egi")


def test_the_last_login_of_a_person_counts(files):
    current = files.load()
    files.remove("training.egi.eu")
    found = comparison(files.load(), current)
    day = timedelta(days=1)
    for line, at, claims in (
        (1, NOW, login("bob", TRAINEE)), (2, NOW + day, login("bob", OPERATOR)), (3, NOW - day, login("bob", TRAINEE)),
        (4, None, login("cy", OPERATOR)), (5, None, login("cy", TRAINEE)),
        (6, NOW, login("dee", OPERATOR)), (7, NOW, login("dee", TRAINEE)),
    ):  # fmt: skip
        found.add(line, at, claims, "egi")
    assert [(p.subject, p.line) for p in found.people()] == [("bob", 2), ("cy", 5), ("dee", 7)]
    assert [(subject, lost) for subject, _, _, lost in told(found)] == [
        ("cy", ["member on training@egi"]),
        ("dee", ["member on training@egi"]),
    ]


@pytest.mark.parametrize(
    "odd",
    [{"sub": "a;b"}, {"azp": "[p3idp"}, {"entitlements": [OPERATOR, "x;y"]}, {"entitlements": [OPERATOR, "\u202e"]}],
)
def test_odd_claims_never_count_as_a_gain(files, odd):
    draft = files.load()
    files.remove("vo.access.egi.eu")
    found = comparison(draft, files.load())
    assert found.add(1, None, login("ann", OPERATOR) | odd, "egi").startswith(("ambiguous-value", "foreign-client"))
    assert told(found) == []


def test_twins_in_normal_forms_are_two_people(files):
    policy = files.load()
    found = replayed(policy, policy, [login("caf\u00e9", OPERATOR), login("cafe\u0301", OPERATOR)])
    assert found.totals()[Fate.STAYS] == 2


def outcome(pair: Pair, gifts: Gifts, people: list[tuple[Mapping[str, object], str | None]]) -> object:
    found, refused = Comparison(pair, gifts), []
    for line, (claims, provider) in enumerate(people):
        try:
            refused.append(found.add(line, None, claims, provider))
        except ClaimsInvalid as invalid:
            refused.append(invalid.detail)
    return (
        list(found.people()),
        [(p.subject, p.provider, p.line, p.change[:2]) for p in found.people()],
        refused,
        rules(found),
    )


def sides_apart(draft: Policy, current: Policy) -> object:
    gifts = Gifts()
    return Apart(PolicySide(draft, NOW, gifts), PolicySide(current, NOW, gifts)), gifts


@settings(max_examples=100, deadline=None)
@given(data=st.data(), draft=policies, current=policies, people=st.lists(logins, min_size=1, max_size=8))
def test_what_both_policies_share_makes_no_difference(data, draft, current, people):
    site = replace(draft.site, identity_providers=data.draw(providers))
    kept = data.draw(st.lists(st.sampled_from(draft.communities or current.communities or [None]), max_size=2))
    draft = replace(draft, site=site)
    current = replace(current, site=site, communities=(*current.communities, *filter(None, kept)))
    gifts = Gifts()
    found = outcome(Together(draft, current, NOW, gifts), gifts, people)
    (apart, other_gifts) = sides_apart(draft, current)
    _, people_apart, refused, by_rule = outcome(apart, other_gifts, people)
    assert found[1:] == (people_apart, refused, by_rule)
