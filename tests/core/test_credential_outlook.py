"""How long an application credential works, case by case, and what never happens whatever the case."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from p3idp.core.credentials.held import ApplicationCredential, GivenRole, Membership
from p3idp.core.credentials.outlook import Keeper, Outlook, Owner, State, is_for_exchange, outlook
from p3idp.core.credentials.words import advice, fate, span
from p3idp.core.policy.decision import Decision, ProjectAccess
from p3idp.core.policy.model import ProjectRef

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
P3 = ProjectRef("egi", "p3")
OPS, DEV = ("egi", "vo:ops"), ("egi", "vo:dev")
CREDENTIAL = ApplicationCredential("c1", "nightly", P3, "p", ("member", "reader"))
OWNER = Owner("u1", "ann@x", "egi", ttl=timedelta(days=8))


def at(**later: float) -> datetime:
    return NOW + timedelta(**later)


def by(group, until, role="member", project="p"):
    return GivenRole(project, role, Membership(group, until))


def both(group, until):
    """The role member, and reader, which it implies."""
    return by(group, until), by(group, until, "reader")


IN_8, IN_2 = at(days=8), at(days=2)
GIVES, GIVES_OTHER = (Decision((ProjectAccess(P3, (role,), None),), ()) for role in ("member", "manager"))
GIVES_NOTHING = Decision((), ())

# what is particular: the credential, the owner, the roles that they have; the state, when it stops, what keeps it
CASES = {
    "a membership gives both its roles": (CREDENTIAL, OWNER, both(OPS, IN_8), State.LAPSES, IN_8, Keeper.SIGN_IN),
    "two groups give the same: the last one counts": (
        *(CREDENTIAL, OWNER, (*both(OPS, IN_2), *both(DEV, IN_8))),
        *(State.LAPSES, IN_8, Keeper.SIGN_IN),
    ),
    "one of its roles is the owner's own": (
        *(CREDENTIAL, OWNER, (by(OPS, IN_8), GivenRole("p", "reader"))),
        *(State.LIVES, None, Keeper.NOTHING_NEEDED),
    ),
    "its own end comes first": (
        *(replace(CREDENTIAL, until=IN_2), OWNER, both(OPS, IN_8)),
        *(State.LAPSES, IN_2, Keeper.NEW_CREDENTIAL),
    ),
    "its own end comes last": (
        *(replace(CREDENTIAL, until=at(days=9)), OWNER, both(OPS, IN_8)),
        *(State.LAPSES, IN_8, Keeper.SIGN_IN),
    ),
    "its own end comes although no role lapses": (
        *(replace(CREDENTIAL, until=IN_2), OWNER, (GivenRole("p", "member"),)),
        *(State.LAPSES, IN_2, Keeper.NEW_CREDENTIAL),
    ),
    "it ended": (
        *(replace(CREDENTIAL, until=NOW), OWNER, both(OPS, IN_8)),
        *(State.ENDED, None, Keeper.NEW_CREDENTIAL),
    ),
    "a membership that does not lapse": (CREDENTIAL, OWNER, both(OPS, None), State.LIVES, None, Keeper.NOTHING_NEEDED),
    "the owner consented": (
        *(CREDENTIAL, replace(OWNER, consented=True), both(OPS, IN_8)),
        *(State.LAPSES, IN_8, Keeper.CONSENT),
    ),
    "the owner consented, and nobody renewed": (
        *(CREDENTIAL, replace(OWNER, consented=True), both(OPS, at(days=2, seconds=-1))),
        *(State.LAPSES, at(days=2, seconds=-1), Keeper.RECHECK_OVERDUE),
    ),
    "the owner consented, and it is their own end": (
        *(replace(CREDENTIAL, until=at(hours=1)), replace(OWNER, consented=True), both(OPS, IN_8)),
        *(State.LAPSES, at(hours=1), Keeper.NEW_CREDENTIAL),
    ),
    "nothing is left and nothing is known": (CREDENTIAL, OWNER, (), State.LAPSED, None, Keeper.SIGN_IN),
    "nothing is left of what lapsed this moment": (
        CREDENTIAL,
        OWNER,
        both(OPS, NOW),
        State.LAPSED,
        None,
        Keeper.SIGN_IN,
    ),
    "nothing is left although the owner consented": (
        *(CREDENTIAL, replace(OWNER, consented=True), ()),
        *(State.LAPSED, None, Keeper.RECHECK_OVERDUE),
    ),
    "roles elsewhere, and others there, are of no use": (
        *(CREDENTIAL, OWNER, (by(OPS, IN_8, project="q"), by(OPS, IN_8, "manager"))),
        *(State.LAPSED, None, Keeper.SIGN_IN),
    ),
    "a sign-in would bring it back": (
        *(CREDENTIAL, replace(OWNER, decision=GIVES), ()),
        *(State.LAPSED, None, Keeper.SIGN_IN),
    ),
    "a sign-in would bring nothing": (
        *(CREDENTIAL, replace(OWNER, decision=GIVES_NOTHING), ()),
        *(State.OWNER_NOT_A_MEMBER, None, Keeper.MEMBERSHIP),
    ),
    "a sign-in would bring another role": (
        *(CREDENTIAL, replace(OWNER, decision=GIVES_OTHER), ()),
        *(State.OWNER_NOT_A_MEMBER, None, Keeper.MEMBERSHIP),
    ),
    "claims say nothing about a project without a name": (
        *(replace(CREDENTIAL, project=None), replace(OWNER, decision=GIVES_NOTHING), ()),
        *(State.LAPSED, None, Keeper.SIGN_IN),
    ),
    "what keystone gives now counts more than old claims": (
        *(CREDENTIAL, replace(OWNER, decision=GIVES_NOTHING), both(OPS, IN_8)),
        *(State.LAPSES, IN_8, Keeper.SIGN_IN),
    ),
    "the owner is disabled": (
        *(CREDENTIAL, replace(OWNER, enabled=False), both(OPS, IN_8)),
        *(State.OWNER_DISABLED, None, Keeper.MEMBERSHIP),
    ),
    "it ended, and the owner is disabled": (
        *(replace(CREDENTIAL, until=at(days=-1)), replace(OWNER, enabled=False), ()),
        *(State.ENDED, None, Keeper.NEW_CREDENTIAL),
    ),
}


@pytest.mark.parametrize(("credential", "owner", "roles", "state", "stops", "keeper"), CASES.values(), ids=CASES)
def test_state_moment_and_what_keeps_it(credential, owner, roles, state, stops, keeper):
    found = outlook(credential, owner, roles, NOW)
    assert (found.state, found.stops_at, found.keeper) == (state, stops, keeper)
    assert fate(found)
    assert advice(found)
    assert advice(found, to_owner=True)


def test_a_role_that_goes_before_the_rest_is_told_with_its_moment():
    """Keystone gives a credential's token what is left of its roles; it stops with the last one."""
    found = outlook(CREDENTIAL, OWNER, (by(OPS, IN_2), by(DEV, IN_8, "reader")), NOW)
    assert (found.stops_at, found.fewer, found.groups) == (IN_8, ((IN_2, ("member",)),), (DEV,))
    told = "Works until 2026-11-30 09:00 UTC: the end of the membership of vo:dev."
    assert fate(found) == f"{told} From 2026-11-24 09:00 UTC without member."
    lives = outlook(CREDENTIAL, OWNER, (by(OPS, IN_2), GivenRole("p", "reader")), NOW)
    assert (lives.state, lives.fewer) == (State.LIVES, ((IN_2, ("member",)),))


