"""People whom the policy names: rights before the first login, at every door, and what a plan says of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from access_world import AccessWorld
from policies import ACCESS, ISSUER, NOW, OPERATOR, SITE, PolicyFiles, person

from p3idp.adapters.memory.history import MemoryHistory
from p3idp.adapters.memory.ledger import MemoryLedger
from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.access.resources import Kind
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.patterns import PREAMBLE
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Reason
from p3idp.core.policy.model import NamedPerson, Policy, ProjectRef, ProviderId
from p3idp.errors.policy import PolicyInvalid
from p3idp.errors.proposals import SecondPersonNeeded
from p3idp.ops.why import why_claims

FILE = "communities/vo.access.egi.eu.yaml"
PIA = "pia@egi.eu"
PEOPLE = f"""\
people:
  - subject: {PIA}
    identity_provider: egi
    name: Pia Guest
    projects: {{p3: [member]}}
"""
P3 = ProjectRef("egi", "p3")
GROUP = NamedPerson(PIA, ProviderId("egi"), ()).group
KEY = ("egi", GROUP, "egi", "openid", PIA)
GRANT = ("egi", GROUP, "member", "project", "egi", "p3")
HUB = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h, audiences: [a]}\n"


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path, SITE, **{"vo.access.egi.eu": ACCESS + PEOPLE}))


@pytest.fixture
def settled(world) -> AccessWorld:
    world.apply()
    return world


def access(policy: Policy, now: datetime = NOW, **claims: object) -> list[tuple[str, tuple[str, ...]]]:
    given = person(**{"subject": PIA, **claims})
    return [(each.project.name, each.roles) for each in decide(policy, given, now).access]


def spoil(world: AccessWorld, old: str, new: str) -> None:
    world.files.change(FILE, old, new)


# ---- what the policy gives


def test_who_is_named_has_access_without_any_entitlement(world) -> None:
    assert access(world.files.load()) == [("p3", ("member",))]


OTHERS = {
    "somebody else": {"subject": "other@egi.eu"},
    "in capitals": {"subject": PIA.upper()},
    "with a blank": {"subject": f" {PIA}"},
    "encoded": {"subject": "pia%40egi.eu"},
    "and more": {"subject": f"{PIA}x"},
    "with another beside": {"subject": f"{PIA};x"},
    "as a list": {"subject": f"['{PIA}']"},
    "as JSON": {"subject": f'JSON:"{PIA}"'},
    "of another issuer": {"issuer": "https://evil.test"},
    "of another provider": {"issuer": "https://hub.test", "provider": ProviderId("hub"), "client": "a"},
    "of another provider, by this issuer": {"provider": ProviderId("hub")},
    "by a foreign client": {"client": "evil"},
}


@pytest.mark.parametrize("claims", OTHERS.values(), ids=OTHERS)
def test_nobody_else_has_it(world, claims) -> None:
    world.files.change("site.yaml", "  egi:\n", f"{HUB}  egi:\n")
    assert access(world.files.load(), **claims) == []


@pytest.mark.parametrize(
    ("written", "now", "reason"),
    [
        ("valid: {from: 2026-12-01}", NOW, Reason.NOT_YET_VALID),
        ("valid: {until: 2026-11-22}", NOW, Reason.NO_LONGER_VALID),
        ("valid: {until: 2026-12-01}", NOW, None),
        ("valid: {until: 2026-12-01}", datetime(2026, 12, 1, tzinfo=UTC), Reason.NO_LONGER_VALID),
    ],
)
def test_it_has_a_time_of_its_own_and_whoever_it_is_about_learns_why(world, written, now, reason) -> None:
    spoil(world, "    name: Pia Guest\n", f"    {written}\n")
    policy = world.files.load()
    verdicts = decide(policy, person(subject=PIA), now).trace
    assert [each.reason for each in verdicts if isinstance(each.rule, NamedPerson) and reason] == [reason] * bool(
        reason
    )
    assert bool(access(policy, now)) is (reason is None)
    told = why_claims(policy, {"sub": PIA}, None, now).sentence
    assert ("access through Applications on Demand" in told) is (reason is not None), told


def test_others_do_not_learn_who_is_named(world) -> None:
    trace = decide(world.files.load(), person(OPERATOR), NOW).trace
    assert not [each for each in trace if isinstance(each.rule, NamedPerson)]


def test_two_entries_for_one_person_add_up(world) -> None:
    more = f"  - {{subject: {PIA}, identity_provider: egi, projects: {{p3: [reader]}}, valid: {{until: 2026-12-01}}}}\n"
    spoil(world, PEOPLE, PEOPLE + more)
    world.apply()
    assert access(world.files.load()) == [("p3", ("member", "reader"))]
    assert world.holds(Kind.MEMBERSHIP) == [KEY]
    world.now = datetime(2026, 12, 2, tzinfo=UTC)
    world.apply("too-many-removals")
    assert [key for key in world.holds(Kind.ROLE_ASSIGNMENT) if key[1] == GROUP] == [GRANT]


# ---- what stands in Keystone


def test_a_group_its_grants_and_a_lasting_membership_stand_before_the_first_login(settled) -> None:
    assert ("egi", GROUP) in settled.holds(Kind.GROUP)
    assert GRANT in settled.holds(Kind.ROLE_ASSIGNMENT)
    assert settled.holds(Kind.MEMBERSHIP) == [KEY]
    assert settled.actions() == []
    assert not settled.drift().any


def test_whoever_needs_something_is_made_after_it(world) -> None:
    kinds = [change.resource.kind for change in world.plan().changes]
    membership = kinds.index(Kind.MEMBERSHIP)
    assert all(kinds.index(kind) < membership for kind in (Kind.IDENTITY_PROVIDER, Kind.GROUP, Kind.PROTOCOL))


def test_the_mapping_names_them_and_leads_to_no_group(world) -> None:
    policy = world.files.load()
    *_, rule = compile_mapping(policy, policy.site.identity_providers[0], NOW).rules
    assert rule["local"] == [{"user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}}}]
    assert {"type": "OIDC-sub", "any_one_of": [PIA]} in rule["remote"]
    assert {"type": "OIDC-iss", "any_one_of": [ISSUER]} in rule["remote"]
    assert {"type": "OIDC-azp", "any_one_of": ["keystone", "p3idp"]} in rule["remote"]


def test_an_entry_that_goes_takes_membership_grant_and_group(settled) -> None:
    spoil(settled, PEOPLE, "")
    gone = [(change.action, change.resource.kind) for change in settled.plan().changes if change.after is None]
    assert sorted(gone) == [("delete", Kind.GROUP), ("delete", Kind.MEMBERSHIP), ("delete", Kind.ROLE_ASSIGNMENT)]
    assert gone[-1][1] is Kind.GROUP
    settled.apply("too-many-removals")
    assert (settled.holds(Kind.MEMBERSHIP), ("egi", GROUP) in settled.holds(Kind.GROUP)) == ([], False)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    name: Pia Guest\n", "    valid: {until: 2026-11-23}\n"),
        ("title: App", "valid: {until: 2026-11-23}\ntitle: App"),
    ],
    ids=["their own", "their community's"],
)
def test_an_end_that_passes_takes_the_same_at_that_very_moment_and_at_all_doors(world, old, new) -> None:
    spoil(world, old, new)
    world.apply()
    end = datetime(2026, 11, 23, tzinfo=UTC)
    world.now = end - timedelta(microseconds=1)
    assert (world.actions(), access(world.files.load(), world.now)) == ([], [("p3", ("member",))])
    world.now = end
    assert f"delete membership {PIA} of egi is in {GROUP}@egi" in world.actions()
    assert access(world.files.load(), end) == []


def test_who_is_named_in_two_communities_keeps_what_the_one_gives_that_is_not_suspended(settled) -> None:
    other = "title: Other\ncontact: c@x.test\nprojects:\n  q: {}\n" + PEOPLE.replace("p3: [member]", "q: [reader]")
    settled.files.write("communities/other.yaml", other)
    settled.apply()
    spoil(settled, "title: App", "suspended: {since: 2026-11-01}\ntitle: App")
    settled.apply("too-many-removals")
    assert [key[2:] for key in settled.holds(Kind.ROLE_ASSIGNMENT) if key[1] == GROUP] == [
        ("reader", "project", "egi", "q")
    ]
    assert settled.holds(Kind.MEMBERSHIP) == [KEY]
    assert access(settled.files.load()) == [("q", ("reader",))]


def test_a_suspended_community_takes_the_grants_and_leaves_the_group(settled) -> None:
    spoil(settled, "title: App", "suspended: {since: 2026-11-01}\ntitle: App")
    removed = {change.resource.key for change in settled.plan().changes if change.after is None}
    assert GRANT in removed
    assert not {("egi", GROUP), KEY} & removed
    assert access(settled.files.load()) == []


def test_the_same_subject_at_two_providers_is_two_people_with_a_group_each(world) -> None:
    world.files.change("site.yaml", "  egi:\n", f"{HUB}  egi:\n")
    more = f"  - {{subject: {PIA}, identity_provider: hub, projects: {{p3: [reader]}}}}\n"
    spoil(world, PEOPLE, PEOPLE + more)
    world.apply()
    theirs = {key[2]: key[1] for key in world.holds(Kind.MEMBERSHIP)}
    roles = {(key[1], key[2]) for key in world.holds(Kind.ROLE_ASSIGNMENT) if key[1] in theirs.values()}
    assert roles == {(theirs["egi"], "member"), (theirs["hub"], "reader")}
    assert len(roles) == len(world.holds(Kind.MEMBERSHIP)) == len({*theirs.values()}) == 2


def test_somebody_put_into_the_group_by_hand_is_taken_out_of_it(settled) -> None:
    stranger = ("egi", GROUP, "egi", "openid", "mallory@egi.eu")
    settled.put(Kind.MEMBERSHIP, stranger)
    assert settled.actions() == [f"delete membership mallory@egi.eu of egi is in {GROUP}@egi"]
    assert settled.drift().any


def test_a_membership_taken_away_by_hand_is_drift_and_comes_back(settled) -> None:
    del settled.keystone.held[Kind.MEMBERSHIP, KEY]
    assert settled.actions() == [f"create membership {PIA} of egi is in {GROUP}@egi"]
    assert settled.drift().any


def test_a_rollback_brings_them_back_and_stopped_access_by_its_name_alone(settled) -> None:
    spoil(settled, "    name: Pia Guest\n", "    valid: {until: 2026-11-22}\n")
    settled.apply("too-many-removals")
    plan = settled.plan_rollback(1)
    assert ("stopped-access", "vo.access.egi.eu") in [(f.name, f.subject) for f in plan.findings]
    settled.rollback(1, "stopped-access")
    assert settled.holds(Kind.MEMBERSHIP) == [KEY]


def rights(world: AccessWorld) -> set[tuple[str, str]]:
    """(subject, role) of everybody who is in Pia's group."""
    roles = {key[2] for key in world.holds(Kind.ROLE_ASSIGNMENT) if key[1] == GROUP}
    return {(key[4], role) for key in world.holds(Kind.MEMBERSHIP) for role in roles}


