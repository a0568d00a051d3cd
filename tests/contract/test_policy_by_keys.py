"""A provider that is verified by its keys, in the policy files: what it needs, and what would mean nothing there."""

from pathlib import Path

import pytest
from policies import ACCESS, NOW, SITE, PolicyFiles

from p3idp.adapters.policy_files.new_directory import NewDirectory
from p3idp.core.keystone_rules import Failed, compile_rules
from p3idp.core.mappings.assertion import assertion
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.door import KeystoneDoor
from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Unusable
from p3idp.core.policy.examples import failed_examples, try_examples
from p3idp.core.policy.explanation import explain
from p3idp.core.policy.model import Policy
from p3idp.core.policy.sentence import reason
from p3idp.errors.policy import PolicyInvalid
from p3idp.errors.session import PageNotFound
from p3idp.ops.attempts import check_open

US = "https://broker.example.org"
FORGE = "https://forge.example.org"
JOB = "project_path:physics/simulation:ref_type:branch:ref:main"
OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator"
CI = f"""\
  ci:
    title: Jobs of the forge
    issuers: [{FORGE}]
    verified_by: keys
    audiences: [{US}]
    authorization_ttl: 1h
    keystone_url: https://keystone.test:5001
"""
PEOPLE = f"""\
people:
  - subject: {JOB}
    identity_provider: ci
    projects: {{p3: [member]}}
examples:
  - title: The simulation's main branch works in p3
    identity_provider: ci
    claims: {{sub: "{JOB}"}}
    access: {{p3: [member]}}
  - title: Another branch does not
    identity_provider: ci
    claims: {{sub: "{JOB}2", entitlements: "{OPERATOR}", eduperson_entitlement: "{OPERATOR}"}}
    access: {{}}
"""


@pytest.fixture
def files(tmp_path: Path) -> PolicyFiles:
    return PolicyFiles(tmp_path, SITE + CI, **{"vo.access.egi.eu": ACCESS + PEOPLE})


def claims(**changes: object) -> dict[str, object]:
    return {"iss": FORGE, "sub": JOB, "aud": US, "project_path": "physics/simulation", **changes}


def at_the_door(policy: Policy, **changes: object) -> str:
    """Who Keystone's own engine takes a job for; why none where it takes it for nobody."""
    rules = compile_mapping(policy, policy.site.provider("ci"), NOW)
    outcome = compile_rules(list(rules.rules), rules.schema_version).evaluate(assertion(claims(**changes)))
    return outcome.kind.name if isinstance(outcome, Failed) else str(outcome.person.id)


def test_examples_of_jobs_hold_on_both_engines(files: PolicyFiles):
    policy, door = files.load(), KeystoneDoor()
    assert list(failed_examples(policy)) == []
    assert [door.difference(each) for each in try_examples(policy)] == ["", ""]


def test_who_is_named_counts_and_no_claim_besides(files: PolicyFiles):
    policy = files.load()
    held = given_claims(claims(entitlements=[OPERATOR]), policy.site)
    assert held.entitlements == ()
    (access,) = decide(policy, held, NOW).access
    assert (access.project.name, access.roles) == ("p3", ("member",))
    other = decide(policy, given_claims(claims(sub=JOB + "2", entitlements=[OPERATOR]), policy.site), NOW)
    assert (other.access, other.refusal and other.refusal.reason) == ((), Unusable.NOT_NAMED)
    assert reason(explain(policy, other, ())) == f"the policy does not name `{JOB}2` of Jobs of the forge"


def test_the_mapping_asks_for_issuer_audience_and_exact_subject_alone(files: PolicyFiles):
    policy = files.load()
    (rule,) = compile_mapping(policy, policy.site.provider("ci"), NOW).rules
    assert rule["remote"] == [
        {"type": "OIDC-sub"},
        {"type": "OIDC-iss", "any_one_of": [FORGE]},
        {"type": "OIDC-aud", "any_one_of": [US]},
        {"type": "OIDC-sub", "any_one_of": [JOB]},
    ]
    assert at_the_door(policy) == JOB
    for change in ({"sub": JOB + "2"}, {"sub": JOB.upper()}, {"aud": US + "/"}, {"iss": FORGE + "/"}, {"aud": []}):
        assert at_the_door(policy, **change) == "NO_MATCH", change


def test_nobody_signs_in_there(files: PolicyFiles):
    policy = files.load()
    assert [each.id for each in policy.site.sign_ins] == ["egi"]
    check_open(policy, "egi")
    with pytest.raises(PageNotFound):
        check_open(policy, "ci")


def test_it_is_written_as_it_was_read(files: PolicyFiles):
    policy, draft = files.load(), NewDirectory()
    assert draft.load(draft.render(policy)).site == policy.site


SPOILED = {
    "no audience": ("site.yaml", f"    audiences: [{US}]\n", "", "`audiences` is missing"),
    "an empty audience": ("site.yaml", f"audiences: [{US}]", "audiences: []", "`audiences` is missing"),
    "clients": ("site.yaml", "verified_by: keys", "verified_by: keys\n    issuing_clients: [x]", "`issuing_clients`"),
    "scopes": ("site.yaml", "verified_by: keys", "verified_by: keys\n    scopes: [openid]", "`scopes` means nothing"),
    "entitlements": (
        "site.yaml", "verified_by: keys", "verified_by: keys\n    claims: {entitlements: [project_path]}",
        "`entitlements` means nothing here",
    ),
    "assurance": (
        "site.yaml", "verified_by: keys", "verified_by: keys\n    claims: {assurance: x}", "`assurance` means"
    ),
    "another word": ("site.yaml", "verified_by: keys", "verified_by: key", "`verified_by`"),
    "no scopes where people sign in": (
        "site.yaml", "    scopes: [openid, eduperson_entitlement]\n", "", "`scopes` is missing",
    ),
    "approvers": (
        "site.yaml", "    verified_by: keys", "    verified_by: keys",
        "nobody there approves of anything",
    ),
    "a rule for its entitlements": (
        "communities/vo.access.egi.eu.yaml", "    projects: {p3: [member]}\npeople",
        "    identity_providers: [ci]\n    projects: {p3: [member]}\npeople", "holds an entitlement that counts",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "words"), SPOILED.values(), ids=SPOILED)
def test_what_would_mean_nothing_or_too_much_is_a_mistake(
    files: PolicyFiles, file: str, old: str, new: str, words: str
):
    files.change(file, old, new)
    if "approves" in words:
        text = (files.root / "site.yaml").read_text(encoding="utf-8")
        files.write("site.yaml", f"{text}approvers: {{identity_provider: ci, subjects: [a, b]}}\n")
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    assert any(words in message for _, _, message in refused.value.places), refused.value.places


def test_the_first_provider_is_one_where_people_sign_in(tmp_path: Path):
    head, _, egi = SITE.partition("identity_providers:\n")
    files = PolicyFiles(tmp_path, f"{head}identity_providers:\n{CI}{egi}", **{"vo.access.egi.eu": ACCESS})
    with pytest.raises(PolicyInvalid) as refused:
        files.load()
    assert [message for _, _, message in refused.value.places if "name one where people do first" in message]
