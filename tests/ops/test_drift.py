"""Which differences are a new policy, which a direct change in Keystone, and that neither is silently overwritten."""

from dataclasses import replace
from datetime import timedelta

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.core.access.drift import SCHEMA_VERSION_RESET, Cause
from p3idp.core.access.resources import Kind
from p3idp.errors.access import FindingsUnaccepted, LedgerUnavailable
from p3idp.errors.keystone import KeystoneUnreachable

GROUP = ("egi", "vo.access.egi.eu:role=vm_operator")
ACCESS_FILE = "communities/vo.access.egi.eu.yaml"
MAPPING = (Kind.MAPPING, ("p3idp-egi",))
GRANT = (Kind.ROLE_ASSIGNMENT, (*GROUP, "member", "project", "egi", "p3"))
RULE = {
    "local": [{"group": {"name": "ops", "domain": {"name": "egi"}}}],
    "remote": [{"type": "OIDC-sub"}],
}


@pytest.fixture
def world(tmp_path) -> AccessWorld:
    """A site whose policy is in force."""
    world = AccessWorld(PolicyFiles(tmp_path))
    world.apply()
    world.now += timedelta(hours=1)
    return world


def change(world: AccessWorld, place, **attributes: object) -> None:
    """Change something as an administrator with the openstack command does."""
    there = world.keystone.held[place]
    world.keystone.held[place] = replace(there, attributes={**there.attributes, **attributes})


def rules(world: AccessWorld) -> list:
    return list(world.keystone.held[MAPPING].attributes["rules"])


def drifted(world: AccessWorld) -> list[tuple[str, str, Cause]]:
    return [(each.change.resource.kind.value, each.attribute, each.cause) for each in world.drift().differences]


def remove_grant(world):
    del world.keystone.held[GRANT]


def add_grant(world):
    key = (*GROUP, "admin", "project", "egi", "p3")
    world.put(Kind.ROLE_ASSIGNMENT, key, "test-site")


def disable_provider(world):
    change(world, (Kind.IDENTITY_PROVIDER, ("egi",)), enabled=False)


def point_protocol_elsewhere(world):
    change(world, (Kind.PROTOCOL, ("egi", "openid")), mapping="another")


def edit_rules(world):
    change(world, MAPPING, rules=[*rules(world), RULE])


def edit_rules_without_version(world):
    change(world, MAPPING, rules=rules(world), schema_version="1.0")


def reorder_rules(world):
    change(world, MAPPING, rules=rules(world)[::-1])


DIRECT = {
    "a grant was removed": (remove_grant, [("role_assignment", "")]),
    "a grant was added": (add_grant, [("role_assignment", "")]),
    "a provider was disabled": (disable_provider, [("identity_provider", "enabled")]),
    "a protocol points elsewhere": (point_protocol_elsewhere, [("protocol", "mapping")]),
    "a rule was added": (edit_rules, [("mapping", "rules")]),
    "the version was left out": (edit_rules_without_version, [("mapping", "schema_version")]),
    "rules in another order": (reorder_rules, [("mapping", "rules")]),
}


def test_right_after_an_apply_nothing_differs(world):
    drift = world.drift()
    assert not drift.any
    assert drift.seen == (1, world.now - timedelta(hours=1))


@pytest.mark.parametrize(("by_hand", "expected"), DIRECT.values(), ids=DIRECT)
def test_what_was_changed_directly_is_named_and_applying_over_it_wants_its_name(world, by_hand, expected):
    by_hand(world)
    assert drifted(world) == [(*each, Cause.KEYSTONE) for each in expected]
    world.keystone.writes.clear()
    with pytest.raises(
        FindingsUnaccepted, match=r"changed-in-keystone: The .* was .* directly in Keystone since apply 1"
    ):
        world.apply("too-many-removals")
    assert world.keystone.writes == []
    world.apply("too-many-removals", "changed-in-keystone")
    assert not world.drift().any


def pending_community(world):
    world.files.remove("training.egi.eu")