def test_at_no_step_has_anybody_what_they_have_neither_before_nor_after(settled) -> None:
    """Somebody was put in by hand, Pia was taken out, and the policy gives another role by now."""
    stranger = ("egi", GROUP, "egi", "openid", "mallory@egi.eu")
    settled.put(Kind.MEMBERSHIP, stranger)
    del settled.keystone.held[Kind.MEMBERSHIP, KEY]
    spoil(settled, PEOPLE, PEOPLE.replace("[member]", "[reader]"))
    changes, before, seen = settled.plan().changes, rights(settled), []
    assert len(changes) == 4
    for change in changes:
        settled.keystone.write(change)
        seen.append(rights(settled))
    after = {(PIA, "reader")}
    assert (before, seen[-1]) == ({("mallory@egi.eu", "member")}, after)
    assert all(step <= before | after for step in seen), seen


# ---- who reaches power


def powers(world: AccessWorld) -> set[str]:
    return {finding.name for finding in world.plan().findings if finding.second_person}


def test_who_is_named_for_admin_or_for_a_protected_project_needs_two_people(world) -> None:
    spoil(world, "    projects: {p3: [member]}\n" + "people", "    projects: {p3: [member]}\npeople")
    world.files.write(FILE, ACCESS + PEOPLE.replace("{p3: [member]}", "{p3: [admin]}"))
    assert powers(world) == {"admin-role"}
    with pytest.raises(SecondPersonNeeded):
        world.apply("admin-role")
    protected = ACCESS.replace("  p3:", "  service: {existing: true}\n  p3:")
    world.put(Kind.PROJECT, ("egi", "service"))
    world.files.write(FILE, protected + PEOPLE.replace("{p3: [member]}", "{service: [member]}"))
    assert powers(world) == {"protected-project"}


