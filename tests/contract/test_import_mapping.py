"""Taking over an old mapping: what becomes policy, what stays, and that both let in the same people."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from whole_policies import NOW, drawn, groups_decided, logins, policies

from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.policy_files import load_policy
from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.importing import building, replaying, sorting
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.mappings.importing.wanted import Fit, NotUnderstood, wanted
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import Policy
from p3idp.errors.history import DirectoryNotEmpty
from p3idp.errors.importing import ImportDiffers, ImportImpossible, ImportUnreadable
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.import_mapping import MappingImport, MappingImported, asked_keystone, read_mapping

ISSUER = "https://aai.egi.eu/auth/realms/egi"
VO = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
ESCAPED = "^" + VO.replace(".", r"\.") + "$"
Rule = dict


def egi_rule(entitlement: str = VO, *, group: object = "vo users", issuer: str = ISSUER, **more: object) -> Rule:
    """A rule as EGI's manual has it; a text as group is a name in the domain egi."""
    named = {"name": group, "domain": {"name": "egi"}} if isinstance(group, str) else group
    asked = {"type": "OIDC-eduperson_entitlement", "any_one_of": [entitlement]}
    if entitlement.startswith(("^", "\\")) or not entitlement.endswith("#aai.egi.eu"):
        asked["regex"] = True
    user = {"type": "ephemeral", "name": "{0}", "email": "{1}"}
    return {
        "local": [{"user": user, "group": named, **more}],
        "remote": [
            {"type": "HTTP_OIDC_SUB"},
            {"type": "HTTP_OIDC_EMAIL"},
            {"type": "HTTP_OIDC_ISS", "any_one_of": [issuer]},
            asked,
        ],
    }


def altered(number: int, **entry: object) -> Rule:
    """EGI's rule with another entry in `remote`; with the number 4, one more."""
    rule = egi_rule()
    rule["remote"][number : number + 1] = [entry]
    return rule


def imported(*rules: Rule, version: str = "1.0", **choices: object) -> MappingImported:
    told = {"domain": "egi", **choices}
    return MappingImport(NewDirectory(), NO_SEARCH).run(list(rules), version, Choices(**told), NOW)


def codes(done: MappingImported) -> set[str]:
    return {remark.code for remark in done.remarks}


# ---- what the policy can say


def test_egis_own_rule_becomes_a_rule_of_the_policy():
    done = imported(egi_rule(ESCAPED))
    (community,) = done.found.policy.communities
    (rule,) = community.rules
    assert (community.name, rule.group) == ("vo.access.egi.eu", "vo users")
    assert str(rule.entitlement) == VO.removesuffix("#aai.egi.eu")
    (provider,) = done.found.policy.site.identity_providers
    assert (provider.claims.subject, provider.claims.entitlements) == ("sub", ("eduperson_entitlement",))
    assert provider.issuers == (ISSUER,)
    assert done.found.kept == {}
    assert codes(done) >= {"authority-not-compared", "claim-no-longer-asked", "attribute-prefix", "grants-unknown"}
    assert done.replayed.let_in > 10, "the accept-control"
    assert done.replayed.unmet == ()


QUICK = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@QUICK
@given(policies())
def test_a_compiled_policy_comes_back_with_the_same_decisions(policy):
    comes_back(policy)


def comes_back(policy: Policy) -> int:
    """People who are named are in no group by a mapping: it cannot bring them back (import site can)."""
    said, unnamed = 0, replace(policy, communities=tuple(replace(each, people=()) for each in policy.communities))
    for provider in policy.site.identity_providers:
        rules = list(compile_mapping(policy, provider, NOW).rules)
        if "group" not in rules[0]["local"][0]:
            continue
        choices = Choices(str(provider.id), policy.site.domain)
        found = building.import_rules(rules, "2.0", choices)
        again = found.policy
        (its,) = again.site.identity_providers
        replayed = replaying.Replay(
            rules, "2.0", list(compile_mapping(again, its, NOW).rules), found, choices, NO_SEARCH
        ).run()
        assert replayed.differences == ()
        assert replayed.excused == 0, "what p3idp compiled needs no excuse"
        if found.kept:
            continue  # alternatives within one group, some of them needless: they stay, to the letter
        said += len(found.said)
        for login in logins(policy):
            if login.provider == provider and login.is_believed:
                assert groups_decided(again, login) == groups_decided(unnamed, login), login
    return said


def test_most_compiled_rules_do_come_back_as_policy():
    assert sum(comes_back(policy) for policy in drawn(40)) > 12


