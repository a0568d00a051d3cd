"""Who left is found out and loses access, who came back regains it, and nobody else loses anything."""

from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import OPERATOR, SITE, TRAINEE, PolicyFiles
from removal_world import RemovalWorld

from p3idp.core.access.people.cloud import Right
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.access.resources import Kind
from p3idp.core.credentials.held import Membership
from p3idp.core.removal.findings import Limits
from p3idp.core.removal.mark import Cause, Mark
from p3idp.errors.access import FindingsUnaccepted, PlanStale
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.removal import LeaverUnknown, RemovalIncomplete, RemovalRunning
from p3idp.ops.removal_tell import bounds_of

ACCESS, COURSES = "vo.access.egi.eu", "training.egi.eu"
TRAINING = """\
title: Courses
contact: courses@example.org
projects:
  training: {}
access:
  - entitlement: urn:mace:egi.eu:group:training.egi.eu:role=vm_operator
    projects: {training: [member]}
"""


@pytest.fixture
def world(tmp_path) -> RemovalWorld:
    """alice operates machines and learns, bob operates machines, carol learns; all consented an hour ago."""
    files = PolicyFiles(tmp_path)
    files.write(f"communities/{COURSES}.yaml", TRAINING)
    world = RemovalWorld(AccessWorld(files))
    world.joins("alice", OPERATOR, TRAINEE)
    world.joins("bob", OPERATOR)
    world.joins("carol", TRAINEE)
    world.consents("alice", "bob", "carol")
    world.later(hours=1)
    return world


def done(rechecked) -> list[str]:
    return [f"{s.action} {s.subject.partition('@')[0]}: {r.word}" for s, r in rechecked.revoked.results]


def test_while_nobody_leaves_nothing_happens(world):
    found = world.recheck()
    assert (found.outcomes, done(found)) == ({"answered": 3}, [])
    assert world.steps() == []
    assert world.access.ledger.open_intents("update/users") == []


def test_who_left_one_of_several_is_signed_in_anew_and_keeps_the_other(world):
    world.leaves("alice", OPERATOR)
    assert done(world.recheck()) == ["sign-in alice: done"]
    assert world.groups("alice") == [COURSES]
    assert world.disabled() == []
    assert world.tokens_ended == ["alice@egi.eu"]
    assert done(world.recheck()) == []


def test_who_left_the_last_is_disabled_and_enabled_at_return(world):
    world.leaves("bob")
    assert done(world.recheck()) == ["disable bob: done"]
    assert world.disabled() == ["bob"]
    mark = world.user("bob").disabled_by
    assert mark == Mark("test-site", Cause.LEFT, world.now)
    world.later(minutes=10)
    assert done(world.recheck()) == [], "still away"
    world.joins("bob", OPERATOR)
    world.later(minutes=10)
    assert done(world.recheck()) == ["enable bob: done"]
    assert world.user("bob") == ShadowUser(world.user("bob").id, "bob@egi.eu", "egi")


def test_who_comes_back_to_another_community_is_taken_out_of_the_old_one_first(world):
    world.leaves("bob")
    world.recheck()
    world.joins("bob", TRAINEE)
    world.later(minutes=10)
    assert done(world.recheck()) == ["sign-in bob: done", "enable bob: done"]
    assert world.groups("bob") == [COURSES]


def test_who_returns_by_a_sign_in_is_enabled_without_any_consent(world):
    world.leaves("bob")
    world.recheck()
    world.offline.held.clear()
    world.joins("bob", OPERATOR)
    world.later(minutes=3)
    world.signs_in("bob")
    assert world.user("bob").enabled is False, "a login alone enables nobody"
    assert world.steps() == ["enable bob returned"]
    assert done(world.recheck()) == ["enable bob: done"]


def test_whom_nobody_can_take_out_of_what_they_left_waits_until_it_lapses(world):
    world.leaves("bob")
    world.recheck()
    world.offline.held.clear()
    world.joins("bob", TRAINEE)
    world.later(minutes=3)
    token = world.checkin.give_token("bob", world.now)
    world.remember(world.checkin.verify_access_token(token, world.now), world.now)  # Keystone was not to be reached
    assert (world.steps(), world.kept()) == ([], ["bob waits"])
    world.later(hours=8)
    assert world.steps() == ["enable bob returned"]