def pending_role(world):
    world.files.change(ACCESS_FILE, "[member]", "[reader]")


def pending_time(world):
    world.now += timedelta(days=500)  # training is over then


def pending_ttl(world):
    world.files.change("site.yaml", "authorization_ttl: 8h", "authorization_ttl: 4h")


@pytest.mark.parametrize("edit", [pending_community, pending_role, pending_time, pending_ttl])
def test_what_the_policy_says_anew_is_pending_and_nobody_elses_doing(world, edit):
    edit(world)
    assert {cause for _, _, cause in drifted(world)} == {Cause.POLICY}
    assert "changed-in-keystone" not in {name for name, _ in world.findings()}


def test_a_rule_that_both_sides_changed_is_a_conflict_and_each_rule_says_whose(world):
    pending_community(world)
    edit_rules(world)
    (mapping,) = [each for each in world.drift().differences if each.attribute == "rules"]
    assert mapping.cause is Cause.BOTH
    told = {(rule.what, cause) for rule, cause in mapping.rules}
    assert told == {("added", Cause.KEYSTONE), ("added", Cause.POLICY)}, (
        "training's rules are not in the policy any more"
    )
    assert ("changed-in-keystone", "p3idp-egi") in world.findings()


def test_an_attribute_that_both_sides_changed_is_a_conflict(world):
    pending_ttl(world)
    change(world, (Kind.IDENTITY_PROVIDER, ("egi",)), authorization_ttl=1)
    assert drifted(world) == [("identity_provider", "authorization_ttl", Cause.BOTH)]


def test_a_changed_and_a_lost_rule_are_told_apart(world):
    kept = rules(world)
    edited = {**kept[0], "remote": kept[0]["remote"][:1]}
    change(world, MAPPING, rules=[edited, *kept[2:]])
    (mapping,) = world.drift().differences
    assert sorted((rule.what, cause.value) for rule, cause in mapping.rules) == [
        ("changed", "keystone"),
        ("gone", "keystone"),
    ]
    (finding,) = [f for f in world.plan().findings if f.name == "changed-in-keystone"]
    assert "1 rule changed, 1 rule gone" in finding.message


def test_the_trap_of_mapping_set_is_named_as_such(world):
    edit_rules_without_version(world)
    assert [each.trap for each in world.drift().differences] == [SCHEMA_VERSION_RESET]
    (finding,) = world.plan().findings
    assert "`openstack mapping set` or Horizon" in finding.message


def test_drift_says_when_and_by_which_account_p3idp_last_wrote_what_differs(world):
    remove_grant(world)
    drift = world.drift()
    written = drift.written[GRANT]
    assert (written.account, written.record) == ("p3idp-account", "memory/2")
    assert drift.written.keys() == {GRANT}


def test_a_foreign_object_is_listed_and_left_alone(world):
    world.put(Kind.GROUP, ("egi", "somebody else's"))
    world.put(Kind.PROJECT, ("egi", "theirs"), "other-site")
    world.put(Kind.PROTOCOL, ("egi", "saml2"), None, mapping="x")
    world.put(Kind.GROUP, ("another domain", "theirs"))
    world.put(Kind.IDENTITY_PROVIDER, ("x",), None, domain="another domain", issuers=["https://x.test"], enabled=True)
    drift = world.drift()
    assert [(r.kind.value, r.name) for r in drift.foreign] == [
        ("group", "somebody else's@egi"),
        ("project", "theirs@egi"),
        ("protocol", "egi/saml2"),
    ]
    assert not drift.any
    assert world.plan().changes == ()


def test_a_mark_that_was_taken_off_makes_a_group_foreign_and_drift_says_so(world):
    place = (Kind.GROUP, GROUP)
    world.keystone.held[place] = replace(world.keystone.held[place], owner=None)
    assert drifted(world) == [("group", "owner", Cause.KEYSTONE)]
    assert [name for name, _ in world.findings()] == ["foreign-object"]