FITS = {
    "a text": (VO, False, Fit.AUTHORITY),
    "a text between anchors": (ESCAPED, True, Fit.AUTHORITY),
    "an authority of any kind": (ESCAPED.replace(r"#aai\.egi\.eu$", "(#.*)?$"), True, Fit.AUTHORITY),
    "true ends": (rf"\A{ESCAPED[1:-1]}\Z", True, Fit.AUTHORITY),
    "dots that take anything": (f"^{VO}$", True, Fit.ACCEPTS_MORE),
    "no beginning": (ESCAPED[1:], True, Fit.ACCEPTS_MORE),
    "no end": ("^urn:mace:egi\\.eu:group:ops:role=a", True, Fit.ACCEPTS_MORE),
    "a beginning of groups": ("urn:mace:egi.eu:group:ops", True, Fit.ACCEPTS_MORE),
    "a group and all below": (r"^urn:mace:egi\.eu:group:ops(:.*)?(#.*)?$", True, Fit.ACCEPTS_MORE),
    "a group to the letter": ("urn:mace:egi.eu:group:ops", False, Fit.WIDER_IN_POLICY),
    "a group alone": (r"^urn:mace:egi\.eu:group:ops$", True, Fit.WIDER_IN_POLICY),
}


@pytest.mark.parametrize(("entry", "regex", "fit"), FITS.values(), ids=FITS)
def test_an_entry_is_compared_with_the_policys_rule(entry, regex, fit):
    found = wanted(entry, regex=regex)
    assert found.fit is fit
    assert (found.shows != "") is (fit is Fit.ACCEPTS_MORE), "an example login shows what more it accepts"


@pytest.mark.parametrize("entry", ["vm_operator", "(", "^.*:group:ops.*$", "(?i)" + ESCAPED, "urn:x|urn:y"])
def test_what_is_not_understood_is_said(entry):
    with pytest.raises(NotUnderstood):
        wanted(entry, regex=True)


def test_several_entitlements_of_one_rule_become_rules_that_share_the_group():
    rule = egi_rule()
    rule["remote"][3]["any_one_of"].append(VO.replace("vm_operator", "member"))
    done = imported(rule)
    (community,) = done.found.policy.communities
    assert [each.entitlement.role for each in community.rules] == ["vm_operator", "member"]
    assert {each.group for each in community.rules} == {"vo users"}


def test_issuing_clients_audiences_and_assurance_are_taken_over():
    asked = {"type": "OIDC-azp", "any_one_of": ["cli"]}
    level = {"type": "OIDC-eduperson_assurance", "any_one_of": ["high", "medium"]}
    first, second = egi_rule(ESCAPED), egi_rule(ESCAPED.replace("vm_operator", "member"), group="members")
    first["remote"] += [asked, level]
    second["remote"] += [{"type": "OIDC-azp", "any_one_of": ["cli", "web"]}]
    policy = imported(first, second).found.policy
    (provider,) = policy.site.identity_providers
    rules = policy.communities[0].rules
    assert provider.issuing_clients == ("cli", "web")
    assert [(each.issuing_clients, each.assurance) for each in rules] == [(("cli",), ("high", "medium")), ((), ())]


def test_a_rule_that_names_nobody_is_taken_together_with_the_one_that_does():
    everybody, group = egi_rule(), egi_rule()
    del everybody["local"][0]["group"], everybody["remote"][3]
    del group["local"][0]["user"], group["remote"][:3]
    done = imported(everybody, group)
    assert codes(done) >= {"named-by-another-rule", "login-without-access"}
    assert [said.rule.group for said in done.found.said] == ["vo users"]


# ---- what stays as it is

STAYS = {
    "accepts-more": egi_rule(f"^{VO}$"),
    "wider-in-policy": egi_rule(r"^urn:mace:egi\.eu:group:ops$"),
    "not-an-entitlement": egi_rule("^urn:mace:egi\\.eu:vm_operator@ops$"),
    "not-understood": egi_rule(r"^urn:mace:egi\.eu:group:(a|b):role=x$"),
    "selects-values": altered(3, type="OIDC-eduperson_entitlement", whitelist=[VO]),
    "asks-for-absence": altered(4, type="OIDC-azp", not_any_of=["x"]),
    "asks-for-more": altered(4, type="OIDC-country", any_one_of=["DE"]),
    "foreign-attribute": altered(4, type="REMOTE_USER"),
    "group-by-id": egi_rule(group={"id": "0123"}),
    "groups-from-claim": egi_rule(group="{1}"),
    "no-entitlement": altered(3, type="OIDC-eduperson_assurance", any_one_of=["high"]),
    "other-issuers": egi_rule(issuer="https://aai-demo.egi.eu/auth/realms/egi"),
    "other-domain": egi_rule(group={"name": "g", "domain": {"name": "Default"}}),
    "other-claim-names": altered(3, type="OIDC-entitlements", any_one_of=[VO]),
}
USUAL = [egi_rule(ESCAPED.replace("access", f"a{n}"), group=f"g{n}") for n in range(3)]
COUNTRY = [altered(4, type="OIDC-eduperson_assurance", any_one_of=["high"])]