def test_whom_an_administrator_disabled_stays_disabled(world):
    world.change("bob", enabled=False)
    found = world.recheck()
    assert (found.due, done(found)) == (2, []), "nor is anybody asked about them"
    world.leaves("bob")
    world.recheck()
    world.joins("bob", OPERATOR)
    world.signs_in("bob")
    assert done(world.recheck()) == []
    assert world.user("bob").disabled_by is None
    assert world.review().coverage.disabled_by_others == 1


def test_an_administrator_can_make_our_disabling_theirs(world):
    world.leaves("bob")
    world.recheck()
    assert [user.name for user in world.ops.look().disabled()] == ["bob@egi.eu"]
    with pytest.raises(LeaverUnknown):
        world.ops.keep_out("alice@egi.eu", world.now)
    world.ops.keep_out("bob@egi.eu", world.now)
    world.joins("bob", OPERATOR)
    world.later(minutes=10)
    assert done(world.recheck()) == []
    assert (world.disabled(), world.ops.look().disabled()) == (["bob"], ())
    assert world.access.ledger.open_intents("update/users") == []


def test_a_mark_that_stays_is_told(world, monkeypatch):
    world.leaves("bob")
    world.recheck()
    monkeypatch.setattr(type(world.users), "disown", lambda *args: None)
    with pytest.raises(RemovalIncomplete, match="does not show it"):
        world.ops.keep_out("bob@egi.eu", world.now)


def test_whom_another_policy_disabled_is_not_ours_to_enable(world):
    world.change("bob", enabled=False, disabled_by=Mark("another", Cause.LEFT, world.now - timedelta(minutes=5)))
    world.signs_in("bob")
    assert done(world.recheck()) == []
    assert world.disabled() == ["bob"]


def test_an_administrator_who_disables_between_review_and_act_is_not_overruled(world):
    world.leaves("bob")
    world.signs_in("bob")
    digest = world.review().digest
    switch = world.users.user

    def disabled_meanwhile(user, provider):
        world.change("bob", enabled=False)
        return switch(user, provider)

    ops = world.ops
    object.__setattr__(ops, "switch", type("Late", (), {"user": staticmethod(disabled_meanwhile)})())
    ops.revoke(world.now, digest)
    assert world.users.writes == []
    assert world.user("bob").disabled_by is None


def test_a_suspended_community_disables_nobody(world):
    path = f"communities/{ACCESS}.yaml"
    text = (world.access.files.root / path).read_text()
    world.access.files.write(path, f"{text}suspended: {{since: 2026-11-22, reason: an incident}}\n")
    world.access.apply("too-many-removals")
    assert done(world.recheck()) == []
    assert world.disabled() == []
    assert world.groups("bob") == [ACCESS]


def empty_the_mapping(world) -> None:
    """Somebody changes Keystone's mapping by hand, so that it lets nobody in."""
    held = world.access.keystone.held
    ((place, mapping),) = ((place, each) for place, each in held.items() if place[0] == "mapping")
    rule = {**mapping.attributes["rules"][0], "remote": [{"type": "HTTP_OIDC_SUB", "any_one_of": ["nobody"]}]}
    held[place] = replace(mapping, attributes={**mapping.attributes, "rules": [rule]})


def test_nor_does_it_where_somebody_also_emptied_the_mapping(world):
    path = f"communities/{ACCESS}.yaml"
    text = (world.access.files.root / path).read_text()
    world.access.files.write(path, f"{text}suspended: {{since: 2026-11-22, reason: an incident}}\n")
    empty_the_mapping(world)
    assert done(world.recheck()) == []


def suspend(world) -> None:
    world.access.files.change(
        "site.yaml", "    title: Check-in\n", "    title: Check-in\n    suspended: {since: 2026-11-22}\n"
    )


