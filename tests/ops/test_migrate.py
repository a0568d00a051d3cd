"""A claim and an issuer move: what the text says at each stage, what is counted, and when the old one may go."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from moves import CLAIM, ISSUERS, NEW, NEW_ISSUER, OLD, USUAL, MovingSite, by
from policies import ACCESS, ISSUER, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles, person

from p3idp.adapters.memory.people import MemoryPeople
from p3idp.adapters.regex_worker import RegexWorker
from p3idp.core.access.desired import desired_state
from p3idp.core.login.remembered import remembered
from p3idp.core.migration.move import Move, Stage, Subject
from p3idp.core.migration.usage import Use
from p3idp.errors.keystone import KeystoneForbids, KeystoneUnreachable
from p3idp.errors.migration import MigrationImpossible, MigrationNotBegun, MigrationUnsafe, SiteFileOdd
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.migrate import carry_out
from p3idp.ops.people import PeopleView


@pytest.fixture
def site(tmp_path) -> MovingSite:
    """A site that honours both claims by default, and trusts one issuer."""
    return MovingSite(PolicyFiles(tmp_path))


def claims_of(site: MovingSite) -> tuple[str, ...]:
    return site.files.load().site.identity_providers[0].claims.entitlements


def issuers_of(site: MovingSite) -> tuple[str, ...]:
    return site.files.load().site.identity_providers[0].issuers


# --- The text


def test_both_claims_are_accepted_once_it_begins(site: MovingSite) -> None:
    site.files.change("site.yaml", "    scopes:", f"    claims: {{entitlements: [{OLD}]}}\n    scopes:")
    site.begin(CLAIM)
    assert claims_of(site) == (NEW, OLD)
    before = site.site()
    site.begin(CLAIM)
    assert site.site() == before, "and beginning again changes nothing"


def test_a_new_issuer_is_trusted_first_and_sign_ins_move_to_it_only_when_told(site: MovingSite) -> None:
    site.begin(ISSUERS)
    assert issuers_of(site) == (ISSUER, NEW_ISSUER)
    assert site.status(ISSUERS).stages == {"egi": Stage.BOTH}
    carry_out(site.ops.switch(ISSUERS), site.text)
    assert issuers_of(site) == (NEW_ISSUER, ISSUER)
    assert site.status(ISSUERS).stages == {"egi": Stage.MOVED}


def test_where_sign_ins_start_is_none_of_keystones_business(site: MovingSite) -> None:
    site.begin(ISSUERS)
    before = desired_state(site.files.load(), NOW).resources
    carry_out(site.ops.switch(ISSUERS), site.text)
    assert desired_state(site.files.load(), NOW).resources == before


def test_the_old_one_goes_from_the_text_even_where_it_stood_there_by_default(site: MovingSite) -> None:
    site.meet(USUAL)
    site.finish()
    assert claims_of(site) == (NEW,)
    assert "claims: {entitlements: [entitlements]}" in site.site()
    assert site.status().ended


def test_one_provider_of_several_can_be_moved_alone(tmp_path) -> None:
    other = "  hub:\n    title: Hub\n    issuers: [https://hub.test]\n    scopes: [openid]\n    authorization_ttl: 8h\n"
    site = MovingSite(PolicyFiles(tmp_path))
    site.files.write("site.yaml", site.site() + other)
    site.meet(USUAL)
    site.finish(replace(CLAIM, provider="egi"))
    egi, hub = (each.claims.entitlements for each in site.files.load().site.identity_providers)
    assert (egi, hub) == ((NEW,), (NEW, OLD))


IMPOSSIBLE = {
    "nobody lists it": (Move(Subject.CLAIM, "groups", "more"), "lists the claim `groups`"),
    "the same": (Move(Subject.CLAIM, OLD, OLD), "the old one and the new one"),
    "who somebody is": (Move(Subject.CLAIM, OLD, "sub"), "makes other people"),
    "their assurance": (Move(Subject.CLAIM, OLD, "eduperson_assurance"), "neither can hold"),
    "no such provider": (replace(CLAIM, provider="hub"), "no identity provider `hub`"),
    "an unknown issuer": (Move(Subject.ISSUER, "https://x.test", "https://y.test"), "lists the issuer"),
}


@pytest.mark.parametrize("case", IMPOSSIBLE.values(), ids=IMPOSSIBLE)
def test_what_cannot_move_is_refused_and_nothing_is_changed(site: MovingSite, case) -> None:
    move, told = case
    before = site.site()
    with pytest.raises(MigrationImpossible, match=told):
        site.begin(move)
    assert site.site() == before


def test_no_stage_comes_before_both_are_accepted(site: MovingSite) -> None:
    before = site.site()
    with pytest.raises(MigrationNotBegun):
        site.ops.switch(ISSUERS)
    with pytest.raises(MigrationNotBegun):
        site.finish(ISSUERS)
    assert site.site() == before
    assert not site.status(ISSUERS).begun


def test_an_issuer_that_keystone_cannot_store_is_refused(site: MovingSite) -> None:
    with pytest.raises(PolicyInvalid, match="at most 64"):
        site.begin(replace(ISSUERS, new="https://idp.test/" + "a" * 60))


def test_another_providers_issuer_is_refused(tmp_path) -> None:
    site = MovingSite(PolicyFiles(tmp_path))
    other = f"  hub:\n    title: Hub\n    issuers: [{NEW_ISSUER}]\n    scopes: [openid]\n    authorization_ttl: 8h\n"
    site.files.write("site.yaml", site.site() + other)
    with pytest.raises(PolicyInvalid, match="belongs to"):
        site.begin(replace(ISSUERS, provider="egi"))


def test_a_file_that_somebody_saved_meanwhile_is_left_alone(site: MovingSite) -> None:
    change = site.ops.begin(ISSUERS)
    site.files.change("site.yaml", "A site", "Another site")
    with pytest.raises(SiteFileOdd, match="changed meanwhile"):
        carry_out(change, site.text)
    assert issuers_of(site) == (ISSUER,)


EXAMPLE = f"""\
examples:
  - title: Others get nothing
    claims: {{{OLD}: urn:mace:egi.eu:group:other:role=member}}
    access: {{}}
