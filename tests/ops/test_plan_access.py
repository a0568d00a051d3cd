"""What a plan holds, what it never holds, and which dangers it names."""

import hashlib
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import ISSUER, PolicyFiles

from p3idp.core.access.resources import Kind
from p3idp.core.audit.event import canonical
from p3idp.errors.access import FindingsUnaccepted

GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
COURSE_GROUP = ("egi", "training.egi.eu:role=vm_operator")
ACCESS_FILE = "communities/vo.access.egi.eu.yaml"


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    return AccessWorld(PolicyFiles(tmp_path))


@pytest.fixture
def settled(world) -> AccessWorld:
    """The same world with the policy in force."""
    world.apply()
    return world


def grant(group: str, role: str, project: str) -> tuple[str, ...]:
    return ("egi", group, role, "project", "egi", project)


def test_a_first_plan_makes_everything_in_the_order_that_it_is_needed(world):
    kinds = [change.resource.kind for change in world.plan().changes]
    order = [
        Kind.DOMAIN,
        Kind.IDENTITY_PROVIDER,
        Kind.PROJECT,
        Kind.GROUP,
        Kind.ROLE_ASSIGNMENT,
        Kind.MAPPING,
        Kind.PROTOCOL,
    ]
    assert sorted(set(kinds), key=order.index) == list(dict.fromkeys(kinds))
    assert {change.action for change in world.plan().changes} == {"create"}
    assert world.findings() == []


def test_two_plans_of_one_world_are_the_same_to_the_byte(world):
    assert world.plan().digest == world.plan().digest
    assert world.plan().as_json() == world.plan().as_json()


@pytest.mark.parametrize("hours", [-24, 24])
def test_access_does_not_end_because_a_clock_is_off(settled, hours):
    settled.keystone.said_at = settled.now
    assert settled.findings() == []
    settled.keystone.said_at = settled.now + timedelta(hours=hours)
    assert settled.findings() == [("clock-off", "this host")]
    settled.now += timedelta(days=500)  # the training community is over by this clock, and not by Keystone's
    with pytest.raises(FindingsUnaccepted, match="clock-off"):
        settled.apply("too-many-removals")


def test_findings_of_one_name_about_one_thing_have_one_order(world):
    titles = [f"Example {number}" for number in range(8)]
    examples = ", ".join(f"{{title: {title}, claims: {{}}, access: {{p3: [member]}}}}" for title in reversed(titles))
    text = (world.files.root / ACCESS_FILE).read_text(encoding="utf-8")
    world.files.write(ACCESS_FILE, f"{text}examples: [{examples}]\n")
    told = [finding.message.split("“")[1].split("”")[0] for finding in world.plan().findings]
    assert told == titles


def test_the_digest_covers_everything_that_machines_read(settled):
    settled.files.remove("training.egi.eu")
    body = dict(settled.plan().as_json())
    digest = body.pop("digest")
    assert digest == hashlib.sha256(canonical(body).encode()).hexdigest()
    assert body.keys() == {"policy", "target", "changes", "findings"}
    change = body["changes"][-1]
    assert change == {
        "action": "delete",
        "kind": "group",
        "key": list(COURSE_GROUP),
        "name": "training.egi.eu:role=vm_operator@egi",
        "before": {"attributes": {}, "owner": "test-site"},
        "after": None,
    }
    assert [finding.keys() for finding in body["findings"]] == [
        {"name", "subject", "message", "blocking", "acceptable", "second_person"}
    ] * 2


def test_what_the_policy_says_of_a_provider_stands_in_keystones_words(settled):
    held = settled.keystone.held
    provider = held[Kind.IDENTITY_PROVIDER, ("egi",)].attributes
    assert provider == {"authorization_ttl": 480, "domain": "egi", "enabled": True, "issuers": [ISSUER]}  # in minutes
    protocol = held[Kind.PROTOCOL, ("egi", "openid")].attributes
    assert protocol == {"mapping": "p3idp-egi", "remote_id_attribute": "OIDC-iss"}


def test_planning_writes_nothing(world):
    world.plan()
    assert world.keystone.writes == []
    assert world.ledger.kept == []


def test_after_applying_there_is_nothing_left_to_plan(settled):
    assert settled.plan().changes == ()
    assert settled.findings() == []


def test_every_object_that_was_made_carries_the_mark(settled):
    marked = (Kind.IDENTITY_PROVIDER, Kind.PROJECT, Kind.GROUP, Kind.DOMAIN)
    owners = {resource.owner for (kind, _), resource in settled.keystone.held.items() if kind in marked}
    assert owners == {"test-site"}