def test_people_of_a_suspended_provider_are_disabled_once_keystone_lets_nobody_in(world):
    suspend(world)
    assert world.steps() == [], "not applied yet"
    world.access.apply("disables-provider")
    found = world.recheck()
    assert (found.due, done(found)) == (0, ["disable alice: done", "disable bob: done", "disable carol: done"])
    world.access.files.change("site.yaml", "    suspended: {since: 2026-11-22}\n", "")
    world.access.apply()
    world.leaves("carol")
    world.later(minutes=5)
    assert done(world.recheck()) == ["enable alice: done", "enable bob: done"]
    assert world.disabled() == ["carol"]
    assert world.kept() == ["carol waits"]


def test_who_left_before_the_provider_was_suspended_does_not_come_back_with_it(world):
    world.leaves("bob")
    world.recheck()
    suspend(world)
    world.access.apply("disables-provider")
    world.recheck()
    world.access.files.change("site.yaml", "    suspended: {since: 2026-11-22}\n", "")
    world.access.apply()
    world.recheck()
    assert world.disabled() == ["bob"]


def test_people_of_a_provider_that_the_policy_dropped_are_disabled_as_well(world):
    world.access.files.change("site.yaml", "  egi:\n    title: Check-in", "  other:\n    title: Other")
    world.access.files.change("site.yaml", "https://idp.test/", "https://other.test/")
    world.access.apply("disables-provider", "people-lose-access", "any-client")
    assert [step.rpartition(" ")[0] for step in world.steps()] == ["disable alice", "disable bob", "disable carol"]


def test_memberships_about_to_lapse_are_renewed_and_no_token_ends(world):
    world.later(hours=3, minutes=30)
    assert done(world.recheck()) == ["sign-in alice: done", "sign-in bob: done", "sign-in carol: done"]
    assert world.tokens_ended == []
    assert done(world.recheck()) == []


def test_who_joins_another_community_is_not_signed_in_for_that_since_tokens_would_end(world):
    world.joins("bob", OPERATOR, TRAINEE)
    assert done(world.recheck()) == []
    assert world.tokens_ended == []


def test_where_keystone_saw_a_later_login_older_claims_take_nothing(world):
    world.offline.held.clear()
    world.leaves("bob")
    world.signs_in("bob")
    assert world.steps() == ["disable bob left-last"]
    world.joins("bob", OPERATOR)
    world.later(seconds=1)
    world.enters_by_apache("bob")
    assert (world.steps(), world.kept()) == ([], ["bob stale-claims"])


def test_claims_of_a_narrower_token_take_nothing_from_anybody(world):
    world.offline.held.clear()
    world.narrow("bob")
    assert (world.steps(), world.kept()) == ([], ["bob narrow-claims"])


CLI_ONLY = """\
title: Robots
contact: robots@example.org
projects:
  p9: {}
access:
  - entitlement: urn:mace:egi.eu:group:robots:role=member
    issuing_clients: [keystone]
    projects: {p9: [member]}
"""
ROBOT = "urn:mace:egi.eu:group:robots:role=member"


def test_what_a_rule_gives_to_the_tokens_of_another_client_alone_is_taken_from_nobody(world):
    world.access.files.write("communities/robots.yaml", CLI_ONLY)
    world.access.apply()
    world.joins("bob", OPERATOR, ROBOT)
    world.joins("carol", ROBOT)
    for login in ("bob", "carol"):
        world.enters_by_apache(login)
    world.later(minutes=1)
    assert world.groups("bob") == ["robots", ACCESS]
    assert done(world.recheck()) == [], "neither signed in anew nor disabled"
    world.leaves("carol", ROBOT)
    assert done(world.recheck()) == ["disable carol: done"]


def test_claims_that_cannot_be_read_as_they_stand_take_nothing(world):
    world.joins("bob", "urn:mace:egi.eu:group:a;b")
    assert done(world.recheck()) == []
    assert world.kept() == ["bob unclear-claims"]


def test_another_providers_word_on_a_like_named_subject_takes_nothing(world):
    world.access.files.write(
        "site.yaml",
        SITE + "  hub:\n    title: Hub\n    issuers: [https://hub.test/]\n    scopes: [openid]\n"
        "    authorization_ttl: 8h\n    issuing_clients: [p3idp]\n",
    )
    world.access.apply()
    world.change("bob", provider="hub")
    world.leaves("bob")
    assert done(world.recheck()) == []
    assert world.disabled() == []
    assert len(world.ops.look().shadows.users) == 3