def give_power(world: AccessWorld) -> None:
    world.files.write(FILE, ACCESS + PEOPLE.replace("{p3: [member]}", "{p3: [admin, member]}"))
    world.put(Kind.ROLE_ASSIGNMENT, ("egi", GROUP, "admin", "project", "egi", "p3"), "test-site")


@pytest.fixture
def ruling(settled) -> AccessWorld:
    """Pia's group rules over everything, by a policy that says so."""
    give_power(settled)
    assert settled.plan().changes == ()
    return settled


def test_coming_into_a_group_that_has_power_needs_two_people(ruling) -> None:
    del ruling.keystone.held[Kind.MEMBERSHIP, KEY]
    assert powers(ruling) == {"admin-member"}


WIDER = {
    "another issuer": ("site.yaml", f"issuers: [{ISSUER}]", f"issuers: [{ISSUER}, https://more.test]"),
    "another client": ("site.yaml", "[p3idp, keystone]", "[p3idp, keystone, more]"),
    "an audience": ("site.yaml", "    issuing_clients", "    audiences: [cloud]\n    issuing_clients"),
    "another claim for who they are": ("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:"),
}


@pytest.mark.parametrize("change", WIDER.values(), ids=WIDER)
def test_a_wider_way_to_be_taken_for_somebody_who_has_power_needs_two_people(ruling, change) -> None:
    ruling.files.change(*change)
    assert "admin-member" in powers(ruling)


