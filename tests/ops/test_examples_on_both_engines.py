"""A policy's examples are tests: they hold by the policy and at Keystone's own door, or they fail with their line."""

import json
from dataclasses import replace

import pytest
from policies import ACCESS, ISSUER, OPERATOR, SITE, SUBSTANTIAL, TRAINEE, TRAINING, PolicyFiles

from p3idp.core.keystone_rules import NO_SEARCH
from p3idp.core.mappings import door
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.model import Policy
from p3idp.ops.examples import ExampleReport, report_examples

FILE = "communities/vo.access.egi.eu.yaml"


def example(claims: dict[str, object], access: str = "{}", more: str = "") -> str:
    return f"  - title: One\n    claims: {json.dumps(claims)}\n    access: {access}\n{more}"


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    return PolicyFiles(tmp_path)


def carried(files: PolicyFiles, *examples: str, site: str = SITE) -> Policy:
    files.write("site.yaml", site)
    files.write(FILE, f"{ACCESS}examples:\n{''.join(examples)}")
    return files.load()


def one(files: PolicyFiles, text: str, site: str = SITE) -> ExampleReport:
    (report,) = report_examples(carried(files, text, site=site), NO_SEARCH)
    return report


HOLD = {
    "the right entitlement": example({"entitlements": [OPERATOR]}, "{p3: [member]}"),
    "another one": example({"entitlements": "urn:x"}),
    "no claims at all": example({}),
    "a project named for nothing": example({}, "{p3: []}"),
    "another client": example({"azp": "other", "entitlements": OPERATOR}),
    "another issuer": example({"iss": "https://evil.test", "entitlements": OPERATOR}),
    "both alias claims": example({"entitlements": "urn:x", "eduperson_entitlement": OPERATOR}, "{p3: [member]}"),
    "a community's own span does not count": example(
        {"entitlements": TRAINEE, "eduperson_assurance": SUBSTANTIAL}, "{training: [member]}"
    ),
    "at a moment it does": example(
        {"entitlements": TRAINEE, "eduperson_assurance": SUBSTANTIAL}, more="    at: 2028-01-01\n"
    ),
    "a value that Keystone would split": example({"entitlements": f"x;{OPERATOR}"}),
}


@pytest.mark.parametrize("text", HOLD.values(), ids=HOLD)
def test_an_example_that_holds_holds_on_both_engines(files, text):
    report = one(files, text)
    assert (report.holds, report.at_keystone, report.tried.problem) == (True, "", "")


FAIL = {
    "too much is expected": (example({}, "{p3: [member]}"), "expects member on p3@egi, but gets nothing"),
    "too little is": (example({"entitlements": OPERATOR}), "expects nothing, but gets member on p3@egi"),
    "another role is": (
        example({"entitlements": OPERATOR}, "{p3: [reader]}"),
        "expects reader on p3@egi, but gets memb",
    ),
    "a refusal says why": (
        example({"entitlements": [OPERATOR, "a;b"]}, "{p3: [member]}"),
        "but gets nothing: the claim entitlements or eduperson_entitlement holds a semicolon",
    ),
    "too long a value": (
        example({"entitlements": "u" * 3000}),
        "Value 1 of the claim entitlements has 3,000 characters",
    ),
    "too many values": (example({"entitlements": ["u"] * 1001}), "The claim entitlements has 1,001 values"),
    "two subjects": (example({"sub": ["a", "b"]}), "The claim sub has 2 values; it can have one."),
    "two issuers": (example({"iss": [ISSUER, ISSUER]}), "The claim iss has 2 values"),
    "too long a client": (example({"azp": "u" * 3000}), "Value 1 of the claim azp has 3,000 characters"),
}


@pytest.mark.parametrize(("text", "says"), FAIL.values(), ids=FAIL)
def test_an_example_that_fails_says_so_at_its_line(files, text, says):
    tried = one(files, text).tried
    assert not tried.holds
    assert tried.message.startswith(f"{FILE}:9: “One” ")
    assert says in tried.message


def test_an_example_without_client_is_one_of_ours_whatever_the_site_lists(files):
    listed = SITE.replace("    issuing_clients: [p3idp, keystone]\n", "    audiences: [cloud]\n")
    assert one(files, example({"entitlements": OPERATOR}, "{p3: [member]}"), listed).holds
    assert one(files, example({"entitlements": OPERATOR, "aud": "other"}), listed).at_keystone == (
        "gets member on p3@egi from the policy, but nothing at Keystone's own door"
    )


def test_keystone_reads_no_client_id_so_an_example_with_it_alone_differs_at_its_door(files):
    report = one(files, example({"client_id": "p3idp", "entitlements": OPERATOR}, "{p3: [member]}"))
    assert report.tried.holds
    assert report.at_keystone == "gets member on p3@egi from the policy, but nothing at Keystone's own door"
    assert not report.holds