@pytest.mark.parametrize("left", [True, False])
def test_a_word_of_an_issuer_that_is_the_providers_elsewhere_takes_and_gives_nothing(world, left):
    """Two environments may share a database: one id of a provider, another issuer, and other people of like names."""
    issuers_that_no_rule_asks_for(world)
    if not left:
        world.leaves("bob")
        world.recheck()
        world.later(minutes=1)
    world.offline.held.clear()
    mine = next(each for each in world.logins.recall(world.now).logins if each.subject == "bob@egi.eu")
    for held in ((), (OPERATOR,)):
        world.later(minutes=1)
        world.logins.remember(replace(mine, issuer="https://demo.example.org/", entitlements=held, at=world.now))
        assert (world.steps(), world.kept()) == ([], [])


def test_a_word_of_another_issuer_hides_no_answer_of_the_own_one(world):
    world.leaves("bob")
    mine = next(each for each in world.logins.recall(world.now).logins if each.subject == "bob@egi.eu")
    soon = world.now + timedelta(seconds=5)
    world.logins.remember(replace(mine, issuer="https://demo.example.org/", at=soon))
    assert done(world.recheck()) == ["disable bob: done"]


def issuers_that_no_rule_asks_for(world) -> None:
    """As a mapping may be that somebody wrote by hand, at a provider that takes all issuers."""
    held = world.access.keystone.held
    for place, resource in [*held.items()]:
        attributes = dict(resource.attributes)
        if place[0] is Kind.MAPPING:
            rules = [
                {**rule, "remote": [each for each in rule["remote"] if "iss" not in each["type"].lower()]}
                for rule in attributes["rules"]
            ]
            held[place] = replace(resource, attributes={**attributes, "rules": rules})
        if place[0] is Kind.IDENTITY_PROVIDER:
            held[place] = replace(resource, attributes={**attributes, "issuers": []})


def test_a_draft_that_nobody_applied_takes_nothing(world):
    world.access.files.remove(ACCESS)
    world.signs_in("bob")
    assert done(world.recheck()) == []


def test_a_mapping_that_somebody_emptied_in_keystone_takes_nothing(world):
    empty_the_mapping(world)
    world.signs_in("bob")
    assert done(world.recheck()) == []


def rules_of_somebody_else(world, remote: dict) -> None:
    """Somebody adds a rule to Keystone's mapping by hand."""
    held = world.access.keystone.held
    ((place, mapping),) = ((place, each) for place, each in held.items() if place[0] == "mapping")
    rule = {**mapping.attributes["rules"][0], "remote": [remote]}
    rules = [*mapping.attributes["rules"], rule]
    held[place] = replace(mapping, attributes={**mapping.attributes, "rules": rules})


@pytest.mark.parametrize(
    "remote",
    [
        pytest.param({"type": "HTTP_OIDC_EDUPERSON_AFFILIATION", "any_one_of": ["staff"]}, id="what is not remembered"),
        pytest.param({"any_one_of": ["nobody"]}, id="what nobody can read"),
    ],
)
def test_who_may_come_in_by_a_rule_that_p3idp_cannot_tell_of_loses_nothing(world, remote):
    rules_of_somebody_else(world, remote)
    world.leaves("bob")
    assert done(world.recheck()) == []
    assert world.kept() == ["bob unclear-claims"]


def test_how_long_memberships_last_is_what_keystone_says_and_not_a_draft(world):
    """Else a draft with a longer time would make a later login look like an earlier one."""
    world.leaves("bob")
    world.signs_in("bob")
    world.joins("bob", OPERATOR)
    world.later(minutes=10)
    world.enters_by_apache("bob")
    world.access.files.write("site.yaml", SITE.replace("authorization_ttl: 8h", "authorization_ttl: 24h"))
    assert (world.steps(), world.kept()) == ([], ["bob stale-claims"])


