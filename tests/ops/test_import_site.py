"""Taking over a live cloud: what p3idp made comes back whole, what others made is said, and the plan is honest."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from access_world import AccessWorld
from policies import ACCESS, NOW, SITE, TRAINING, PolicyFiles

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.model import Policy, Project
from p3idp.errors.history import DirectoryNotEmpty
from p3idp.errors.importing import ImportDiffers, ImportImpossible
from p3idp.ops import import_site
from p3idp.ops.import_mapping import MappingImport
from p3idp.ops.import_site import Asked, SiteImport, SiteImported

EGI = "https://aai.egi.eu/auth/realms/egi"
VO = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
GROUPS = {"0a1b": ("egi", "vo users"), "2c3d": ("egi", "idle")}


def imported(keystone: MemoryKeystone, *providers: str, domain: str = "", tighten: bool = False) -> SiteImported:
    importer = SiteImport(MappingImport(NewDirectory(), NO_SEARCH), keystone, lambda: GROUPS)
    return importer.run(Asked(providers, domain, tighten), NOW)


def projects(policy: Policy) -> list[Project]:
    return [project for community in policy.communities for project in community.projects]


def names(changes: Any) -> list[str]:
    return [f"{change.action} {change.resource.kind} {change.resource.name}" for change in changes]


# ---- what p3idp made

HUB = """\
  hub:
    title: Hub
    issuers: [https://hub.test/realms/hub]
    scopes: [openid, entitlements]
    authorization_ttl: 30m
    audiences: [keystone]
    claims: {subject: voperson_id, entitlements: [entitlements]}
"""
BOTH = ACCESS.replace("{description: Machines}", "{properties: {egi.VO: vo.access.egi.eu, 'accounting:VO': vo}}")
ONE = TRAINING.replace("    projects: {training", "    identity_providers: [egi]\n    projects: {training")
RULE = """\
  - entitlement: urn:mace:egi.eu:group:{vo}:role=member
    identity_providers: [{provider}]
    group: one
    projects: {{p3: [member]}}
"""
SHARED = (
    ACCESS[: ACCESS.index("  - ")] + RULE.format(vo="a.org", provider="hub") + RULE.format(vo="b.org", provider="egi")
)
NAMED = """\
people:
  - {subject: pia@egi.eu, identity_provider: egi, projects: {p3: [member]}}
  - {subject: pia@egi.eu, identity_provider: hub, projects: {p3: [member, reader]}}
"""
SITES: Mapping[str, tuple[str, dict[str, str]]] = {
    "the test site": (SITE, {"vo.access.egi.eu": ACCESS, "training.egi.eu": TRAINING}),
    "two providers": (SITE + HUB, {"vo.access.egi.eu": BOTH, "training.egi.eu": ONE}),
    "a group that two providers fill otherwise": (SITE + HUB, {"vo.access.egi.eu": SHARED}),
    "people who are named": (SITE + HUB, {"vo.access.egi.eu": BOTH + NAMED, "training.egi.eu": ONE}),
    "a project of the site": (
        SITE,
        {"vo.access.egi.eu": ACCESS.replace("{description: Machines}", "{existing: true, domain: Default}")},
    ),
    "a named group": (
        SITE,
        {"vo.access.egi.eu": ACCESS.replace("    projects: {p3", "    group: old\n    projects: {p3")},
    ),
}


@pytest.mark.parametrize(("site", "communities"), SITES.values(), ids=SITES)
def test_what_p3idp_made_comes_back_and_the_plan_is_empty(tmp_path, site, communities):
    world = AccessWorld(PolicyFiles(tmp_path / "policy", site, **communities))
    world.put(Kind.DOMAIN, ("Default",))
    world.put(Kind.PROJECT, ("Default", "p3"))
    world.apply("any-client", "foreign-object")
    policy = world.files.load()
    done = imported(world.keystone)
    assert done.effects.empty, names(done.effects.others)
    assert done.policy.site.id == "test-site"
    for provider in policy.site.identity_providers:
        assert compile_mapping(done.policy, done.policy.site.provider(provider.id), NOW) == compile_mapping(
            policy, provider, NOW
        ), "to the byte"
    assert {(each.ref, each.existing, each.properties) for each in projects(done.policy)} == {
        (each.ref, each.existing, () if each.existing else tuple(sorted(each.properties))) for each in projects(policy)
    }
    assert {rule.group: rule.grants for rule in done.policy.rules_at(NOW)} == {
        rule.group: rule.grants for rule in policy.rules_at(NOW)
    }


def test_the_plan_command_agrees_that_it_is_empty(tmp_path):
    world = AccessWorld(PolicyFiles(tmp_path / "policy"))
    world.apply()
    draft = NewDirectory()
    draft.write(str(tmp_path / "imported"), imported(world.keystone).files)
    world.files = PolicyFiles.__new__(PolicyFiles)
    world.files.root = tmp_path / "imported"
    plan = world.plan()
    assert plan.changes == ()
    assert not [finding for finding in plan.findings if finding.blocking]
    with pytest.raises(DirectoryNotEmpty):
        draft.write(str(tmp_path / "imported"), {})


# ---- what others made


def egi_rule(entitlement: str = VO, group: Any = None, **more: Any) -> dict[str, Any]:
    """As EGI's manual has it: the group by its id, pasted in."""
    user = {"type": "ephemeral", "name": "{0}", "email": "{1}"}
    return {
        "local": [{"user": user, "group": group or {"id": "0a1b"}, **more}],
        "remote": [
            {"type": "HTTP_OIDC_SUB"},
            {"type": "HTTP_OIDC_EMAIL"},
            {"type": "HTTP_OIDC_ISS", "any_one_of": [EGI]},
            {"type": "OIDC-eduperson_entitlement", "any_one_of": [entitlement]},
        ],
    }


@pytest.fixture
def keystone() -> MemoryKeystone:
    """A site as an operator made it by EGI's manual."""
    made = MemoryKeystone()
    for kind, key, attributes in (
        (Kind.DOMAIN, ("egi",), {}),
        (Kind.PROJECT, ("Default", "vo"), {"egi.VO": "vo.access.egi.eu"}),
        (Kind.GROUP, ("egi", "vo users"), {}),
        (Kind.GROUP, ("egi", "idle"), {}),
        (Kind.ROLE_ASSIGNMENT, ("egi", "vo users", "member", "project", "Default", "vo"), {}),
        (Kind.IDENTITY_PROVIDER, ("egi.eu",),
         {"authorization_ttl": 480, "domain": "egi", "enabled": True, "issuers": [EGI]}),
        (Kind.MAPPING, ("egi-mapping",), {"rules": [egi_rule()], "schema_version": "1.0"}),
        (Kind.PROTOCOL, ("egi.eu", "openid"), {"mapping": "egi-mapping", "remote_id_attribute": None}),
    ):  # fmt: skip
        made.put(Resource(kind, key, attributes))
    return made


def change(keystone: MemoryKeystone, kind: Kind, key: tuple[str, ...], **attributes: Any) -> None:
    old = keystone.held[kind, key]
    keystone.put(Resource(kind, key, {**old.attributes, **attributes}, old.owner))


def rules(keystone: MemoryKeystone, *those: Any, version: str = "1.0") -> None:
    change(keystone, Kind.MAPPING, ("egi-mapping",), rules=list(those), schema_version=version)


def test_a_hand_made_site_is_taken_over_and_nobodys_access_changes(keystone):
    done = imported(keystone)
    assert names(done.effects.taken_over) == [
        "update identity_provider egi.eu",
        "update group vo users@egi",
    ], "finding foreign-object, which an operator accepts"
    assert names(done.effects.moved) == ["create mapping p3idp-egi.eu", "update protocol egi.eu/openid"]
    assert done.effects.others == ()
    assert not done.effects.empty
    (community,) = done.policy.communities
    (project,) = community.projects
    assert (project.existing, str(project.ref)) == (True, "vo@Default"), "its project stays whose it is"
    codes = {remark.code for remark in done.parts["egi.eu"].remarks}
    assert codes >= {"attribute-prefix", "claim-no-longer-asked", "authority-not-compared"}
    assert done.parts["egi.eu"].replayed.let_in > 5, "the accept-control"


KEPT: Mapping[str, tuple[str, Any]] = {
    "a group without a role": ("no-roles", egi_rule(VO.replace("vo.", "idle."), {"id": "2c3d"})),
    "a group that is gone": ("group-by-id", egi_rule(VO.replace("vo.", "gone."), {"id": "ffff"})),
    "a loose pattern": (
        "accepts-more",
        {**egi_rule(), "remote": [*egi_rule()["remote"][:3],
                                  {"type": "OIDC-eduperson_entitlement", "any_one_of": [VO], "regex": True}]},
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "rule"), KEPT.values(), ids=KEPT)
def test_a_rule_that_the_policy_cannot_say_stays_and_its_group_is_left_alone(keystone, code, rule):
    rules(keystone, egi_rule(), rule)
    done = imported(keystone)
    (kept,) = [remark for remark in done.parts["egi.eu"].remarks if remark.kept]
    assert (kept.code, kept.rules) == (code, (1,))
    (verbatim,) = done.policy.verbatim
    assert len(verbatim.rules) == 1
    assert names(done.effects.taken_over) == ["update identity_provider egi.eu", "update group vo users@egi"]
    assert done.effects.others == ()


def test_roles_elsewhere_than_on_a_project_are_not_taken_away(keystone):
    keystone.put(Resource(Kind.ROLE_ASSIGNMENT, ("egi", "vo users", "reader", "domain", "egi", "")))
    rules(keystone, egi_rule(), egi_rule(VO.replace("vo.", "idle."), {"name": "idle", "domain": {"name": "egi"}}))
    keystone.put(Resource(Kind.ROLE_ASSIGNMENT, ("egi", "idle", "member", "project", "Default", "vo")))
    done = imported(keystone)
    assert {remark.code for remark in done.parts["egi.eu"].remarks if remark.kept} == {"roles-elsewhere"}
    assert done.effects.others == (), "were the group p3idp's, the plan would remove what a policy cannot say"


OTHERS: Mapping[str, tuple[tuple[Kind, tuple[str, ...]], dict[str, Any], str]] = {
    "no lifetime of groups": (
        (Kind.IDENTITY_PROVIDER, ("egi.eu",)), {"authorization_ttl": None}, "update identity_provider egi.eu",
    ),
    "another issuer that no rule asks for": (
        (Kind.IDENTITY_PROVIDER, ("egi.eu",)), {"issuers": [EGI, "https://b.test"]}, "update identity_provider egi.eu",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("place", "attributes", "told"), OTHERS.values(), ids=OTHERS)
def test_what_the_plan_would_change_besides_is_said(keystone, place, attributes, told):
    change(keystone, *place, **attributes)
    assert names(imported(keystone).effects.others) == [told]


def with_direct_roles(keystone: MemoryKeystone, project: str) -> None:
    keystone.put(Resource(Kind.PROJECT, ("egi", project)))
    rules(keystone, egi_rule(projects=[{"name": project, "roles": [{"name": "reader"}]}]))


def test_roles_that_rules_gave_directly_are_shown_as_grants_to_come(keystone):
    with_direct_roles(keystone, "own")
    assert names(imported(keystone).effects.others) == [
        "create role_assignment vo users@egi has reader on project own@egi"
    ]


def test_two_projects_of_one_name_are_refused_and_not_half_taken_over(keystone):
    with_direct_roles(keystone, "vo")
    with pytest.raises(ImportImpossible, match=r"two projects of one name: vo users: .* on vo@"):
        imported(keystone)


def test_the_marks_of_another_policy_do_not_make_this_one_its_own(keystone):
    keystone.put(Resource(Kind.PROJECT, ("Default", "theirs"), {}, "production"))
    other_provider(keystone, domain="elsewhere")
    keystone.put(replace(keystone.held[Kind.IDENTITY_PROVIDER, ("other",)], owner="production"))
    done = imported(keystone, "egi.eu")
    assert done.policy.site.id == "egi.eu"
    assert done.effects.others == (), "as production's, the plan would close its other provider"


def test_a_part_of_a_policy_says_what_would_become_of_the_rest(tmp_path):
    site, communities = SITES["two providers"]
    world = AccessWorld(PolicyFiles(tmp_path / "policy", site, **communities))
    world.apply("any-client")
    others = imported(world.keystone, "egi").effects.others
    assert "update identity_provider hub" in names(others), "it would be disabled"


# ---- what stays out, and what is refused


def other_provider(keystone: MemoryKeystone, **attributes: Any) -> None:
    told = {"authorization_ttl": 60, "domain": "egi", "enabled": True, "issuers": ["https://o.test"], **attributes}
    keystone.put(Resource(Kind.IDENTITY_PROVIDER, ("other",), told))


@pytest.mark.parametrize(
    ("attributes", "code"),
    [({"enabled": False}, "left-disabled"), ({}, "left-without-mapping")],
    ids=["a disabled provider", "one without a protocol"],
)
def test_a_provider_that_lets_nobody_in_stays_out(keystone, attributes, code):
    other_provider(keystone, **attributes)
    done = imported(keystone)
    assert [remark.code for remark in done.left] == [code]
    assert [provider.id for provider in done.policy.site.identity_providers] == ["egi.eu"]
    assert not [each for each in done.effects.others if each.resource.key == ("other",)]


def test_a_provider_that_p3idp_disabled_comes_back_suspended(tmp_path):
    """Its groups and grants stand, and leaving it out would have the plan take them away."""
    site, communities = SITES["two providers"]
    files = PolicyFiles(tmp_path / "policy", site, **communities)
    files.change("site.yaml", "    title: Hub\n", "    title: Hub\n    suspended: {since: 2026-11-01}\n")
    world = AccessWorld(files)
    world.apply("any-client")
    done = imported(world.keystone)
    assert done.effects.empty, names(done.effects.others)
    assert {str(each.id): each.suspended is not None for each in done.policy.site.identity_providers} == {
        "egi": False,
        "hub": True,
    }


def test_a_second_protocol_stays_as_it_is(keystone):
    keystone.put(Resource(Kind.PROTOCOL, ("egi.eu", "mapped"), {"mapping": "egi-mapping", "remote_id_attribute": None}))
    done = imported(keystone)
    assert [remark.code for remark in done.left] == ["left-protocol"]
    assert names(done.effects.moved) == ["create mapping p3idp-egi.eu", "update protocol egi.eu/openid"]


def test_providers_in_two_domains_need_a_choice(keystone):
    other_provider(keystone, domain="elsewhere")
    with pytest.raises(ImportImpossible, match="2 domains: egi, elsewhere"):
        imported(keystone)
    assert [remark.code for remark in imported(keystone, domain="egi").left] == ["left-other-domain"]
    assert imported(keystone, "egi.eu").left == ()


def test_a_mapping_that_cannot_be_taken_over_is_named_with_its_provider(keystone):
    broken = egi_rule()
    broken["remote"][3] = {"type": "OIDC-x", "any_one_of": ["("], "regex": True}
    rules(keystone, broken)
    with pytest.raises(ImportImpossible, match=r"egi-mapping of the identity provider egi\.eu: Rule 0"):
        imported(keystone)


@pytest.mark.parametrize("wrong", ["none", "disabled", "unknown"])
def test_an_empty_cloud_is_refused(keystone, wrong):
    if wrong == "disabled":
        change(keystone, Kind.IDENTITY_PROVIDER, ("egi.eu",), enabled=False)
    with pytest.raises(ImportImpossible, match="no enabled identity provider") as refused:
        imported(MemoryKeystone() if wrong == "none" else keystone, *(["nobody"] if wrong == "unknown" else []))
    assert "identity provider list" in refused.value.hint


def test_what_keystone_cuts_short_is_not_taken_over(keystone):
    keystone.missing = ("groups",)
    with pytest.raises(ImportImpossible, match="cut short: groups"):
        imported(keystone)


def test_nothing_is_written_to_keystone(keystone):
    imported(keystone)
    assert keystone.writes == []


def test_a_mapping_that_came_out_otherwise_together_ends_the_import(keystone, monkeypatch):
    monkeypatch.setattr(import_site, "owned", lambda policy, observed: _without_azp(policy))
    with pytest.raises(ImportDiffers, match="another mapping than alone"):
        imported(keystone)


def _without_azp(policy):
    providers = tuple(replace(each, issuing_clients=("x",)) for each in policy.site.identity_providers)
    return replace(policy, site=replace(policy.site, identity_providers=providers))