def test_a_claim_that_only_keystone_looks_at_fails_where_it_cannot_be_asked(files):
    report = one(files, example({"groups": "g" * 3000}))
    assert report.at_keystone.startswith("cannot be asked of Keystone: Value 1 of the claim groups has 3,000")


def test_a_seeded_defect_of_the_compiler_is_a_difference(files, monkeypatch):
    """A pattern that is not anchored at its end, so that a longer role opens the door too."""
    policy = carried(files, example({"entitlements": OPERATOR.replace("operator", "operators")}))
    assert report_examples(policy, NO_SEARCH)[0].holds
    monkeypatch.setattr(
        "p3idp.core.mappings.compile.keystone_pattern",
        lambda wanted: keystone_pattern(wanted).replace(r"(?:#", r".*(?:#"),
    )
    (report,) = report_examples(policy, NO_SEARCH)
    assert report.at_keystone == "gets nothing from the policy, but member on p3@egi at Keystone's own door"


def test_a_failure_of_keystones_engine_is_a_difference(files, monkeypatch):
    """A mapping on which Keystone fails at login is no mapping on which nobody gets in."""

    def spoilt(*asked):
        mapping = compile_mapping(*asked)
        return replace(mapping, rules=[{**rule, "local": [{"user": {"name": "{7}"}}]} for rule in mapping.rules])

    monkeypatch.setattr(door, "compile_mapping", spoilt)
    report = one(files, example({"entitlements": OPERATOR}, "{p3: [member]}"))
    assert report.at_keystone.startswith("gets no answer at Keystone's own door: ")


def test_a_suspended_communitys_examples_say_what_holds_once_it_is_back(files):
    files.write("communities/training.egi.eu.yaml", f"{TRAINING}suspended: {{since: 2026-11-01}}\n")
    trainee = {"entitlements": TRAINEE, "eduperson_assurance": SUBSTANTIAL}
    assert one(files, example(trainee, "{training: [member]}")).holds
    assert one(files, example(trainee, "{training: [member]}", "    at: 2027-01-01\n")).holds


def test_verbatim_rules_that_open_more_are_a_difference(files):
    """They are written on purpose, but the example would not hold at Keystone's own door."""
    group = {"name": "vo.access.egi.eu:role=vm_operator", "domain": {"name": "egi"}}
    local = [{"user": {"name": "{0}", "id": "{0}", "domain": {"name": "egi"}}, "group": group}]
    remote = [{"type": "OIDC-sub"}, {"type": "OIDC-entitlements", "any_one_of": ["urn:x"]}]
    (files.root / "keystone").mkdir()
    files.write("keystone/egi.json", json.dumps({"rules": [{"local": local, "remote": remote}]}))
    assert one(files, example({"entitlements": "urn:y"})).holds
    report = one(files, example({"entitlements": "urn:x"}))
    assert report.tried.holds
    assert report.at_keystone == "gets nothing from the policy, but member on p3@egi at Keystone's own door"


def test_projects_that_verbatim_rules_give_directly_are_a_difference(files):
    projects = [{"name": "p3", "roles": [{"name": "reader"}]}]
    local = [{"user": {"name": "{0}", "id": "{0}", "domain": {"name": "egi"}}, "projects": projects}]
    (files.root / "keystone").mkdir()
    files.write("keystone/egi.json", json.dumps({"rules": [{"local": local, "remote": [{"type": "OIDC-sub"}]}]}))
    report = one(files, example({"entitlements": OPERATOR}, "{p3: [member]}"))
    assert report.at_keystone.endswith("but member+reader on p3@egi at Keystone's own door")


def test_a_group_of_the_same_name_in_another_domain_gives_nothing_at_keystones_door(files):
    group = {"name": "vo.access.egi.eu:role=vm_operator", "domain": {"name": "elsewhere"}}
    local = [{"user": {"name": "{0}", "id": "{0}", "domain": {"name": "egi"}}, "group": group}]
    remote = [{"type": "OIDC-sub"}, {"type": "OIDC-entitlements", "any_one_of": ["urn:x"]}]
    (files.root / "keystone").mkdir()
    files.write("keystone/egi.json", json.dumps({"rules": [{"local": local, "remote": remote}]}))
    assert one(files, example({"entitlements": "urn:x"})).holds


def test_of_rules_that_share_a_group_only_those_that_hold_give_at_keystones_door(files):
    over = "  - entitlement: urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator\n    valid: {until: 2026-01-01}\n"
    files.write("communities/other.yaml", ACCESS.replace("  p3: {d", "  q: {d").replace("{p3: [m", "{q: [m"))
    files.change("communities/other.yaml", ACCESS[ACCESS.index("  - ent") : ACCESS.index("    projects: {p3")], over)
    assert one(files, example({"entitlements": OPERATOR}, "{p3: [member]}", "    at: 2026-06-01\n")).holds
    assert one(files, example({"entitlements": OPERATOR}, "{p3: [member], q: [member]}")).holds
