"""The page of one's access: two columns, their differences in words, and for people without access what to do."""

from dataclasses import replace

import pytest
from webkit import OPERATOR, P3, TRAINING, Door, community, get, policy, text_of

from p3idp.adapters.memory.login import MemoryPerson
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import AccessRule, Community, NamedPerson, Project, ProjectRef, ProviderId, Validity

TOKEN = "the-access-token"


@pytest.fixture
def door() -> Door:
    return Door()


def page_of(door: Door, **claims: object) -> str:
    """What somebody with these claims reads after signing in."""
    browser = door.browser()
    door.sign_in(browser, **claims)
    reply = get(browser, "/access")
    assert reply.status_code == 200
    return text_of(reply)


def test_both_columns_name_project_roles_and_the_reason(door: Door) -> None:
    page = page_of(door)
    first, second = page.split("What Keystone holds now")
    assert "p3 in domain egi Role member Until as long as you are a member" in first
    assert f"Community vo.access.egi.eu , as your entitlement says: {OPERATOR}" in first
    assert "p3 in domain egi Roles member and reader" in second
    assert "The two columns differ" not in page, "member implies reader"


def test_an_end_is_a_date(door: Door) -> None:
    until = door.clock.now.replace(year=2027, month=3, day=1)
    door.policy = policy(communities=[community("vo.access.egi.eu", P3, validity=Validity(until=until))])
    assert "Until 1 March 2027" in page_of(door)


def named(door: Door, **more: object) -> None:
    """The door's policy names alice, and nothing else gives anybody anything."""
    person = NamedPerson("alice@egi.eu", ProviderId("egi"), ((P3, ("member",)),), **more)  # type: ignore[arg-type]
    door.policy = policy(
        communities=[Community("guests", "Guests", "ask@guests", (Project(P3),), (), people=(person,))]
    )


def test_who_is_named_reads_that_they_are(door: Door) -> None:
    named(door)
    assert "Because the community Guests names you: alice@egi.eu" in page_of(door)


def test_who_was_named_reads_when_it_ended_and_nobody_else_reads_who_it_was(door: Door) -> None:
    named(door, validity=Validity(until=door.clock.now.replace(year=2026, month=1, day=1)))
    told = page_of(door)
    assert "access through Guests ended 2026-01-01" in told
    assert "Needed the subject alice@egi.eu of egi" in told
    named(door)
    other = replace(door.policy.communities[0].people[0], subject="pia@egi.eu")
    door.policy = policy(communities=[replace(door.policy.communities[0], people=(other,))])
    assert "pia" not in page_of(door)


def test_what_keystone_lacks_is_said_with_what_to_do(door: Door) -> None:
    door.keystone.people[TOKEN] = MemoryPerson("alice", {})
    page = page_of(door)
    assert "On p3 the policy gives member, which Keystone does not hold yet." in page
    assert "The administrators have to apply the policy: support@example.org" in page
    assert "Keystone knows you, but you are in no project." in page


def test_what_keystone_has_beyond_the_policy_is_said(door: Door) -> None:
    door.keystone.people[TOKEN] = MemoryPerson(
        "alice", {P3: ("admin", "member"), ProjectRef("egi", "old"): ("member",)}
    )
    page = page_of(door)
    assert "On p3 Keystone holds admin, which the policy does not give." in page
    assert "On old Keystone holds member, which the policy does not give." in page


def test_without_keystone_the_first_column_stands(door: Door) -> None:
    door.keystone.down = True
    page = page_of(door)
    assert "p3 in domain egi Role member" in page
    assert "Keystone, the cloud's own login, did not answer." in page
    assert "The two columns differ" not in page


def test_a_user_that_is_switched_off_is_said_with_what_comes_next(door: Door) -> None:
    door.keystone.people[TOKEN].enabled = False
    page = page_of(door)
    assert "Your user at Keystone is switched off." in page
    assert "switched on again a few minutes after you signed in here" in page


