"""By which claim an entitlement came is remembered, kept, exported and told apart by a plan."""

import json

import pytest
from access_world import AccessWorld
from exchange_world import BEGIN, some_claims
from policies import NOW, OPERATOR, TRAINEE, PolicyFiles, person

from p3idp.adapters.memory.logins import MemoryLogins
from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.regex_worker import RegexWorker
from p3idp.core.access.people.part import Fate
from p3idp.core.login.remembered import as_line, login_from_text, login_to_text, remembered
from p3idp.core.login.verified import verified_claims
from p3idp.core.policy.model import ClaimNames, IdentityProvider
from p3idp.ops.logins import Remembering
from p3idp.ops.people import PeopleView

OLD, NEW = "eduperson_entitlement", "entitlements"
NAMES = ClaimNames()


def test_a_verifier_says_which_claim_held_what(tmp_path) -> None:
    provider: IdentityProvider = PolicyFiles(tmp_path).load().site.identity_providers[0]
    token = {"iss": provider.issuers[0], "sub": "alice", "azp": "p3idp", "iat": 1, "exp": 9}
    found = verified_claims(provider, token, {"sub": "alice", OLD: ["urn:b", "urn:a"]})
    assert found.by_claim == ((OLD, ("urn:a", "urn:b")), (NEW, ()))
    assert found.entitlements == ("urn:a", "urn:b")


def test_what_a_login_told_by_claim_is_remembered() -> None:
    store = MemoryLogins()
    Remembering(store, lambda _: None)(some_claims("alice", by_claim=((OLD, ("urn:a",)), (NEW, ()))), BEGIN)
    (login,) = store.recall(BEGIN).logins
    assert login.by_claim == ((OLD, ("urn:a",)), (NEW, ()))


HELD = ((OLD, (OPERATOR, TRAINEE)), (NEW, (TRAINEE,)))


def test_it_comes_back_from_the_text_at_rest_which_holds_each_value_once() -> None:
    login = remembered(person(OPERATOR, TRAINEE), NOW, HELD)
    text = login_to_text(login)
    assert login_from_text(text) == login
    assert text.count(OPERATOR) == 1


def test_a_login_from_before_this_was_kept_is_readable() -> None:
    login = remembered(person(OPERATOR), NOW)
    assert "by_claim" not in login_to_text(login)
    assert login_from_text(login_to_text(login)) == login


@pytest.mark.parametrize("held", ['{"a":[7]}', '{"a":7}', "[1]", '{"a":["x"]}'])
def test_places_that_are_none_make_no_login(held: str) -> None:
    text = login_to_text(remembered(person(OPERATOR), NOW))
    with pytest.raises(ValueError, match="not a remembered login"):
        login_from_text(text[:-1] + f',"by_claim":{held}}}')


def test_a_line_for_a_replay_calls_claims_as_they_came() -> None:
    told = json.loads(as_line(remembered(person(OPERATOR, TRAINEE), NOW, HELD), NAMES))["claims"]
    assert (told[OLD], told[NEW]) == ([OPERATOR, TRAINEE], [TRAINEE])
    one = json.loads(as_line(remembered(person(OPERATOR), NOW, ((OLD, (OPERATOR,)), (NEW, ()))), NAMES))["claims"]
    assert NEW not in one
    earlier = json.loads(as_line(remembered(person(OPERATOR), NOW), NAMES))["claims"]
    assert (earlier[NEW], OLD in earlier) == ([OPERATOR], False)


def test_a_plan_that_drops_a_claim_names_who_came_by_it_alone(tmp_path) -> None:
    world, logins = AccessWorld(PolicyFiles(tmp_path)), MemoryLogins()
    for subject, held in {
        "by-old": ((OLD, (OPERATOR,)), (NEW, ())),
        "by-new": ((OLD, ()), (NEW, (OPERATOR,))),
        "by-both": ((OLD, (OPERATOR,)), (NEW, (OPERATOR,))),
        "earlier": (),
    }.items():
        logins.remember(remembered(person(OPERATOR, subject=subject), NOW, held))
    world.apply()
    world.people = PeopleView(lambda: logins, MemoryPeople(), RegexWorker())
    world.files.change("site.yaml", "    scopes:", "    claims: {entitlements: [entitlements]}\n    scopes:")
    people = world.plan().people
    assert people is not None
    assert {each.subject: each.fate for each in people.people} == {"by-old": Fate.LOSES_EVERYTHING}
