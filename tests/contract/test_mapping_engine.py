"""Both engines give the same access: the policy's decision, and Keystone's own engine on the compiled mapping."""

import random

import pytest
from asked_keystone import AskedKeystone
from policies import ISSUER, NOW, OPERATOR, SUBSTANTIAL, TRAINEE, PolicyFiles
from whole_policies import drawn, groups_decided, logins

from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.claims import GivenClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Granted
from p3idp.core.policy.model import Policy, ProviderId
from p3idp.lab.servers.keystone import VENV

COURSES = """\
  - entitlement: urn:mace:egi.eu:group:training.egi.eu
    projects: {training: [reader]}
  - entitlement: urn:mace:egi.eu:group:lab%2Fcourse:role=K%C3%A4fer
    projects: {training: [member]}
"""
ENTITLEMENTS = [
    OPERATOR,
    TRAINEE,
    OPERATOR.replace("egi.eu:group", "EGI.eu:GROUP"),
    OPERATOR.replace("vo.access", "voxaccess"),
    OPERATOR.split("#")[0],
    OPERATOR + "\n",
    "x" + OPERATOR,
    "urn:mace:egi.eu:group:training.egi.eu:course:role=member#aai.egi.eu",
    "urn:mace:egi.eu:group:training.egi.eu-evil.example.org",
    "urn:mace:egi.eu:group:lab%2fcourse:role=K%c3%a4fer",
    "urn:mace:egi.eu:group:lab%2Fcourse:role=K%C3%A4fer#x:y?z",
    "urn:mace:egi.eu:group:lab/course:role=K\u00e4fer",
    "urn:mace:egi.eu:group:training.egi.eu:K\u00e4fer",
    "urn:mace:egi.eu:group:training.egi.eu?+x",
    "urn:mace:egi.eu: group:vo.access.egi.eu:role=vm_operator#aai.egi.eu",
    "vm_operator",
    "name",
    "",
]
STRANGE = [f"{OPERATOR};{TRAINEE}", f"['{OPERATOR}']", "['admins']", 'JSON:{"name": "admins"}']


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Policy:
    files = PolicyFiles(tmp_path_factory.mktemp("policy"))
    text = (files.root / "communities/training.egi.eu.yaml").read_text(encoding="utf-8")
    files.write("communities/training.egi.eu.yaml", text + COURSES)
    return files.load()


def person(dice: random.Random, values: list[str]) -> tuple[GivenClaims, dict[str, str]]:
    """The same person as typed claims, and as Apache hands them to Keystone: lists joined by a semicolon."""
    old, new = (tuple(dice.sample(values, dice.randrange(4))) for _ in range(2))
    assurance = dice.choice([(), (SUBSTANTIAL,), ("https://aai.egi.eu/LoA#Low",), ("x", SUBSTANTIAL)])
    client = dice.choice(["p3idp", "keystone", "other-service", ""])
    issuer = dice.choice([ISSUER, ISSUER, ISSUER, "https://evil.test"])
    subject = dice.choice(["someone@egi.eu", "someone@egi.eu", "name@sram.surf.nl", "{0.__class__}", ""])
    claims = GivenClaims(ProviderId("egi"), issuer, subject, client, old + new, assurance)
    environment = {"OIDC-sub": subject, "OIDC-iss": issuer, "OIDC-azp": client}
    for name, listed in (("eduperson_entitlement", old), ("entitlements", new), ("eduperson_assurance", assurance)):
        if listed:
            environment[f"OIDC-{name}"] = ";".join(listed)
    return claims, environment


def ask_keystone(policy: Policy, environments: list[dict[str, str]], now=NOW) -> list[dict]:
    mapping = compile_mapping(policy, policy.site.identity_providers[0], now)
    with AskedKeystone(VENV / "bin" / "python") as keystone:
        asked = {"rules": mapping.rules, "schema_version": mapping.schema_version, "assertions": environments}
        return [simplified(answer) for answer in keystone.ask(asked)["answers"]]


def simplified(answer: dict) -> dict:
    """What matters here of Keystone's answer."""
    if "result" not in answer:
        return {"refused": answer["raises"]}
    mapped = answer["result"]
    groups = sorted({(group["name"], group["domain"]["name"]) for group in mapped["group_names"]})
    return {"user": mapped["user"], "groups": groups, "ids": mapped["group_ids"], "projects": mapped["projects"]}