def test_looking_again_signs_in_again_and_sees_what_is_new(door: Door) -> None:
    door.keystone.people[TOKEN] = MemoryPerson("alice", {})
    browser = door.browser()
    door.sign_in(browser)
    assert 'href="/login/egi?return_to=/access"' in get(browser, "/access").text
    door.keystone.people[TOKEN] = MemoryPerson("alice", {P3: ("member",)})
    door.clock.forward(minutes=5)
    door.sign_in(browser)
    page = text_of(get(browser, "/access"))
    assert "The two columns differ" not in page
    assert "Seen 22 November 2026, 09:05 UTC" in page


def test_someone_without_entitlements_reads_what_is_needed_and_whom_to_ask(door: Door) -> None:
    page = page_of(door, entitlements=(), display_name="Bob Nobody")
    assert "You have no access here yet." in page
    assert "No entitlements at all: EGI Check-in did not say that you are a member of any group." in page
    assert f"Needed {OPERATOR} gives member on p3 Ask ask@vo.access.egi.eu" in page
    assert "Ask ask@training.egi.eu" in page
    assert "Ask the site whether your community can be served: support@example.org" in page


@pytest.mark.parametrize(
    ("held", "says"),
    [
        ("urn:mace:egi.eu:group:vo.access.egi.eu:role=member", "the right group, but not for the role"),
        ("urn:mace:egi.eu:group:vo.access.egi.eu:team:role=vm_operator", "for a subgroup"),
        ("urn:mace:egi.eu:group:VO.access.egi.eu:role=vm_operator", "but for capital and small letters"),
        ("urn:geant:egi.eu:group:vo.access.egi.eu:role=vm_operator", "a group of the same name at another"),
        ("urn:mace:egi.eu:group:vo.access.egi.eu role=vm_operator", "not a well-formed group entitlement"),
    ],
)
def test_a_near_miss_is_pointed_out(door: Door, held: str, says: str) -> None:
    page = page_of(door, entitlements=(held,))
    assert f"You hold {held} It" in page
    assert says in page


def test_a_condition_that_is_not_met_is_named(door: Door) -> None:
    wanted = "https://refeds.org/assurance/IAP/high"
    door.policy = policy(communities=[community("vo.access.egi.eu", P3, assurance=(wanted,))])
    page = page_of(door, assurance=("https://refeds.org/assurance/IAP/low",))
    assert f"You hold it: {OPERATOR}#aai.egi.eu Also needed is an assurance of {wanted}" in page
    assert "You came with https://refeds.org/assurance/IAP/low" in page
    assert f"Why: Community vo.access.egi.eu asks for an assurance of {wanted} , and" in page
    assert "Ask ask@vo.access.egi.eu" in page


def test_what_keystone_would_misread_is_refused_in_words(door: Door) -> None:
    page = page_of(door, entitlements=(OPERATOR + ";admin",))
    assert "Your sign-in could not be used: the claim entitlements or eduperson_entitlement holds a semicolon" in page


def test_claims_are_text_whatever_they_hold(door: Door) -> None:
    browser = door.browser()
    evil = "<script>alert(1)</script>"
    door.policy = policy(communities=[Community(evil, evil, f'javascript:alert(1)"{evil}', *_rules())])
    door.sign_in(browser, display_name=evil, subject=evil, entitlements=(evil, "\"'><img src=x onerror=alert(1)>"))
    page = get(browser, "/access").text
    assert "<script" not in page
    assert "<img" not in page
    assert 'href="javascript' not in page
    assert "&lt;script&gt;" in page


def _rules() -> tuple[tuple[Project, ...], tuple[AccessRule, ...]]:
    wanted = parse_entitlement("urn:mace:egi.eu:group:<script>:role=a")
    assert wanted is not None
    return (Project(TRAINING),), (AccessRule(wanted, ((TRAINING, ("member",)),)),)


def test_sixty_entitlements_are_folded_away(door: Door) -> None:
    many = tuple(f"urn:mace:egi.eu:group:vo{number:02}.example.org:role=member#aai.egi.eu" for number in range(60))
    browser = door.browser()
    door.sign_in(browser, entitlements=many)
    page = get(browser, "/access").text
    assert "60 entitlements" in text_of(get(browser, "/access"))
    assert "<details open" not in page


def test_without_a_session_there_is_no_page(door: Door) -> None:
    reply = get(door.browser(), "/access")
    assert (reply.status_code, reply.location) == (303, "/")