def test_what_somebody_changed_by_hand_is_put_right(settled):
    mapping = settled.keystone.held[Kind.MAPPING, ("p3idp-egi",)]
    settled.put(Kind.MAPPING, ("p3idp-egi",), rules=mapping.attributes["rules"][1:], schema_version="1.0")
    del settled.keystone.held[Kind.ROLE_ASSIGNMENT, grant(GROUP[1], "member", "p3")]
    assert settled.actions() == [
        "create role_assignment vo.access.egi.eu:role=vm_operator@egi has member on project p3@egi",
        "update mapping p3idp-egi",
    ]


def test_a_community_that_leaves_loses_grants_before_groups_and_keeps_its_project(settled):
    settled.files.remove("training.egi.eu")
    assert settled.actions() == [
        "update mapping p3idp-egi",
        "delete role_assignment training.egi.eu:role=vm_operator@egi has member on project training@egi",
        "delete group training.egi.eu:role=vm_operator@egi",
    ]
    assert settled.findings() == [("too-many-removals", "groups and grants"), ("project-kept", "training@egi")]


def test_a_community_that_is_over_loses_its_grants(settled):
    settled.now = settled.now.replace(year=2028)
    assert "delete group training.egi.eu:role=vm_operator@egi" in settled.actions()


def test_a_rule_that_is_over_loses_its_grants_though_its_community_goes_on(settled):
    settled.files.change(ACCESS_FILE, "    projects: {p3", "    valid: {until: 2026-12-01}\n    projects: {p3")
    assert settled.actions() == []
    settled.now = settled.now.replace(month=12)
    assert settled.actions() == [
        "update mapping p3idp-egi",
        "delete role_assignment vo.access.egi.eu:role=vm_operator@egi has member on project p3@egi",
        "delete group vo.access.egi.eu:role=vm_operator@egi",
    ]


def test_new_grants_come_before_revocations(settled):
    settled.files.change(ACCESS_FILE, "{p3: [member]}", "{p3: [reader]}")
    actions = [action.split(" on ")[0].split()[0::5] for action in settled.actions()]
    assert [action[0] for action in actions] == ["create", "delete"]


def test_what_is_not_ours_stays(settled):
    settled.put(Kind.GROUP, ("egi", "somebody else's"), None)
    settled.put(Kind.ROLE_ASSIGNMENT, grant("somebody else's", "admin", "p3"))
    settled.put(Kind.GROUP, ("egi", "another policy's"), "other-site")
    settled.put(
        Kind.IDENTITY_PROVIDER, ("other",), "other-site", enabled=True, issuers=["https://o.test"], domain="egi"
    )
    assert settled.actions() == []


def test_an_incomplete_directory_plans_no_removals(settled):
    settled.files.remove("training.egi.eu")
    settled.keystone.missing = ("role assignments",)
    assert settled.actions() == ["update mapping p3idp-egi"]
    assert ("incomplete-source", "role assignments") in settled.findings()


def test_a_grant_that_somebody_added_to_an_owned_group_is_removed(settled):
    settled.put(Kind.ROLE_ASSIGNMENT, grant(GROUP[1], "admin", "p3"))
    assert settled.actions() == [
        "delete role_assignment vo.access.egi.eu:role=vm_operator@egi has admin on project p3@egi"
    ]


def test_taking_over_a_group_is_a_finding_and_takes_its_grants_along(world):
    world.put(Kind.DOMAIN, ("egi",))
    world.put(Kind.GROUP, GROUP)
    world.put(Kind.PROJECT, ("egi", "secret"))
    world.put(Kind.ROLE_ASSIGNMENT, grant(GROUP[1], "member", "secret"))
    assert ("foreign-object", "vo.access.egi.eu:role=vm_operator@egi") in world.findings()
    gone = "delete role_assignment vo.access.egi.eu:role=vm_operator@egi has member on project secret@egi"
    actions = world.actions()
    assert actions.index(gone) < actions.index("create mapping p3idp-egi"), "who comes in must not have it for a moment"


@pytest.mark.parametrize(("kind", "key"), [(Kind.PROJECT, ("egi", "p3")), (Kind.IDENTITY_PROVIDER, ("egi",))])
def test_taking_over_anything_says_whose_it_is(world, kind, key):
    world.put(Kind.DOMAIN, ("egi",))
    world.put(kind, key, "other-site", enabled=True, issuers=[], domain="egi", authorization_ttl=480)
    (finding,) = [f for f in world.plan().findings if f.name == "foreign-object"]
    assert "belongs to the policy other-site" in finding.message


def test_a_domain_that_exists_is_used_as_it_is(world):
    world.put(Kind.DOMAIN, ("egi",))
    assert not any("domain" in action for action in world.actions())
    assert world.findings() == []


def test_a_project_that_the_site_has_gets_grants_and_no_mark(world):
    world.files.change(ACCESS_FILE, "{description: Machines}", "{existing: true, domain: Default}")
    assert world.findings() == [("unknown-project", "p3@Default")]
    world.put(Kind.PROJECT, ("Default", "p3"))
    world.apply()
    assert world.keystone.held[Kind.PROJECT, ("Default", "p3")].owner is None
    assert world.findings() == []