@pytest.mark.parametrize(("code", "rule"), STAYS.items(), ids=STAYS)
def test_what_the_policy_cannot_say_stays_with_a_warning_that_says_why(code, rule):
    done = imported(*USUAL, *COUNTRY, rule)
    number = len(USUAL) + len(COUNTRY)
    (remark,) = [remark for remark in done.remarks if remark.rules == (number,) and remark.kept]
    assert remark.code == code
    assert remark.todo
    assert list(done.found.kept) == [number]
    (verbatim,) = done.found.policy.verbatim
    names = [entry["type"] for entry in verbatim.rules[0]["remote"]]
    assert all(name.startswith("OIDC-") or name == "REMOTE_USER" for name in names), "as p3idp's Apache passes them"
    assert done.replayed.differences == ()
    assert set(done.files) >= {"site.yaml", "keystone/egi.json"}


def test_a_loose_pattern_is_shown_by_a_login_and_tightened_when_told():
    loose = egi_rule("urn:mace:egi.eu:group:ops")
    (remark,) = [remark for remark in imported(loose).remarks if remark.code == "accepts-more"]
    assert remark.login == {"eduperson_entitlement": ("urn:mace:egi.eu:group:ops-evil.example.org",)}
    done = imported(loose, tighten=True)
    assert "tightened" in codes(done)
    assert [str(said.rule.entitlement) for said in done.found.said] == ["urn:mace:egi.eu:group:ops"]


def test_groups_without_a_name_take_it_from_keystone():
    done = imported(egi_rule(group={"id": "0123"}), groups={"0123": ("egi", "old group")})
    assert [said.rule.group for said in done.found.said] == ["old group"]


# ---- what cannot be taken over, and is refused

NAMED = {"name": "{0}", "domain": {"name": "egi"}}
NAMELESS = {**egi_rule(), "local": [{"group": {"id": "1"}}]}
REFUSED = {
    "a broken pattern": ("1.0", egi_rule("^("), "every login that reaches it fails"),
    "projects from a claim": ("3.0", {**egi_rule(), "local": [{"user": NAMED, "projects_json": "{1}"}]}, "schema 2.0"),
    "nobody is named": ("1.0", {**egi_rule(), "local": [{"group": {"id": "1"}}]}, "names nobody"),
    "no field": ("1.0", {**egi_rule(), "local": [{"user": NAMED, "group": {"id": "{7}"}}]}, r"asks for \{7\}"),
    "a user without a domain": ("2.0", egi_rule(), "a user without `domain`"),
    "nothing for anybody": ("1.0", {**egi_rule(), "local": [{"user": NAMED}]}, "No rule gives anything"),
}


def test_a_rule_that_leaves_the_naming_to_several_others_is_refused():
    people = {**egi_rule(), "local": [{"user": NAMED}]}
    with pytest.raises(ImportImpossible, match=r"Rule 2 .* names nobody"):
        imported(egi_rule(), people, NAMELESS)


def test_a_difference_is_an_error_and_nothing_is_written():
    assert (ImportDiffers.exit_status, "Nothing was written" in ImportDiffers.hint) == (1, True)


@pytest.mark.parametrize(("version", "rule", "words"), REFUSED.values(), ids=REFUSED)
def test_what_can_be_taken_over_in_no_form_is_refused(version, rule, words):
    with pytest.raises(ImportImpossible, match=words):
        imported(rule, version=version, issuers=(ISSUER,))


MIXED = {
    "another claim": {"name": "{1}"},
    "a text around it": {"name": "egi-{0}"},
    "local users": {"name": "{0}", "type": "local"},
}


@pytest.mark.parametrize("user", MIXED.values(), ids=MIXED)
def test_where_rules_name_people_differently_none_leaves_its_place(user):
    """The first rule that applies names the person: to compile one before the others would make new people."""
    other = egi_rule(group="others")
    other["local"][0]["user"] = user
    done = imported(other, *USUAL)
    assert "changes-user-ids" in codes(done)
    assert list(done.found.kept) == [0, 1, 2, 3]
    assert done.replayed.let_in > 10