def test_of_two_words_on_somebody_the_later_counts_in_whichever_order(world):
    world.leaves("bob")
    world.signs_in("bob")
    (left,) = (each for each in world.logins.recall(world.now).logins if each.subject == "bob@egi.eu")
    before = replace(left, entitlements=(OPERATOR,), at=left.at - timedelta(minutes=5))
    for logins in ([left, before], [before, left]):
        removal = world.ops.look().removal(logins, world.now, world.pace, world.limits, {})
        assert [step.subject for step in removal.steps] == ["bob@egi.eu"]


def test_whom_somebody_else_disables_between_review_and_act_is_not_enabled(world, monkeypatch):
    world.leaves("bob")
    world.recheck()
    world.joins("bob", OPERATOR)
    world.later(minutes=10)
    world.signs_in("bob")
    digest, read = world.review().digest, type(world.users).user

    def kept_out_meanwhile(users, user, provider):
        world.change("bob", disabled_by=None)
        return read(users, user, provider)

    monkeypatch.setattr(type(world.users), "user", kept_out_meanwhile)
    with pytest.raises(RemovalIncomplete, match="Somebody else disabled this user meanwhile"):
        world.ops.revoke(world.now, digest)
    assert world.disabled() == ["bob"]


def test_who_could_not_be_signed_in_anew_is_not_enabled_and_is_asked_about_again(world, monkeypatch):
    world.leaves("bob")
    world.recheck()
    world.joins("bob", TRAINEE)
    world.later(minutes=10)

    def refuses(*args):
        raise FederatedLoginRefused("Keystone did not accept this token.")

    with monkeypatch.context() as broken:
        broken.setattr(RemovalWorld, "login", refuses)
        assert done(world.recheck()) == ["sign-in bob: failed", "enable bob: failed"]
    assert world.disabled() == ["bob"]
    world.later(minutes=1)
    assert world.recheck(everyone=False).due == 1


def test_what_lapsed_while_nobody_was_asked_comes_back_to_members_and_to_nobody_else(world):
    world.leaves("bob")
    world.later(hours=9)
    assert done(world.recheck()) == ["sign-in alice: done", "sign-in carol: done"]
    assert world.disabled() == []
    assert done(world.recheck()) == []


def test_a_login_that_leaves_the_memberships_as_they_are_is_told_and_tried_again(world, monkeypatch):
    world.leaves("alice", OPERATOR)
    before = [*world.holdings.in_groups[world.user("alice").id]]
    login = RemovalWorld.login

    def ignored(self, provider, token):
        made = login(self, provider, token)
        self.holdings.in_groups[made.user_id] = before
        return made

    monkeypatch.setattr(RemovalWorld, "login", ignored)
    assert done(world.recheck()) == ["sign-in alice: failed"]
    monkeypatch.undo()
    assert done(world.recheck(everyone=False)) == ["sign-in alice: done"]


def test_a_user_whose_mark_keystone_does_not_show_is_told(world, monkeypatch):
    """Without it nobody would ever enable them again."""
    disable = type(world.users).disable

    def unmarked(users, user, mark):
        disable(users, user, mark)
        world.change("bob", disabled_by=None)

    monkeypatch.setattr(type(world.users), "disable", unmarked)
    world.leaves("bob")
    assert done(world.recheck()) == ["disable bob: failed"]


def test_an_approver_is_never_disabled(world):
    world.access.files.change(
        "site.yaml",
        "identity_providers:",
        "approvers: {identity_provider: egi, subjects: [bob@egi.eu, x@egi.eu]}\nidentity_providers:",
    )
    world.leaves("bob")
    assert done(world.recheck()) == []
    assert world.kept() == ["bob approver"]


def test_p3idps_own_account_is_never_disabled(world):
    world.change("bob", id="p3idp-account")
    world.leaves("bob")
    world.recheck()
    suspend(world)
    world.access.apply("disables-provider")
    world.recheck()
    assert world.disabled() == ["alice", "carol"]


def test_roles_that_somebody_gave_by_hand_hold_back_that_person_alone(world):
    world.change("bob", own=(Right("project", "egi", "p3", "admin"),))
    world.leaves("bob")
    world.leaves("carol")
    found = world.recheck()
    assert done(found) == ["disable carol: done"]
    assert found.held == (), "no finding about all of them"
    with pytest.raises(FindingsUnaccepted, match=r"own-roles: bob@egi\.eu of egi .* admin on p3@egi"):
        world.revoke()
    world.revoke("own-roles")
    assert world.disabled() == ["bob", "carol"]