"""


def test_examples_that_speak_of_the_old_claim_are_rewritten_first_even_those_that_expect_nothing(tmp_path) -> None:
    site = MovingSite(PolicyFiles(tmp_path, **{"vo.access.egi.eu": ACCESS + EXAMPLE}))
    site.meet(USUAL)
    with pytest.raises(PolicyInvalid, match=r"vo\.access\.egi\.eu\.yaml:9: .*speaks of the claim") as refused:
        site.finish()
    assert "Write them with entitlements" in refused.value.hint
    both = f"{{{NEW}: urn:mace:egi.eu:group:other:role=member, {OLD}:"
    site.files.change("communities/vo.access.egi.eu.yaml", f"{{{OLD}:", both)
    site.finish()
    assert claims_of(site) == (NEW,)


# --- What is counted

USES = {
    "the old one alone": (by(OPERATOR), Use.OLD),
    "both alike": (USUAL, Use.BOTH),
    "the new one says less": (by(OPERATOR, TRAINEE, new=[TRAINEE]), Use.OLD),
    "the new one says more": (by(TRAINEE, new=[OPERATOR, TRAINEE]), Use.BOTH),
    "the new one alone": (by(new=[OPERATOR]), Use.NEW),
    "none of them": (by(), Use.NEITHER),
    "from before it was kept": (remembered(person(OPERATOR), NOW), Use.UNKNOWN),
    "from before the new one was asked for": (remembered(person(OPERATOR), NOW, ((OLD, (OPERATOR,)),)), Use.UNKNOWN),
}


@pytest.mark.parametrize("case", USES.values(), ids=USES)
def test_a_claim_is_used_where_it_alone_says_something(site: MovingSite, case) -> None:
    login, use = case
    site.meet(login)
    assert [found for found, count in site.status().uses.items() if count.people] == [use]


def test_an_issuer_is_used_by_whoever_came_from_it(site: MovingSite) -> None:
    site.begin(ISSUERS)
    site.meet(by(OPERATOR), by(OPERATOR, issuer=NEW_ISSUER), by(OPERATOR, issuer="https://third.test", days=40))
    uses = site.status(ISSUERS).uses
    assert [(use, count.people, count.lately) for use, count in uses.items() if count.people] == [
        (Use.OLD, 1, 1),
        (Use.NEW, 1, 1),
        (Use.NEITHER, 1, 0),
    ]


def test_other_providers_people_are_not_counted(site: MovingSite) -> None:
    site.meet(remembered(person(OPERATOR, provider="other"), NOW, ((OLD, (OPERATOR,)), (NEW, ()))))
    assert site.status().coverage.remembered == 0


# --- When it is safe


def test_it_is_safe_when_nobody_needs_the_old_one_and_enough_people_were_seen(site: MovingSite) -> None:
    site.meet(USUAL, by(new=[OPERATOR]), by())
    status = site.status()
    assert (status.safe, status.coverage.percent, status.findings) == (True, 100, ())
    assert status.coverage.since == NOW - timedelta(days=1)


def test_who_came_by_the_old_claim_alone_would_lose_and_is_named(site: MovingSite) -> None:
    site.meet(USUAL, by(OPERATOR, subject="bob"), by(TRAINEE, new=[], subject="carol"))
    status = site.status()
    assert [(each.subject, [str(item) for item in each.lost]) for each in status.losers] == [
        ("bob", ["member on p3@egi"])
    ], "carol lacks the assurance, so there is nothing that she could lose"
    assert [finding.name for finding in status.findings] == ["old-still-used", "people-lose-access"]
    assert not status.safe


def test_what_the_new_claim_still_gives_is_not_lost(site: MovingSite) -> None:
    login = by(OPERATOR, TRAINEE, new=[OPERATOR], subject="carol")
    site.meet(replace(login, assurance=(SUBSTANTIAL,)))
    assert [str(item) for item in site.status().losers[0].lost] == ["member on training@egi"]


def test_whoever_came_from_the_old_issuer_loses_everything(site: MovingSite) -> None:
    site.begin(ISSUERS)
    site.meet(by(OPERATOR, subject="bob"), by(OPERATOR, issuer=NEW_ISSUER))
    assert [each.subject for each in site.status(ISSUERS).losers] == ["bob"]


def test_a_loss_is_a_loss_however_long_ago_somebody_came(site: MovingSite) -> None:
    site.meet(by(OPERATOR, days=60), USUAL)
    assert site.names() == ["people-lose-access"]


def test_a_use_counts_for_as_many_days_as_are_asked(site: MovingSite) -> None:
    site.meet(by("urn:of-no-rule", days=20), *[USUAL] * 3)
    assert site.names() == ["old-still-used"]
    assert site.status(days=19).safe


def test_people_whom_nobody_saw_stand_against_it(site: MovingSite) -> None:
    site.meet(USUAL)
    site.know("unseen", "unseen too")
    assert site.names() == ["low-coverage"]
    assert site.status().coverage.percent == 33
    assert site.status(percent=33).safe


def test_disabled_users_and_earlier_logins_do_not_count_as_seen(site: MovingSite) -> None:
    site.meet(USUAL, by(new=[OPERATOR], days=31))
    site.keystone.shadows[0] = replace(site.keystone.shadows[0], enabled=False)
    coverage = site.status().coverage
    assert (coverage.known, coverage.lately) == (1, 0)


def test_a_login_of_which_the_claim_is_not_known_stands_against_it(site: MovingSite) -> None:
    site.meet(USUAL, replace(USUAL, subject="earlier", by_claim=()))
    assert site.names() == ["use-unknown"]
    assert site.status().coverage.lately == 1, "nor is it a login by which anything is known"


def test_who_cannot_be_counted_is_never_taken_for_safe(site: MovingSite) -> None:
    assert site.names() == ["low-coverage"]
    assert "nobody knows who uses what" in site.status().findings[0].message
    site.logins.remember(USUAL)
    assert site.names() == ["low-coverage"], "Keystone has none of these people"
    site.meet(USUAL)
    assert site.names() == []
    for problem in ({"complete": False}, {"problem": KeystoneForbids("no")}):
        site.keystone = replace(site.keystone, **problem)
        assert site.names() == ["low-coverage"]
        assert site.status().coverage.known is None
    site.keystone = replace(site.keystone, complete=True, problem=None)
    site.logins.unreadable = 1
    assert site.names() == ["low-coverage"]
    site.keystone.problem = KeystoneUnreachable("down")
    with pytest.raises(KeystoneUnreachable):
        site.status()


@pytest.mark.parametrize("move", [CLAIM, ISSUERS], ids=["claim", "issuer"])
def test_who_is_told_to_lose_is_whom_the_plan_after_it_names(site: MovingSite, move: Move) -> None:
    site.begin(move)
    some = (by(OPERATOR, TRAINEE, new=[OPERATOR]), by(OPERATOR), USUAL, by(new=[OPERATOR]), by(), by("urn:x"))
    others = [replace(login, issuer=NEW_ISSUER) for login in some]
    site.meet(*(replace(login, assurance=(SUBSTANTIAL,)) for login in (*some, *others)))
    told = {each.subject: {(item.name, item.role) for item in each.lost} for each in site.status(move).losers}
    world = AccessWorld(site.files)
    world.apply()
    site.finish(move, "people-lose-access", "old-still-used")
    world.people = PeopleView(lambda: site.logins, MemoryPeople(), RegexWorker())
    people = world.plan().people
    assert people is not None
    assert told
    # Keystone tells the roles that a role implies as well; a policy tells its own.
    assert told == {
        each.subject: {(right.name, right.role) for right in each.lost if right.role == "member"}
        for each in people.people
        if each.lost
    }


VERBATIM = """\
{"rules": [
  {"local": [{"user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}},
              "group": {"name": "extra", "domain": {"name": "egi"}}}],
   "remote": [{"type": "OIDC-sub"}, %s]}]}