def test_people_known_by_mail_stay_known_by_mail():
    rule = egi_rule()
    rule["local"][0]["user"] = {"name": "{1}"}
    done = imported(rule)
    assert done.found.policy.site.identity_providers[0].claims.subject == "email"
    assert "reassignable-subject" in codes(done)


def test_the_domain_and_the_issuer_are_asked_for_where_nothing_says_them():
    nowhere = egi_rule(group={"id": "1"})
    with pytest.raises(ImportImpossible, match="which Keystone domain"):
        imported(nowhere, domain="")
    del nowhere["remote"][2]
    with pytest.raises(ImportImpossible, match="do not tell for sure which issuer"):
        imported(nowhere)
    assert "issuer-not-asked" in codes(imported(_without_issuer(), issuers=(ISSUER,)))


def _without_issuer() -> Rule:
    rule = egi_rule()
    del rule["remote"][2]
    return rule


DEFECTS = {
    "what differs is not looked at": (sorting, "_fits", lambda real: lambda t, *more: real(t, *more) or True),
    "the role is forgotten": (
        building,
        "join",
        lambda real: lambda terms, common, provider: _wider(real(terms, common, provider)),
    ),
}


def _wider(joined):
    from dataclasses import replace

    rules = tuple(
        (replace(rule, entitlement=replace(rule.entitlement, role=None)), terms) for rule, terms in joined.rules
    )
    return replace(joined, rules=rules)


@pytest.mark.parametrize(("module", "name", "spoil"), DEFECTS.values(), ids=DEFECTS)
def test_a_seeded_defect_is_caught_by_the_replay(monkeypatch, module, name, spoil):
    monkeypatch.setattr(module, name, spoil(getattr(module, name)))
    with pytest.raises(ImportDiffers):
        imported(egi_rule(), egi_rule(issuer="https://demo.test", group="demo"))


# ---- the files


def test_the_files_are_a_policy_once_filled_in_and_say_at_which_line_they_are_not(tmp_path):
    done = imported(egi_rule(ESCAPED), egi_rule(group={"id": "1"}))
    MappingImport(NewDirectory(), NO_SEARCH).write(done, str(tmp_path / "new"))
    with pytest.raises(PolicyInvalid) as refused:
        load_policy(tmp_path / "new")
    file = tmp_path / "new/communities/vo.access.egi.eu.yaml"
    lines = file.read_text(encoding="utf-8").splitlines()
    assert {lines[line - 1].split("#")[0].strip() for _, line, _ in refused.value.places} == {"projects: {}"}
    text = "\n".join(lines).replace("projects: {}", "projects: {p3: {existing: true}}", 1)
    file.write_text(text.replace("    projects: {}", "    projects: {p3: [member]}"), encoding="utf-8")
    assert load_policy(tmp_path / "new").verbatim[0].rules
    file.write_text(file.read_text(encoding="utf-8").replace("access: {}", "access: {p3: [member]}"), encoding="utf-8")
    assert list(failed_examples(load_policy(tmp_path / "new"))) == []


def test_roles_come_from_keystone_where_it_is_asked_and_from_projects_where_a_rule_gives_them():
    keystone = MemoryKeystone()
    provider = {"domain": "egi", "enabled": True, "issuers": [ISSUER], "authorization_ttl": 90}
    for kind, key, attributes in (
        (Kind.DOMAIN, ("egi",), {}),
        (Kind.IDENTITY_PROVIDER, ("egi.eu",), provider),
        (Kind.PROTOCOL, ("egi.eu", "oidc"), {"mapping": "m"}),
        (Kind.GROUP, ("egi", "vo users"), {}),
        (Kind.ROLE_ASSIGNMENT, ("egi", "vo users", "member", "project", "egi", "p3"), {}),
        (Kind.ROLE_ASSIGNMENT, ("egi", "vo users", "reader", "project", "Default", "shared"), {}),
        (Kind.ROLE_ASSIGNMENT, ("egi", "vo users", "reader", "inherited-domain", "egi", ""), {}),
    ):
        keystone.put(Resource(kind, key, attributes, None))
    told = asked_keystone(Choices("egi.eu"), keystone, {"0123": ("egi", "vo users")})
    done = MappingImport(NewDirectory(), NO_SEARCH).run([egi_rule(group={"id": "0123"})], "1.0", told, NOW)
    (provider,) = done.found.policy.site.identity_providers
    assert (provider.protocol, done.found.policy.site.domain) == ("oidc", "egi")
    assert "authorization_ttl: 90m" in done.files["site.yaml"]
    (said,) = done.found.said
    assert [(str(project), roles) for project, roles in said.rule.grants] == [
        ("shared@Default", ("reader",)),
        ("p3@egi", ("member",)),
    ]
    assert list(failed_examples(NewDirectory().load(done.files))) == []
    projects = [{"name": "p4", "roles": [{"name": "member"}]}]
    done = imported(egi_rule(projects=projects))
    assert [(str(project), roles) for project, roles in done.found.said[0].rule.grants] == [("p4@egi", ("member",))]
    assert "direct-roles" in codes(done)