def test_a_group_that_somebody_put_them_into_for_good_holds_back_as_well(world):
    world.holdings.in_groups[world.user("bob").id].append(Membership(("egi", "friends"), None))
    world.leaves("bob")
    assert done(world.recheck()) == []
    assert [f.message for f in world.review().findings] == [
        "bob@egi.eu of egi also has what somebody gave them by hand, and would lose it: the group friends."
    ]


def test_what_somebody_did_by_hand_is_no_reason_to_sign_in_anew(world):
    world.holdings.in_groups[world.user("bob").id].append(Membership(("egi", f"{COURSES}:role=vm_operator"), None))
    assert done(world.recheck()) == []


def test_too_many_leavers_at_once_lose_nothing_before_somebody_says_so(world):
    world.limits = Limits(max_leavers=1, max_percent=100)
    for login in ("alice", "bob", "carol"):
        world.leaves(login)
    found = world.recheck()
    assert (done(found), len(found.held)) == ([], 3)
    assert world.recheck(everyone=False).due == 3, "what was not acted on is asked again"
    assert world.disabled() == []
    with pytest.raises(FindingsUnaccepted, match="too-many-leavers"):
        world.revoke()
    world.recheck("too-many-leavers")
    assert world.disabled() == ["alice", "bob", "carol"]


def test_too_many_in_parts_are_too_many_as_well(world):
    world.limits = Limits(max_leavers=1, max_percent=100)
    world.leaves("alice")
    assert done(world.recheck()) == ["disable alice: done"]
    world.leaves("bob")
    world.later(minutes=10)
    assert done(world.recheck()) == []
    world.later(minutes=55)
    assert done(world.recheck()) == ["disable bob: done"]


@pytest.mark.parametrize(
    ("leaving", "stopped"), [(["bob"], False), (["bob", "carol"], True)], ids=["one", "two of three"]
)
def test_at_a_small_site_the_part_counts_but_one_alone_is_never_too_many(world, leaving, stopped):
    world.limits = Limits(max_leavers=10, max_percent=10)
    for login in leaving:
        world.leaves(login)
    world.recheck()
    assert (world.disabled() == []) is stopped


def test_of_whom_no_leaving_could_be_told_makes_no_part_smaller(world):
    world.limits = Limits(max_leavers=10, max_percent=30)
    for number in range(9):
        world.joins(f"other{number}", OPERATOR)
        world.enters_by_apache(f"other{number}")
        world.narrow(f"other{number}")
    world.leaves("bob")
    world.leaves("carol")
    assert done(world.recheck()) == [], "two of three, and not of twelve"


def test_whom_another_policy_or_a_suspension_put_out_a_moment_ago_is_no_leaver_of_ours(world):
    world.limits = Limits(max_leavers=1, max_percent=100)
    world.change("alice", enabled=False, disabled_by=Mark("other", Cause.LEFT, world.now))
    world.change("carol", enabled=False, disabled_by=Mark("test-site", Cause.PROVIDER, world.now))
    world.leaves("bob")
    assert "disable bob: done" in done(world.recheck())


def test_people_who_leave_one_of_several_count_as_well(world):
    world.limits = Limits(max_leavers=1, max_percent=100)
    world.leaves("alice", OPERATOR)
    world.leaves("bob")
    assert done(world.recheck()) == []
    assert world.groups("alice") == [COURSES, ACCESS]


def test_from_lists_that_were_cut_short_nothing_is_taken_and_enabling_goes_on(world):
    world.leaves("bob")
    world.recheck()
    world.joins("bob", OPERATOR)
    world.leaves("carol")
    world.people.complete = False
    world.later(minutes=10)
    assert done(world.recheck()) == ["enable bob: done"]
    assert world.disabled() == []
    assert [finding.name for finding in world.review().findings] == ["incomplete-source"]