def test_a_role_that_went_already_is_told():
    found = outlook(CREDENTIAL, OWNER, (by(OPS, IN_8, "reader"),), NOW)
    assert found.missing == ("member",)
    assert "does not give member any more" in fate(found)


def test_memberships_that_one_login_renewed_one_after_the_other_lapse_together():
    found = outlook(CREDENTIAL, OWNER, (by(OPS, IN_8), by(DEV, IN_8 + timedelta(milliseconds=5), "reader")), NOW)
    assert (found.fewer, found.groups) == ((), (DEV, OPS))


EXCHANGE = ApplicationCredential("c2", "p3idp-exchange-Xy", P3, "p", ("member",), at(hours=1))
LOOKALIKES = {
    "another name": replace(EXCHANGE, name="my-p3idp-exchange-x"),
    "no end": replace(EXCHANGE, until=None),
    "an end that is far away": replace(EXCHANGE, until=at(days=2)),
    "unrestricted": replace(EXCHANGE, unrestricted=True),
}


def test_what_p3idp_makes_for_an_exchange_is_recognised_before_and_after_its_end():
    assert is_for_exchange(EXCHANGE, NOW)
    assert is_for_exchange(EXCHANGE, at(days=30))


@pytest.mark.parametrize("credential", LOOKALIKES.values(), ids=LOOKALIKES)
def test_nobody_hides_a_credential_behind_its_name(credential):
    assert not is_for_exchange(credential, NOW)


def test_a_span_is_told_roughly():
    spans = [timedelta(seconds=-5), timedelta(minutes=1), timedelta(minutes=119), timedelta(days=9)]
    assert [span(each) for each in spans] == ["less than a minute", "1 minute", "1 hour", "9 days"]


ENDS = st.one_of(st.none(), st.integers(-5, 20).map(lambda days: at(days=days)))
WAYS = st.builds(
    lambda role, through, project: GivenRole(project, role, through),
    st.sampled_from(["member", "reader", "manager"]),
    st.one_of(st.none(), st.builds(Membership, st.sampled_from([OPS, DEV]), ENDS)),
    st.sampled_from(["p", "q"]),
)


def works(credential: ApplicationCredential, ways: list[GivenRole], when: datetime) -> frozenset[str]:
    """The roles of a token at that moment, by Keystone's rule: those of the credential that its owner still has."""
    if credential.until is not None and credential.until <= when:
        return frozenset()
    held = {
        w.role for w in ways if w.project_id == "p" and not (w.through and w.through.until and w.through.until <= when)
    }
    return frozenset(credential.roles) & held


@given(ENDS, st.lists(WAYS, max_size=6))
def test_it_works_until_the_moment_told_and_not_from_then_on(end, ways):
    credential = replace(CREDENTIAL, until=end)
    found: Outlook = outlook(credential, OWNER, ways, NOW)
    assert bool(works(credential, ways, NOW)) == (found.state in {State.LAPSES, State.LIVES})
    if found.stops_at is not None:
        assert works(credential, ways, found.stops_at - timedelta(seconds=1))
        assert not works(credential, ways, found.stops_at)
    if found.state is State.LIVES:
        assert works(credential, ways, at(days=1000))
    before = works(credential, ways, NOW)
    for moment, roles in found.fewer:
        left = works(credential, ways, moment)
        assert before - left == set(roles)
        before = left