def test_two_projects_of_one_name_are_refused_and_not_half_taken_over():
    roles = {("egi", "vo users"): {("egi", "p3"): ("member",), ("Default", "p3"): ("reader",)}}
    with pytest.raises(ImportImpossible, match=r"two projects of one name: vo users: .* on p3@"):
        imported(egi_rule(), roles=roles)


def test_an_odd_name_of_a_project_is_written_as_it_is():
    done = imported(egi_rule(), roles={("egi", "vo users"): {("egi", "a\x85b"): ("member",)}})
    assert [str(project) for project, _ in done.found.said[0].rule.grants] == ["a\x85b@egi"]


def test_what_keystone_told_is_not_asked_for():
    for minutes, asked in ((90, False), (0, True)):
        (told,) = (each for each in imported(egi_rule(), ttl_minutes=minutes).remarks if each.code == "fill-in")
        assert ("authorization_ttl" in told.todo, "outlives" in told.told) == (asked, asked)


def test_rules_that_give_projects_are_not_parted_for_the_last_one_wins():
    projects = [{"name": "p4", "roles": [{"name": "member"}]}]
    loose, exact = egi_rule(f"^{VO}$", projects=projects), egi_rule(group="other", projects=projects)
    assert list(imported(exact).found.kept) == []
    assert list(imported(loose, exact).found.kept) == [0, 1]


def test_grants_that_no_policy_can_say_are_named():
    roles = {("egi", "vo users"): {("egi", "p3"): ("member",)}}
    done = imported(egi_rule(), roles=roles, unsayable={("egi", "vo users"): ("reader on domain egi",)})
    assert "grants-not-expressible" in codes(done)


def test_a_directory_that_holds_something_is_never_touched(tmp_path):
    (tmp_path / "site.yaml").write_text("mine", encoding="utf-8")
    with pytest.raises(DirectoryNotEmpty):
        MappingImport(NewDirectory(), NO_SEARCH).write(imported(egi_rule()), str(tmp_path))
    assert [file.name for file in tmp_path.iterdir()] == ["site.yaml"]


DATA = Path(__file__).parents[1] / "data"


def test_a_site_with_all_of_egis_communities_is_taken_over_but_for_the_malformed_one():
    catalogue: Mapping[str, str] = yaml.safe_load((DATA / "egi-vo-mappings.yaml").read_text(encoding="utf-8"))["vos"]
    rules = [egi_rule(f"^{text}$", group=f"{vo} users") for vo, text in catalogue.items()]
    done = imported(*rules, tighten=True)
    assert len(rules) == 67
    said = {terms.number for each in done.found.said for terms in each.terms}
    left = [list(catalogue)[number] for number in range(len(rules)) if number not in said]
    assert left == ["vo.imagine-ai.eu"]
    assert done.replayed.let_in > 1000


# ---- reading the file


@pytest.mark.parametrize("form", [lambda r: r, lambda r: {"rules": r}, lambda r: {"mapping": {"rules": r, "id": "x"}}])
def test_a_mapping_is_read_in_every_form_that_keystones_tools_print(form):
    rules, version = read_mapping(json.dumps(form([egi_rule()])).encode())
    assert (rules, version) == ([egi_rule()], "1.0")


UNREADABLE = {
    "no JSON": (b"[{]", "Line 1: not JSON"),
    "a name twice": (b'{"rules": [],\n"rules": []}', "Line 2: not JSON: `rules` stands here twice"),
    "NUL": (b'[\n"\0"]', "Line 2"),
    "a text": (b'"rules"', "no mapping"),
    "another object": (b'{"mappings": []}', "no mapping"),
    "no rules": (b"[]", "must hold at least one rule"),
    "a wrong type": (b'[{"local": [],\n"remote": [\n{"type": 1}]}]', "Line 3"),
    "an unknown version": (b'{"rules": [], "schema_version": "4.0"}', "schema version"),
    "10 MB": (b" " * 10_000_000, "more than"),
    "deep": (b"[" * 100_000, "nested deeper"),
}


@pytest.mark.parametrize(("raw", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_no_mapping_is_refused_by_place_and_at_once(raw, words):
    begin = time.perf_counter()
    with pytest.raises(ImportUnreadable, match=words):
        read_mapping(raw)
    assert time.perf_counter() - begin < 2