# Rules for Keystone alone: what a rule asks besides subject and issuer, as it stands and as it would be.
SUB, EMAIL, PIA_ALONE = {"type": "OIDC-sub"}, {"type": "OIDC-email"}, {"type": "OIDC-sub", "any_one_of": [PIA]}
ISS, AZP = {"type": "OIDC-iss", "any_one_of": [ISSUER]}, {"type": "OIDC-azp", "any_one_of": ["keystone", "p3idp"]}
AZP_BY_PATTERN = {"type": "OIDC-azp", "any_one_of": [f"{PREAMBLE}p3idp\\Z"], "regex": True}
MAX_ALONE = {"type": "OIDC-sub", "any_one_of": ["max@egi.eu"]}
LOOSENED = {
    "known by another claim that stands first": ([], [EMAIL, SUB, ISS, AZP]),
    "by another claim, of somebody else": ([], [EMAIL, SUB, MAX_ALONE, ISS, AZP]),
    "without a client": ([], [SUB, ISS]),
    "without a client that was a pattern like ours": ([SUB, ISS, AZP_BY_PATTERN], [SUB, ISS]),
    "without a client, where somebody else came without": ([SUB, MAX_ALONE, ISS], [SUB, ISS]),
    "without a client, in capitals": ([], [SUB, {**SUB, "any_one_of": [PIA.upper()]}, ISS]),
    "without a client, by her name": ([SUB, MAX_ALONE, ISS], [SUB, PIA_ALONE, ISS]),
}
HARMLESS = {
    "as narrow as the policy's": ([], [SUB, ISS, AZP]),
    "narrower": ([], [SUB, ISS, {**AZP, "any_one_of": ["p3idp"]}, EMAIL]),
    "somebody else, by any client": ([], [SUB, MAX_ALONE, ISS]),
    "as it was": ([SUB, ISS], [SUB, ISS]),
}


def verbatim(world: AccessWorld, remote: list[dict[str, object]], who: str = "{0}") -> None:
    (world.files.root / "keystone").mkdir(exist_ok=True)
    local = [{"user": {"id": who, "name": who, "domain": {"name": "egi"}}}]
    rules = [{"local": local, "remote": remote}] if remote else []
    world.files.write("keystone/egi.json", json.dumps({"schema_version": "2.0", "rules": rules}))


@pytest.mark.parametrize(
    ("before", "after", "two"),
    [
        *(pytest.param(*sides, True, id=name) for name, sides in LOOSENED.items()),
        *(pytest.param(*sides, False, id=name) for name, sides in HARMLESS.items()),
    ],
)
def test_a_rule_for_keystone_alone_lets_nobody_in_as_somebody_who_has_power(settled, before, after, two) -> None:
    if before:
        verbatim(settled, before)
        settled.apply("verbatim-rules")
    give_power(settled)
    assert powers(settled) == set()
    verbatim(settled, after)
    assert powers(settled) == ({"admin-member"} if two else set())


