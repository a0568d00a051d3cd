"""The page says of one's own application credentials until when they work, and what to do."""

from datetime import timedelta

import pytest
from webkit import P3, Door, get, text_of

from p3idp.adapters.memory.login import MemoryKeystoneLogin, MemoryPerson
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.credentials.outlook import Keeper
from p3idp.core.credentials.own import own_outlooks
from p3idp.core.exchange.naming import credential_name
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import ProjectRef
from p3idp.errors.keystone import FederatedLoginRefused
from p3idp.ops.keystone_view import MOST_PROJECTS
from p3idp.ports.keystone import KeystoneToken

TOKEN = "the-access-token"
P3_ID = "id-of-p3-in-egi"


@pytest.fixture
def door() -> Door:
    return Door()


def page_of(door: Door, *made: ApplicationCredential, **claims: object) -> str:
    """What somebody who made these reads after signing in."""
    door.keystone.people[TOKEN] = MemoryPerson("alice", {P3: ("member", "reader")}, list(made))
    browser = door.browser()
    door.sign_in(browser, **claims)
    return text_of(get(browser, "/access"))


def a_credential(**more: object) -> ApplicationCredential:
    said = {"id": "c1", "name": "nightly", "project": None, "project_id": P3_ID, "roles": ("member",)} | more
    return ApplicationCredential(**said)  # type: ignore[arg-type]  # as said above


def test_it_works_until_the_membership_lapses_and_a_sign_in_before_then_renews_it(door: Door) -> None:
    page = page_of(door, a_credential())
    _, part = page.split("Your application credentials")
    assert "nightly on p3 Role member Works until 22 November 2026, 17:00 UTC" in part
    assert "To do Sign in before then: that renews it." in part


def test_one_on_a_project_beyond_those_that_are_looked_at_is_judged_by_its_roles_all_the_same(door: Door) -> None:
    many = {ProjectRef("egi", f"a{number:02}"): ("reader",) for number in range(MOST_PROJECTS)}
    door.keystone.people[TOKEN] = MemoryPerson("alice", {**many, P3: ("member",)}, [a_credential()])
    browser = door.browser()
    door.sign_in(browser)
    assert "nightly on p3 Role member Works until" in text_of(get(browser, "/access"))


def test_what_is_renewed_while_its_owner_is_away_is_judged_by_the_moment_it_was_seen(door: Door) -> None:
    page_of(door, a_credential())
    [(session, _)] = door.sessions.held.values()
    later, ttl = door.clock.now + timedelta(hours=9), timedelta(hours=8)
    for consented, keeper in ((True, Keeper.CONSENT), (False, Keeper.SIGN_IN)):
        found = own_outlooks(session, decide(door.policy, session.claims, later), ttl, later, consented=consented)
        assert found is not None
        assert [each.keeper for each in found] == [keeper]


def test_an_end_of_its_own_asks_for_a_new_one(door: Door) -> None:
    page = page_of(door, a_credential(until=door.clock.now + timedelta(hours=2)))
    assert "Works until 22 November 2026, 11:00 UTC , its own end" in page
    assert "Make a new one before then" in page


def test_a_role_that_went_is_said_while_others_go_on(door: Door) -> None:
    page = page_of(door, a_credential(roles=("manager", "member")))
    assert "Roles manager and member; without manager, which you have not any more" in page


def test_one_whose_roles_are_gone_and_one_elsewhere_do_not_work(door: Door) -> None:
    page = page_of(
        door,
        a_credential(roles=("manager",)),
        a_credential(id="c2", name="other", project_id="0c5e", roles=("member",)),
    )
    assert "nightly on p3 Role manager Works not now : you have none of its roles on this project" in page
    assert "other Role member Works not now : you do not reach its project ( 0c5e )" in page


def test_whoever_made_none_reads_nothing_of_it_and_p3idps_own_are_none(door: Door) -> None:
    assert "Your application credentials" not in page_of(door)
    made = a_credential(name=credential_name("x"), until=door.clock.now + timedelta(hours=1))
    assert "Your application credentials" not in page_of(door, made)


def test_the_rest_of_the_page_stands_where_keystone_does_not_list_them(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(keystone: MemoryKeystoneLogin, token: KeystoneToken) -> None:
        raise FederatedLoginRefused("Keystone does not list this person's credentials.")

    monkeypatch.setattr(MemoryKeystoneLogin, "credentials", refuse)
    page = page_of(door, a_credential())
    assert "Keystone did not list them when you signed in." in page
    assert "p3 in domain egi Roles member and reader" in page


def test_a_name_that_is_markup_stays_text_and_no_id_of_keystone_shows_for_known_projects(door: Door) -> None:
    page = page_of(door, a_credential(name="<b>x</b>", project=ProjectRef("egi", "p3")))
    assert "&lt;b&gt;x&lt;/b&gt; on p3" in page
    assert P3_ID not in page