def test_a_silent_provider_costs_nobody_anything_and_the_next_run_asks_again(world):
    world.leaves("bob")
    world.checkin.down = True
    found = world.recheck(everyone=False)
    assert (found.outcomes, found.unasked, done(found)) == ({"unreachable": 3}, 3, [])
    assert "egi" in found.providers
    world.checkin.down = False
    world.later(minutes=1)
    assert done(world.recheck(everyone=False)) == ["disable bob: done"]


def test_a_provider_that_fails_again_and_again_is_left_alone_for_this_run(world, monkeypatch):
    for number in range(7):
        world.joins(f"d{number}", OPERATOR)
        world.consents(f"d{number}")
    world.checkin.down = True
    asked = []
    trade = type(world.checkin).trade
    monkeypatch.setattr(type(world.checkin), "trade", lambda *args: asked.append(args) or trade(*args))
    assert world.recheck().outcomes == {"unreachable": 10}
    assert len(asked) == 3


def test_a_provider_that_fails_now_and_then_is_asked_about_everybody(world, monkeypatch):
    for number in range(8):
        world.joins(f"person{number}", OPERATOR)
        world.consents(f"person{number}")
    trade, asked = type(world.checkin).trade, []

    def flaky(self, access):
        asked.append(access.subject)
        if len(asked) % 2:
            raise ProviderUnreachable("It did not answer in time.")
        return trade(self, access)

    monkeypatch.setattr(type(world.checkin), "trade", flaky)
    world.recheck()
    assert len(asked) == 11


def test_some_whom_nobody_can_ask_about_do_not_keep_the_others_from_being_asked_about(world, monkeypatch):
    world.joins("zoe", OPERATOR)
    world.consents("zoe")
    world.leaves("zoe")
    trade = type(world.checkin).trade

    def fails_for_most(self, access):
        if not access.subject.startswith("zoe"):
            raise ProviderUnreachable("The identity provider's token endpoint answers with status 500.")
        return trade(self, access)

    monkeypatch.setattr(type(world.checkin), "trade", fails_for_most)
    for _ in range(12):
        world.later(minutes=5)
        world.recheck()
    assert world.disabled() == ["zoe"]


def test_what_is_learnt_while_keystone_is_down_is_acted_on_by_the_next_run(world):
    world.leaves("bob")
    world.leaves("alice", OPERATOR)
    world.keystone_down = True
    found = world.recheck(everyone=False)
    assert (found.outcomes, found.revoked) == ({"answered": 3}, None)
    assert found.keystone
    world.keystone_down = False
    world.checkin.down = True
    world.later(minutes=1)
    assert done(world.recheck(everyone=False)) == ["disable bob: done"], "by what is remembered"
    world.checkin.down = False
    world.later(minutes=1)
    assert done(world.recheck(everyone=False)) == ["sign-in alice: done"], "alice was not acted on, so she is due"


def test_keystone_lost_half_way_leaves_the_rest_to_the_next_run(world, monkeypatch):
    world.leaves("alice")
    world.leaves("bob")
    disable = type(world.users).disable

    def fails_at_bob(users, user, mark):
        if user == world.user("bob").id:
            raise KeystoneUnreachable("Keystone does not answer.")
        disable(users, user, mark)

    with monkeypatch.context() as outage:
        outage.setattr(type(world.users), "disable", fails_at_bob)
        found = world.recheck()
    assert (world.disabled(), bool(found.keystone)) == (["alice"], True)
    assert [(s.subject, r.word) for s, r in found.revoked.undone] == [("bob@egi.eu", "failed")]
    world.later(minutes=1)
    assert done(world.recheck(everyone=False)) == ["disable bob: done"]


def test_what_changed_in_keystone_while_providers_were_asked_is_seen_before_anything_is_done(world, monkeypatch):
    world.leaves("bob")
    trade = type(world.checkin).trade

    def slowly(provider, access):
        world.later(seconds=30)
        world.change("bob", enabled=False)
        return trade(provider, access)

    monkeypatch.setattr(type(world.checkin), "trade", slowly)
    assert done(world.recheck()) == []