def test_what_was_there_before_p3idp_is_no_direct_change(tmp_path):
    world = AccessWorld(PolicyFiles(tmp_path))
    world.put(Kind.DOMAIN, ("egi",))
    world.put(Kind.GROUP, GROUP)
    world.put(Kind.ROLE_ASSIGNMENT, (*GROUP, "reader", "project", "egi", "p3"))
    assert {name for name, _ in world.findings()} <= {"foreign-object", "too-many-removals"}
    world.files.remove("vo.access.egi.eu")
    world.apply()
    world.files.write(ACCESS_FILE, PolicyFiles(tmp_path / "again").root.joinpath(ACCESS_FILE).read_text())
    assert ("foreign-object", "vo.access.egi.eu:role=vm_operator@egi") in world.findings()
    assert "changed-in-keystone" not in {name for name, _ in world.findings()}


def test_what_p3idp_has_no_record_of_is_said_to_be_unknown(world):
    world.history.kept.clear()
    remove_grant(world)
    change(world, (Kind.IDENTITY_PROVIDER, ("egi",)), authorization_ttl=1)
    assert drifted(world) == [
        ("identity_provider", "authorization_ttl", Cause.UNKNOWN),
        ("role_assignment", "", Cause.POLICY),
    ]


def test_a_list_that_was_cut_short_is_no_clean_bill(world):
    world.keystone.missing = ("role assignments",)
    assert world.drift().any


def test_the_changes_of_a_killed_run_are_its_own_and_not_somebodys(world, monkeypatch):
    pending_role(world)
    write = MemoryKeystone.write
    with monkeypatch.context() as going:
        going.setattr(MemoryKeystone, "write", lambda self, c: write(self, c) if c.after else gone())
        with pytest.raises(KeystoneUnreachable):
            world.apply("too-many-removals")
    world.now += timedelta(hours=1)
    assert {name for name, _ in world.findings()} == {"too-many-removals"}
    assert {cause for _, _, cause in drifted(world)} == {Cause.POLICY}


def gone() -> None:
    raise KeystoneUnreachable("Keystone cannot be reached.")


def test_many_of_a_kind_are_counted_instead_of_listed(tmp_path):
    access = "\n".join(
        f"  - {{entitlement: 'urn:mace:egi.eu:group:vo:g{n}', projects: {{p: [member]}}}}" for n in range(9)
    )
    world = AccessWorld(PolicyFiles(tmp_path, vo=f"title: T\ncontact: c\nprojects: {{p: {{}}}}\naccess:\n{access}\n"))
    world.apply()
    for place in [each for each in world.keystone.held if each[0] is Kind.ROLE_ASSIGNMENT]:
        del world.keystone.held[place]
    assert world.findings() == [("changed-in-keystone", "9 role assignments")]


def test_a_history_that_was_changed_is_not_believed_and_says_so(world):
    kept = world.history.kept[1]
    world.history.kept[1] = replace(kept, left=kept.left.replace("p3", "p4"))
    remove_grant(world)
    assert world.findings() == [("history-damaged", "history")]
    with pytest.raises(FindingsUnaccepted, match="was changed after it was kept"):
        world.apply()


def test_a_plan_can_be_reviewed_where_the_database_cannot_be_read(world, monkeypatch):
    def unavailable(*_: object) -> None:
        raise LedgerUnavailable("The database cannot be opened.")

    remove_grant(world)
    monkeypatch.setattr(type(world.history), "latest", unavailable)
    assert len(world.plan().changes) == 1
    assert world.findings() == [("history-unavailable", "history")]
    with pytest.raises(FindingsUnaccepted, match="cannot tell what was changed directly"):
        world.apply()


def test_a_rule_that_stands_twice_is_seen(world):
    change(world, MAPPING, rules=[*rules(world), rules(world)[0]])
    (mapping,) = world.drift().differences
    assert [(rule.what, rule.keystone, cause) for rule, cause in mapping.rules] == [
        ("added", rules(world)[0], Cause.KEYSTONE)
    ]