def groups_by_policy(policy: Policy, claims: GivenClaims) -> list[list[str]]:
    granted = (verdict for verdict in decide(policy, claims, NOW).trace if isinstance(verdict, Granted))
    return sorted({(verdict.rule.group, "egi") for verdict in granted})


def test_both_engines_give_the_same_groups_and_strange_values_nothing_more(policy):
    dice = random.Random(20261122)
    people = [person(dice, ENTITLEMENTS) for _ in range(1500)]
    strange = [person(dice, [*ENTITLEMENTS, *STRANGE]) for _ in range(300)]
    answers = ask_keystone(policy, [environment for _, environment in people + strange])
    let_in = 0
    for (claims, _), answer in zip(people, answers[: len(people)], strict=True):
        wanted = groups_by_policy(policy, claims)
        # An empty subject is one that Keystone lets in with an empty name; only our own paths refuse it.
        if claims.subject and not any("\n" in value for value in claims.entitlements):
            assert [tuple(group) for group in answer.get("groups", [])] == wanted, (claims, answer)
        let_in += bool(wanted)
    assert let_in > 200, "the accept-control: many do get in"
    offered = {rule.group for community in policy.communities for rule in community.rules}
    for (_, environment), answer in zip(people + strange, answers, strict=True):
        assert {name for name, _ in answer.get("groups", [])} <= offered, environment
        assert (answer.get("ids", []), answer.get("projects", [])) == ([], [])
        if "user" in answer:
            assert answer["user"]["id"] == answer["user"]["name"] == environment["OIDC-sub"]
            assert answer["user"]["domain"] == {"name": "egi"}


def test_a_seeded_defect_turns_the_proof_red(policy, monkeypatch):
    """A pattern that is not anchored at its end, as Keystone's re.search leaves it."""
    monkeypatch.setattr(
        "p3idp.core.mappings.compile.keystone_pattern", lambda required: keystone_pattern(required).removesuffix(r"\Z")
    )
    with pytest.raises(AssertionError):
        test_both_engines_give_the_same_groups_and_strange_values_nothing_more(policy)


def test_keystones_own_engine_agrees_on_whole_policies():
    """A sample of tests/core/test_policy_compiles.py, with Keystone's engine in the place of its imitation."""
    with AskedKeystone(VENV / "bin" / "python") as keystone:
        let_in = sum(agree(keystone, policy) for policy in drawn(15))
    assert let_in > 300, "the accept-control"


def agree(keystone: AskedKeystone, policy: Policy) -> int:
    people = [login for login in logins(policy) if login.is_believed]
    let_in = 0
    for provider in policy.site.identity_providers:
        mapping = compile_mapping(policy, provider, NOW)
        asked = [login for login in people if login.provider == provider]
        question = {"rules": mapping.rules, "schema_version": "2.0", "assertions": [p.assertion() for p in asked]}
        for login, answer in zip(asked, keystone.ask(question)["answers"], strict=True):
            wanted = sorted((group, policy.site.domain) for group in groups_decided(policy, login))
            got = simplified(answer)
            who = (provider.id, got.get("user", {}).get("id"))
            named = {(each.group, policy.site.domain) for each in policy.people_at(NOW) if each.condition == who}
            assert sorted({*map(tuple, got.get("groups", [])), *named}) == wanted, login
            let_in += bool(wanted)
    return let_in


def test_strange_values_are_a_refusal_on_our_own_paths(policy):
    dice = random.Random(1)
    people = [claims for claims, _ in (person(dice, STRANGE) for _ in range(100)) if claims.entitlements]
    assert people
    assert all(decide(policy, claims, NOW).access == () for claims in people)


def test_the_mapping_of_a_policy_where_nothing_is_valid_lets_nobody_in(tmp_path):
    files = PolicyFiles(tmp_path)
    files.remove("vo.access.egi.eu")
    environment = {"OIDC-sub": "a", "OIDC-iss": ISSUER, "OIDC-azp": "p3idp", "OIDC-entitlements": TRAINEE}
    environment["OIDC-eduperson_assurance"] = SUBSTANTIAL
    assert "groups" in ask_keystone(files.load(), [environment])[0], "the accept-control: before its end it does"
    assert ask_keystone(files.load(), [environment], NOW.replace(year=2028)) == [{"refused": "ValidationError"}]