@pytest.mark.parametrize("who", [PIA, "{1}", "{0}@egi.eu"])
@pytest.mark.parametrize("remote", [[SUB, EMAIL, ISS, AZP], [SUB, MAX_ALONE, EMAIL, ISS, AZP]], ids=["all", "max"])
def test_nor_does_one_that_makes_her_of_something_else(ruling, who, remote) -> None:
    verbatim(ruling, remote, who)
    assert powers(ruling) == {"admin-member"}


def test_nor_does_one_that_made_somebody_else_so_far(settled) -> None:
    verbatim(settled, [SUB, ISS], "max@egi.eu")
    settled.apply("verbatim-rules", "verbatim-people")
    give_power(settled)
    verbatim(settled, [SUB, ISS], PIA)
    assert powers(settled) == {"admin-member"}


def test_opening_a_provider_that_was_suspended_to_somebody_who_has_power_needs_two_people(ruling) -> None:
    shut = ruling.keystone.held[Kind.IDENTITY_PROVIDER, ("egi",)]
    ruling.keystone.put(replace(shut, attributes={**shut.attributes, "enabled": False}))
    assert "admin-member" in powers(ruling)


def test_naming_somebody_else_or_another_rule_needs_nobody_besides(ruling) -> None:
    text = (ruling.files.root / FILE).read_text(encoding="utf-8")
    other = "  - {subject: max@egi.eu, identity_provider: egi, projects: {p3: [reader]}}\n"
    rule = "  - {entitlement: 'urn:mace:egi.eu:group:new', projects: {p3: [reader]}}\npeople:"
    ruling.files.write(FILE, text.replace("people:", rule) + other)
    assert powers(ruling) == set()


def test_the_last_one_who_is_admin_by_name_is_not_taken_away_unseen(ruling) -> None:
    ruling.history, ruling.ledger = MemoryHistory(), MemoryLedger()  # nobody knows that it was given directly
    ruling.files.write(FILE, ACCESS)
    assert "last-admin" in {finding.name for finding in ruling.plan().findings}


# ---- what is written


def test_they_are_written_back_as_they_are_read(world) -> None:
    spoil(world, "    name: Pia Guest\n", "    name: Pia Guest\n    valid: {until: 2026-12-01}\n")
    policy = world.files.load()
    again = NewDirectory().load(NewDirectory().render(policy))
    (one,), (other,) = (next(c.people for c in each.communities if c.people) for each in (policy, again))
    assert replace(one, place=()) == replace(other, place=())
    assert json.dumps(one.subject) == json.dumps(PIA)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (f"subject: {PIA}", "name: x", "stands here twice"),
        (f"  - subject: {PIA}\n   ", "  -", "`subject` is missing"),
        ("    identity_provider: egi\n", "", "`identity_provider` is missing"),
        ("identity_provider: egi", "identity_provider: eggi", "did you mean `egi`?"),
        (PIA, "'pia;max'", "holds a semicolon"),
        (PIA, "'[pia]'", "the beginning of a list"),
        (PIA, "'JSON:pia'", "the beginning of JSON"),
        (PIA, "'pia '", "is no subject"),
        (PIA, "pi\u00e4", "is no subject"),
        (PIA, f"'{'%' * 100}'", "percent-encoded"),
        ("Pia Guest\n    projects: {p3", "Pia\n    projects: {p4", "no project `p4`"),
        ("    name: Pia Guest\n", "    issuing_clients: [x]\n", "no key `issuing_clients` here"),
        ("    name: Pia Guest\n", "    valid: {from: 2027-01-01, until: 2026-01-01}\n", "never holds"),
    ],
)
def test_a_mistake_says_what_was_meant(world, old, new, told) -> None:
    spoil(world, old, new)
    with pytest.raises(PolicyInvalid) as refused:
        world.files.load()
    assert any(told in message for _, _, message in refused.value.places), refused.value.places


def test_two_who_differ_in_capitals_alone_are_refused(world) -> None:
    other = PEOPLE.replace("people:\n", "").replace(PIA, "PIA@egi.eu")
    spoil(world, PEOPLE, PEOPLE + other)
    with pytest.raises(PolicyInvalid, match="only in capitals"):
        world.files.load()


def test_no_rule_may_call_its_group_as_theirs(world) -> None:
    spoil(
        world, "    projects: {p3: [member]}\npeople", f"    group: '{GROUP}'\n    projects: {{p3: [member]}}\npeople"
    )
    with pytest.raises(PolicyInvalid, match="as those of people who are named"):
        world.files.load()