"""


def asking(attribute: str, *values: str, **more: object) -> str:
    return VERBATIM % json.dumps({"type": attribute, "any_one_of": values, **more})


ASKING = {
    "the old claim": (CLAIM, asking("OIDC-eduperson_entitlement", "urn:x"), True),
    "its header": (CLAIM, asking("HTTP_OIDC_EDUPERSON_ENTITLEMENT", "urn:x"), True),
    "the new claim": (CLAIM, asking("OIDC-entitlements", "urn:x"), False),
    "the old issuer": (ISSUERS, asking("OIDC-iss", ISSUER), True),
    "the new issuer": (ISSUERS, asking("OIDC-iss", NEW_ISSUER), False),
    "either issuer": (ISSUERS, asking("OIDC-iss", ISSUER, NEW_ISSUER), False),
    "a pattern of issuers": (ISSUERS, asking("HTTP_OIDC_ISS", "^https://idp", regex=True), True),
}


@pytest.mark.parametrize("case", ASKING.values(), ids=ASKING)
def test_verbatim_rules_that_ask_for_the_old_one_are_named(site: MovingSite, case) -> None:
    move, rules, named = case
    (site.files.root / "keystone").mkdir()
    site.files.write("keystone/egi.json", rules)
    site.begin(move)
    site.meet(by(new=[OPERATOR], issuer=NEW_ISSUER))
    assert site.names(move) == (["verbatim-rules"] if named else [])


def test_finish_refuses_each_danger_until_it_is_accepted_by_its_name(site: MovingSite) -> None:
    site.meet(USUAL, by(OPERATOR))
    before = site.site()
    for accepted in ((), ("people-lose-access",), ("low-coverage", "old-still-used")):
        with pytest.raises(MigrationUnsafe) as refused:
            site.finish(CLAIM, *accepted)
        named = {line.split(":")[0] for line in refused.value.detail.splitlines()[1:]}
        assert named == {"people-lose-access", "old-still-used"} - set(accepted)
        assert site.site() == before
    site.finish(CLAIM, "people-lose-access", "old-still-used")
    assert claims_of(site) == (NEW,)


def test_what_the_text_cannot_do_is_said(site: MovingSite) -> None:
    (scope, old_scope) = site.ops.notes(CLAIM)
    assert "do not hold entitlements" in scope
    assert "ask for eduperson_entitlement" in old_scope
    assert site.ops.notes(ISSUERS) == ()
    site.begin(ISSUERS)
    assert "p3idp site config" in site.ops.notes(ISSUERS)[0]
    assert "registered at each issuer" in site.ops.notes(ISSUERS)[1]