def test_an_unknown_role_can_not_be_accepted(world):
    world.files.change(ACCESS_FILE, "[member]", "[membr]")
    (finding,) = world.plan().findings
    assert finding.name == "unknown-role"
    assert "did you mean member?" in finding.message
    assert world.plan().unaccepted(["unknown-role"]) == (finding,)


def test_admin_is_found_through_any_role_that_reaches_it(world):
    world.keystone.roles |= {"operator": ("overlord",), "overlord": ("admin",)}
    world.files.change(ACCESS_FILE, "[member]", "[operator]")
    assert [name for name, _ in world.findings()] == ["admin-role"]


def test_a_protected_project_is_a_finding(world):
    world.files.change(ACCESS_FILE, "p3: {description: Machines}", "service: {}")
    world.files.change(ACCESS_FILE, "{p3: [member]}", "{service: [member]}")
    assert [name for name, _ in world.findings()] == ["protected-project"]


def test_a_new_subject_claim_is_a_finding(settled):
    settled.files.change("site.yaml", "    scopes:", "    claims: {subject: email}\n    scopes:")
    assert settled.findings() == [("changes-user-ids", "egi")]
    assert "known by OIDC-sub now and would be known by OIDC-email" in settled.plan().findings[0].message


def test_a_new_domain_is_a_finding_that_can_not_be_accepted(settled):
    settled.files.change("site.yaml", "domain: egi", "domain: elsewhere")
    (finding,) = [f for f in settled.plan().findings if f.name == "changes-user-ids"]
    assert not finding.acceptable


def test_an_issuer_that_another_provider_has_is_a_finding_that_can_not_be_accepted(world):
    world.put(Kind.IDENTITY_PROVIDER, ("old",), None, issuers=["https://idp.test/auth/realms/egi"], enabled=True)
    (finding,) = world.plan().findings
    assert (finding.name, finding.acceptable) == ("remote-id-taken", False)


def test_a_provider_that_leaves_the_policy_is_disabled_never_deleted(settled):
    hub = "  hub: {title: Hub, issuers: [https://hub.test], scopes: [openid], authorization_ttl: 1h, audiences: [a]}\n"
    settled.files.change("site.yaml", "  egi:\n", f"{hub}  egi:\n")
    settled.apply()
    settled.files.change("site.yaml", hub, "")
    assert settled.actions() == ["update identity_provider hub"]
    assert settled.findings() == [("disables-provider", "hub"), ("protocol-kept", "hub/openid")]
    settled.apply("disables-provider")
    assert settled.keystone.held[Kind.IDENTITY_PROVIDER, ("hub",)].attributes["enabled"] is False
    assert (Kind.PROTOCOL, ("hub", "openid")) in settled.keystone.held
    assert settled.actions() == []


def test_a_provider_without_issuer_is_named_wherever_it_stands(settled):
    settled.put(Kind.IDENTITY_PROVIDER, ("open",), None, issuers=[], enabled=True)
    assert settled.findings() == [("open-provider", "open")]
    settled.put(Kind.IDENTITY_PROVIDER, ("open",), None, issuers=[], enabled=False)
    assert settled.findings() == [], "it lets nobody in"


def test_a_policy_that_names_no_client_says_so_before_it_opens_keystone(world):
    world.files.change("site.yaml", "    issuing_clients: [p3idp, keystone]\n", "")
    assert world.findings() == [("any-client", "egi")]


def test_a_failing_example_stops_the_plan(world):
    world.files.change(
        ACCESS_FILE,
        "    projects: {p3: [member]}\n",
        "    projects: {p3: [member]}\nexamples: [{title: All may, claims: {}, access: {p3: [member]}}]\n",
    )
    (finding,) = world.plan().findings
    assert (finding.name, finding.acceptable) == ("failing-example", False)


def test_more_than_ten_removals_are_a_finding_however_many_there_are(tmp_path):
    rules = "\n".join(
        f"  - {{entitlement: 'urn:mace:egi.eu:group:vo:g{n}', projects: {{p: [member]}}}}" for n in range(300)
    )
    text = f"title: T\ncontact: c\nprojects: {{p: {{}}}}\naccess:\n{rules}\n"
    world = AccessWorld(PolicyFiles(tmp_path, vo=text))
    world.apply("large-mapping")
    world.files.write("communities/vo.yaml", "\n".join(text.splitlines()[:-5]) + "\n")
    assert world.findings() == [], "ten of six hundred"
    world.files.write("communities/vo.yaml", "\n".join(text.splitlines()[:-6]) + "\n")
    assert [name for name, _ in world.findings()] == ["too-many-removals"]
