"""Rules for Keystone alone: what a policy directory may hold of them, where they go, and what a plan says of them."""

import json
from copy import deepcopy

import pytest
from access_world import AccessWorld
from policies import ISSUER, NOW, OPERATOR, PolicyFiles, person

from p3idp.core.access.resources import Kind
from p3idp.core.keystone_rules import Mapped, compile_rules
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.policy.decide import decide
from p3idp.errors.access import FindingsUnaccepted
from p3idp.errors.policy import PolicyInvalid

FILE = "keystone/egi.json"
ROBOTS = {
    "local": [
        {
            "user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}},
            "group": {"name": "robots", "domain": {"name": "egi"}},
        }
    ],
    "remote": [{"type": "OIDC-sub"}, {"type": "OIDC-iss", "any_one_of": [ISSUER]}, {"type": "OIDC-robot"}],
}
ROBOT = {"OIDC-sub": "r2", "OIDC-iss": ISSUER, "OIDC-azp": "p3idp", "OIDC-robot": "yes"}


@pytest.fixture
def files(tmp_path) -> PolicyFiles:
    (tmp_path / "keystone").mkdir()
    return PolicyFiles(tmp_path)


def put(files: PolicyFiles, *rules: dict, name: str = FILE) -> None:
    files.write(name, json.dumps({"rules": rules}, indent=1))


def changed(**user: object) -> dict:
    """The rule of the robots, with another user; None takes a member away."""
    rule = deepcopy(ROBOTS)
    held = {**rule["local"][0]["user"], **user}
    rule["local"][0]["user"] = {name: value for name, value in held.items() if value is not None}
    return rule


def mistakes(files: PolicyFiles) -> list[tuple[str, int, str]]:
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    return list(refused.value.places)


def mapping(files: PolicyFiles):
    policy = files.load()
    return compile_mapping(policy, policy.site.provider("egi"), NOW)


def test_they_stand_unchanged_after_the_compiled_rules(files):
    alone = mapping(files).rules
    put(files, ROBOTS)
    assert list(mapping(files).rules) == [*alone, ROBOTS]


@pytest.mark.parametrize("form", [{"rules": [ROBOTS]}, {"mapping": {"id": "m", "rules": [ROBOTS], "links": {}}}])
def test_the_object_may_be_wrapped_as_keystone_sends_it(files, form):
    files.write(FILE, json.dumps(form))
    assert mapping(files).rules[-1] == ROBOTS


def test_whom_the_policy_knows_is_named_by_the_policy(files):
    put(files, changed(id="robot {0}"))
    rules = compile_rules(list(mapping(files).rules), "2.0")
    known, robot = (rules.evaluate({**ROBOT, **more}) for more in ({"OIDC-entitlements": OPERATOR}, {}))
    assert isinstance(known, Mapped)
    assert isinstance(robot, Mapped)
    assert (known.user["id"], robot.user["id"]) == ("r2", "robot r2")
    assert {group.name for group in known.groups} == {"vo.access.egi.eu:role=vm_operator", "robots"}


def test_no_decision_knows_them(files):
    put(files, ROBOTS)
    assert decide(files.load(), person(subject="r2"), NOW).access == ()


def test_a_policy_may_consist_of_them(files):
    for community in ("vo.access.egi.eu", "training.egi.eu"):
        files.remove(community)
    put(files, ROBOTS)
    assert list(mapping(files).rules) == [ROBOTS]


def test_the_digest_covers_them(files):
    put(files, ROBOTS)
    before = files.load().digest
    put(files, changed(email="{1}"))
    assert files.load().digest != before


SPOILED = {
    "no JSON": ('{"rules": [\n{]}', 2, "not JSON"),
    "a name given twice": ('{"rules": [],\n"rules": []}', 2, "`rules` stands here twice; the first is on line 1"),
    "the list alone": ("[]", 1, "must be an object with the member `rules`"),
    "no rule": ('{"rules":\n[]}', 1, "must hold at least one rule"),
    "another schema": ('{"rules": [],\n"schema_version": "3.0"}', 2, "schema 2.0 only"),
    "a member that is no member": ('{"rule": 1,\n"rules": []}', 1, "`rule` is not known here"),
    "what Keystone refuses": ('{"rules": [{"local": [],\n"remote": [{"typ": "a"}]}]}', 2, "Keystone would refuse it"),
    "a file of 300 kB": (" " * 300_000, 1, "larger than 256 kB"),
}


@pytest.mark.parametrize(("text", "line", "words"), SPOILED.values(), ids=SPOILED)
def test_a_mistake_names_its_line(files, text, line, words):
    files.write(FILE, text)
    assert any(place[:2] == (FILE, line) and words in place[2] for place in mistakes(files)), mistakes(files)


NOT_SAFE = {
    "nobody is named": (changed(id=None, name=None), "names nobody"),
    "no domain": (changed(domain=None), "has no `domain`"),
    "a field too many": (changed(name="{2}"), "asks for {2}"),
    "a field by name": (changed(name="{email}"), "asks for {email}"),
    "a lone brace": (changed(name="{0"), "cannot be filled in"),
}


@pytest.mark.parametrize(("rule", "words"), NOT_SAFE.values(), ids=NOT_SAFE)
def test_a_rule_that_would_end_logins_in_an_error_is_refused_at_its_line(files, rule, words):
    put(files, ROBOTS, rule)
    ((file, line, told),) = set(mistakes(files))
    text = (files.root / FILE).read_text(encoding="utf-8").splitlines()
    assert (file, text[line - 1]) == (FILE, "  {"), "where the rule begins"
    assert "rule 1" in told
    assert words in told


def test_a_file_of_no_provider_is_refused(files):
    put(files, ROBOTS, name="keystone/other.json")
    assert mistakes(files) == [
        ("keystone/other.json", 1, "this file is not read: rules for Keystone alone are in egi.json")
    ]


def test_new_and_changed_ones_must_be_accepted_by_name_and_are_noted_ever_after(files):
    world = AccessWorld(files)
    put(files, ROBOTS)
    assert world.findings() == [("verbatim-rules", "egi")]
    with pytest.raises(FindingsUnaccepted, match=r"keystone/egi.json:3: new or changed"):
        world.apply()
    world.apply("verbatim-rules")
    assert [(finding.name, finding.blocking) for finding in world.plan().findings] == [("verbatim-rules", False)]
    put(files, ROBOTS, changed(email="{1}"))
    with pytest.raises(FindingsUnaccepted, match="verbatim-rules"):
        world.apply()
    assert world.keystone.held[Kind.MAPPING, ("p3idp-egi",)].attributes["rules"][-1] == ROBOTS


@pytest.mark.parametrize(
    "user", [{"id": "robot {0}"}, {"name": "{1}"}, {"domain": {"name": "Default"}}, {"type": "local"}], ids=str
)
def test_a_rule_that_names_people_otherwise_is_a_finding_of_its_own(files, user):
    world = AccessWorld(files)
    put(files, changed(**user))
    assert ("verbatim-people", "egi") in world.findings()
    with pytest.raises(FindingsUnaccepted, match="verbatim-people"):
        world.apply("verbatim-rules")