def test_a_run_that_takes_longer_than_there_is_between_two_says_so(world, monkeypatch):
    trade = type(world.checkin).trade

    def slowly(provider, access):
        world.later(minutes=2)
        return trade(provider, access)

    monkeypatch.setattr(type(world.checkin), "trade", slowly)
    assert world.recheck().too_slow
    world.later(minutes=20)
    assert world.recheck().late == 3


def test_a_consent_that_ended_leaves_the_bound_of_the_login(world):
    world.checkin.withdraw_consent("bob")
    world.leaves("bob")
    assert world.recheck().outcomes == {"answered": 2, "ended": 1}
    assert world.disabled() == []
    kept = world.offline.consents(world.now)
    people = bounds_of(world.ops.look(), kept, world.rechecks, world.pace, world.now).people
    found = {each.subject: each.bound for each in people}
    assert {subject: bound.minutes for subject, bound in found.items()} == {
        "alice@egi.eu": 15, "bob@egi.eu": 481, "carol@egi.eu": 15
    }  # fmt: skip


def test_two_runs_at_once_are_one(world):
    with world.ops.alone(), pytest.raises(RemovalRunning):
        world.recheck()
    with world.ops.alone(), pytest.raises(RemovalRunning):
        world.revoke()


def test_another_digest_than_the_reviewed_revokes_nothing(world):
    world.leaves("bob")
    world.signs_in("bob")
    digest = world.review().digest
    world.leaves("carol")
    world.signs_in("carol")
    with pytest.raises(PlanStale):
        world.ops.revoke(world.now, digest)
    assert world.disabled() == []


def test_the_digest_is_the_same_however_often_people_are_asked(world):
    world.limits = Limits(max_leavers=0)
    world.leaves("bob")
    world.recheck()
    before = world.review().digest
    world.later(minutes=10)
    world.recheck()
    assert world.review().digest == before


def test_the_ledger_says_who_was_disabled_why_and_by_which_run(world):
    world.leaves("bob")
    world.recheck()
    intent, outcome = (record for record in world.access.ledger.kept if record.body["action"] == "update/users")
    assert (intent.body["outcome"], outcome.body["outcome"]) == ("pending", "success")
    assert outcome.body["about"] == intent.id
    (item,) = outcome.body["attachments"][0]["content"]["items"]
    assert (item["action"], item["subject"], item["why"], item["result"]) == (
        "disable", "bob@egi.eu", "left-last", "done"
    )  # fmt: skip
    assert "token" not in intent.event


class Killed(BaseException):
    """kill -9."""


@pytest.mark.parametrize("at", range(1, 7))
def test_killed_at_any_write_the_next_run_makes_it_good(world, monkeypatch, at):
    """alice is signed in anew, bob disabled, carol enabled: intent, three steps, outcome, memory are the writes."""
    world.leaves("carol")
    world.recheck()
    world.joins("carol", TRAINEE)
    world.leaves("alice", OPERATOR)
    world.leaves("bob")
    world.later(minutes=10)
    count = 0

    def kills(where, name):
        original = getattr(where, name)

        def counted(*args, **more):
            nonlocal count
            count += 1
            if count == at:
                raise Killed
            return original(*args, **more)

        patch.setattr(where, name, counted)

    with monkeypatch.context() as patch:
        kills(type(world.users), "disable")
        kills(type(world.users), "enable")
        kills(RemovalWorld, "login")
        kills(type(world.access.ledger), "append")
        kills(type(world.rechecks), "remember")
        with pytest.raises(Killed):
            world.recheck(everyone=False)
    world.access.lock.held.clear()  # the lock of a process goes with it
    world.later(minutes=5)
    world.recheck(everyone=False)
    assert (world.groups("alice"), world.disabled()) == ([COURSES], ["bob"])
    assert world.access.ledger.open_intents("update/users") == []
    assert done(world.recheck()) == []


def test_a_refused_step_is_told_and_the_others_are_made(world, monkeypatch):
    world.leaves("alice")
    world.leaves("bob")
    monkeypatch.setattr(type(world.users), "disable", lambda self, user, mark: None)
    world.signs_in("alice")
    world.signs_in("bob")
    with pytest.raises(RemovalIncomplete, match=r"0 of 2 steps were made\. .* does not show it"):
        world.revoke()
