"""What one person cannot accept: every way to admin and to protected projects, and what guards them."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.core.access.plan import Finding
from p3idp.core.access.resources import Kind
from p3idp.core.access.thresholds import Thresholds
from p3idp.errors.access import FindingsUnaccepted
from p3idp.errors.proposals import SecondPersonNeeded

ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
GROUP = "vo.access.egi.eu:role=vm_operator"
ADMIN_GRANT = ("egi", GROUP, "admin", "project", "egi", "p3")
RULES_FILE = "keystone/egi.json"
APPROVERS = "approvers: {identity_provider: egi, subjects: [alice@egi.eu, bob@egi.eu]}\n"


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    """The policy is in force, and somebody gave its group admin: then as now."""
    world = AccessWorld(PolicyFiles(tmp_path))
    world.apply()
    return world


@pytest.fixture
def ruling(world) -> AccessWorld:
    """A world whose group rules over everything, by a policy that says so."""
    world.files.change(ACCESS_FILE, "[member]", "[admin, member]")
    world.put(Kind.ROLE_ASSIGNMENT, ADMIN_GRANT, "test-site")
    assert world.plan().changes == ()
    return world


def second_person(world: AccessWorld) -> set[tuple[str, str]]:
    return {(finding.name, finding.subject) for finding in world.plan().findings if finding.second_person}


def verbatim(world: AccessWorld, *local: dict[str, object]) -> None:
    """A rule for Keystone alone that gives this."""
    (world.files.root / "keystone").mkdir(exist_ok=True)
    user = {"user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}}}
    rule = {"local": [user, *local], "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-x"}]}
    world.files.write(RULES_FILE, json.dumps({"schema_version": "2.0", "rules": [rule]}))


def group(name: str, domain: str = "egi") -> dict[str, object]:
    return {"group": {"name": name, "domain": {"name": domain}}}


@pytest.mark.parametrize("role", ["admin", "overlord", "operator"])
def test_a_grant_of_admin_or_of_what_implies_it_wants_two_people(world, role):
    world.keystone.roles |= {"operator": ("overlord",), "overlord": ("admin",)}
    world.files.change(ACCESS_FILE, "[member]", f"[member, {role}]")
    assert {name for name, _ in second_person(world)} == {"admin-role"}
    with pytest.raises(SecondPersonNeeded) as told:
        world.apply("admin-role")
    assert "p3idp propose --token-file FILE" in told.value.hint


def test_the_site_may_name_more_roles_that_rule(world):
    world.files.change(ACCESS_FILE, "[member]", "[member, reader]")
    assert second_person(world) == set()
    world.keystone.roles |= {"manager": ("reader",)}
    ops = replace(world.ops, limits=Thresholds(powerful_roles=frozenset({"reader"})))
    (finding,) = ops.plan(world.now).findings
    assert (finding.name, finding.second_person) == ("admin-role", True)


@pytest.mark.parametrize("project", ["admin", "service"])
def test_a_grant_on_a_protected_project_wants_two_people(world, project):
    world.files.change(ACCESS_FILE, "p3: {description: Machines}", f"p3: {{description: Machines}}\n  {project}: {{}}")
    world.files.change(ACCESS_FILE, "{p3: [member]}", f"{{p3: [member], {project}: [member]}}")
    assert {name for name, _ in second_person(world)} == {"protected-project"}


def test_a_policy_cannot_unprotect_a_project_and_grant_on_it_in_one_go(world):
    world.files.change("site.yaml", "contact:", "protected_projects: [admin]\ncontact:")
    assert second_person(world) == {("unprotects-project", "service")}
    with pytest.raises(SecondPersonNeeded):
        world.apply("unprotects-project")
    world.files.change(ACCESS_FILE, "p3: {description: Machines}", "p3: {description: Machines}\n  service: {}")
    world.files.change(ACCESS_FILE, "{p3: [member]}", "{p3: [member], service: [member]}")
    assert {name for name, _ in second_person(world)} == {"unprotects-project", "protected-project"}


@pytest.mark.parametrize(
    ("what", "local"),
    [
        ("the group by name", group(GROUP)),
        ("the group in other letters, as MariaDB finds it too", group(GROUP.upper(), "EGI")),
        ("a group that only the login names", {"group": {"name": "{1}", "domain": {"name": "egi"}}}),
        ("a group by id", {"group": {"id": "0123456789abcdef0123456789abcdef"}}),
        ("groups that a claim lists", {"groups": "{1}", "domain": {"name": "egi"}}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_new_rule_that_leads_to_power_wants_two_people(ruling, what, local):
    verbatim(ruling, local)
    assert {name for name, _ in second_person(ruling)} == {"admin-rule"}, what


def test_a_new_rule_to_a_group_without_power_is_accepted_by_name(ruling):
    verbatim(ruling, group("training.egi.eu:role=vm_operator"))
    assert second_person(ruling) == set()
    ruling.apply("verbatim-rules")


@pytest.mark.parametrize(
    ("project", "wanted"),
    [
        ({"name": "p3", "roles": [{"name": "admin"}]}, True),
        ({"name": "service", "roles": [{"name": "member"}]}, True),
        ({"name": "p3", "roles": [{"name": "member"}]}, False),
    ],
)
def test_roles_that_a_rule_gives_without_a_group_count_as_well(world, project, wanted):
    verbatim(world, {"projects": [project]})
    assert (second_person(world) != set()) is wanted


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("issuers: [", "issuers: [https://other.test, "),
        ("issuing_clients: [p3idp, keystone]", "issuing_clients: [p3idp, keystone, other]"),
        ("issuing_clients: [p3idp, keystone]", "audiences: [other]"),
    ],
    ids=["an issuer", "a client", "an audience"],
)
def test_letting_others_in_where_rules_lead_to_power_wants_two_people(ruling, old, new):
    ruling.files.change("site.yaml", old, new)
    assert {name for name, _ in second_person(ruling)} == {"admin-rule"}


def test_another_issuer_in_front_of_a_rule_that_asks_for_none_wants_two_people(world):
    world.put(Kind.GROUP, ("egi", "others"))
    verbatim(world, group("others"))
    world.apply("verbatim-rules")
    world.put(Kind.ROLE_ASSIGNMENT, ("egi", "others", "admin", "project", "egi", "p3"))
    world.files.change("site.yaml", "issuers: [", "issuers: [https://other.test, ")
    assert second_person(world) == {("admin-rule", "p3idp-egi: egi")}


def test_opening_a_provider_again_whose_rules_lead_to_power_wants_two_people(ruling):
    provider = ruling.keystone.held[Kind.IDENTITY_PROVIDER, ("egi",)]
    ruling.keystone.put(replace(provider, attributes={**provider.attributes, "enabled": False}))
    assert second_person(ruling) == {("admin-rule", "p3idp-egi: egi")}


def test_where_nobody_has_power_letting_others_in_is_one_persons_matter(world):
    world.files.change("site.yaml", "issuers: [", "issuers: [https://other.test, ")
    assert second_person(world) == set()


def test_taking_the_last_way_to_admin_away_wants_two_people(ruling):
    ruling.history.kept.clear()  # no earlier apply says that the grant was made by hand
    ruling.files.change(ACCESS_FILE, "[admin, member]", "[member]")
    assert second_person(ruling) == {("last-admin", "admin")}
    with pytest.raises(SecondPersonNeeded):
        ruling.apply("last-admin", "too-many-removals")


def test_one_of_two_ways_to_admin_may_go(ruling):
    ruling.history.kept.clear()
    ruling.put(Kind.GROUP, ("egi", "others"))
    ruling.put(Kind.ROLE_ASSIGNMENT, ("egi", "others", "admin", "project", "egi", "p3"))
    mapping = ruling.keystone.held[Kind.MAPPING, ("p3idp-egi",)]
    rule = {"local": [group("others")], "remote": [{"type": "OIDC-sub"}]}
    ruling.put(Kind.MAPPING, ("theirs",), None, rules=[rule], schema_version="2.0")
    ruling.put(Kind.IDENTITY_PROVIDER, ("theirs",), None, issuers=["https://t.test"], enabled=True, domain="egi")
    ruling.put(Kind.PROTOCOL, ("theirs", "openid"), None, mapping="theirs")
    assert mapping
    ruling.files.change(ACCESS_FILE, "[admin, member]", "[member]")
    assert second_person(ruling) == set()


def test_an_admin_grant_that_somebody_made_by_hand_goes_without_a_second_person(world):
    world.put(Kind.ROLE_ASSIGNMENT, ADMIN_GRANT)
    assert second_person(world) == set()
    world.apply("changed-in-keystone", "too-many-removals")


def test_the_first_approvers_are_accepted_by_name_and_kept_though_nothing_changes_in_keystone(world):
    world.files.write("site.yaml", APPROVERS + (world.files.root / "site.yaml").read_text())
    plan = world.plan()
    assert plan.changes == ()
    assert [(f.name, f.second_person) for f in plan.findings] == [("changes-approvers", False)]
    with pytest.raises(FindingsUnaccepted):
        world.apply()
    assert world.apply("changes-approvers").number == 2
    assert world.findings() == []
    assert world.apply().number is None, "and once is enough"
    world.files.change("site.yaml", "bob@egi.eu", "eve@egi.eu")
    assert second_person(world) == {("changes-approvers", "approvers")}


def test_thresholds_come_from_the_settings(world):
    world.files.remove("training.egi.eu")
    (finding,) = [f for f in world.plan().findings if f.blocking]
    assert finding == Finding(
        "too-many-removals", "groups and grants", "2 of 4 groups and grants would go (more than 10, or 5 %)."
    )
    assert [f for f in planned(world, Thresholds(2, 50)) if f.blocking] == []
    assert [f.name for f in planned(world, Thresholds(1, 100)) if f.blocking] == ["too-many-removals"]
    assert [f.name for f in planned(world, Thresholds(100, 49)) if f.blocking] == ["too-many-removals"]


def test_how_far_clocks_may_be_apart_comes_from_the_settings(world):
    world.keystone.said_at = world.now + timedelta(seconds=90)
    assert planned(world, Thresholds()) == ()
    assert [f.name for f in planned(world, Thresholds(max_clock_difference=timedelta(minutes=1)))] == ["clock-off"]


def planned(world: AccessWorld, limits: Thresholds) -> tuple[Finding, ...]:
    return replace(world.ops, limits=limits).plan(world.now).findings
