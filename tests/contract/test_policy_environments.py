"""environments/<name>.yaml: what may differ between two clouds does, what may not is a mistake with its line."""

from datetime import timedelta
from pathlib import Path

import pytest
from policies import ISSUER, SITE, PolicyFiles

from p3idp.adapters.policy_files import load_policy
from p3idp.adapters.policy_files.texts import policy_from_texts, site_from_texts
from p3idp.errors.policy import PolicyInvalid

DEMO = "https://demo.idp.test/auth/realms/egi"
ALT_1 = f"""\
contact: alt-1@example.org
identity_providers:
  egi:
    issuers: [{DEMO}]
    issuing_clients: [p3idp-demo]
    authorization_ttl: 1h
    keystone_url: https://alt-1.example.org:5000
without_communities: [training.egi.eu]
"""
APPROVERS = "approvers: {identity_provider: egi, subjects: [a@demo, b@demo]}\n"


@pytest.fixture
def files(tmp_path: Path) -> PolicyFiles:
    made = PolicyFiles(tmp_path)
    (tmp_path / "environments").mkdir()
    made.write("environments/alt-1.yaml", ALT_1)
    made.write("environments/production.yaml", "{}   # as site.yaml says\n")
    return made


def at(files: PolicyFiles, environment: str):
    return load_policy(files.root, environment=environment)


def test_an_environment_has_what_its_file_says_and_else_what_the_site_says(files: PolicyFiles):
    policy = at(files, "alt-1")
    egi = policy.site.provider("egi")
    assert (egi.issuers, egi.issuing_clients, egi.authorization_ttl) == ((DEMO,), ("p3idp-demo",), timedelta(hours=1))
    assert (egi.title, egi.scopes) == ("Check-in", ("openid", "eduperson_entitlement"))
    assert policy.site.contact == "alt-1@example.org"
    assert [community.name for community in policy.communities] == ["vo.access.egi.eu"]
    assert policy.environment == "alt-1"


@pytest.mark.parametrize("environment", ["", "production"])
def test_elsewhere_the_files_hold_as_they_stand(files: PolicyFiles, environment: str):
    policy = at(files, environment)
    assert policy.site.provider("egi").issuers == (ISSUER,)
    assert len(policy.communities) == 2


def test_approvers_of_an_environment_stand_in_the_place_of_the_sites(files: PolicyFiles):
    files.write("site.yaml", SITE + "approvers: {identity_provider: egi, subjects: [a@egi.eu, b@egi.eu]}\n")
    files.write("environments/alt-1.yaml", ALT_1 + APPROVERS)
    assert at(files, "alt-1").site.approvers.subjects == ("a@demo", "b@demo")
    assert at(files, "production").site.approvers.subjects == ("a@egi.eu", "b@egi.eu")


def test_the_digest_names_the_policy_of_one_environment_with_what_differs_in_all(files: PolicyFiles):
    first = {name: at(files, name).digest for name in ("", "alt-1", "production")}
    assert len(set(first.values())) == 3
    files.change("environments/alt-1.yaml", "1h", "2h")
    assert all(at(files, name).digest != digest for name, digest in first.items())


def test_where_no_environment_is_described_its_name_changes_nothing(tmp_path: Path):
    files = PolicyFiles(tmp_path)
    assert at(files, "alt-1").digest == files.load().digest


def test_the_policys_texts_make_the_policy_of_any_environment_again(files: PolicyFiles):
    policy = at(files, "alt-1")
    again = policy_from_texts(policy.texts, "alt-1")
    assert (again, again.digest) == (policy, policy.digest)
    assert policy_from_texts(policy.texts, "production").digest == at(files, "production").digest
    assert site_from_texts(policy.texts, "alt-1") == policy.site


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("domain: other\n", "alt-1.yaml:1: there is no key `domain` here", id="the-domain-is-one"),
        pytest.param("policy: other\n", "alt-1.yaml:1: there is no key `policy` here", id="so-is-the-mark"),
        pytest.param(
            "contakt: x\n", "alt-1.yaml:1: there is no key `contakt` here; did you mean `contact`?", id="typo"
        ),
        pytest.param(
            "protected_projects: []\n", "there is no key `protected_projects`", id="what-is-protected-is-everywhere"
        ),
        pytest.param(
            "identity_providers:\n  eg: {title: x}\n",
            "alt-1.yaml:2: no identity provider `eg` is in site.yaml; did you mean `egi`?",
            id="provider",
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    claims: {subject: x}\n",
            "alt-1.yaml:3: there is no key `claims`",
            id="who-somebody-is",
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    issuers: []\n",
            "alt-1.yaml:3: `issuers` must not be empty",
            id="no-issuer",
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    issuers:\n", "alt-1.yaml:3: `issuers` must be a list", id="nothing"
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    keystone_url:\n", "alt-1.yaml:3: `keystone_url`", id="no-address"
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    issuers: [http://idp.test]\n",
            "alt-1.yaml:3: `issuers`: http://idp.test is not https",
            id="plain-http",
        ),
        pytest.param(
            "identity_providers:\n  egi:\n    scopes: [profile]\n",
            "alt-1.yaml:3: `scopes` must hold openid",
            id="scopes",
        ),
        pytest.param(
            "approvers: {identity_provider: egi, subjects: [a@x]}\n",
            "alt-1.yaml:1: two people are needed",
            id="one-approver",
        ),
        pytest.param("approvers:\n", "alt-1.yaml:1: `approvers`: holds nothing", id="approvers-unsaid"),
        pytest.param(
            "without_communities: [training.egi.ue]\n",
            "alt-1.yaml:1: the policy has no community `training.egi.ue`; did you mean `training.egi.eu`?",
            id="community",
        ),
        pytest.param("x: &a 1\n", "alt-1.yaml:1: &a is an anchor", id="yaml"),
        pytest.param("", "alt-1.yaml:1: the file is empty", id="empty"),
    ],
)
@pytest.mark.parametrize("environment", ["alt-1", "production", ""])
def test_a_mistake_is_told_with_its_line_whichever_environment_is_meant(files, environment: str, text: str, said: str):
    files.write("environments/alt-1.yaml", text)
    with pytest.raises(PolicyInvalid) as caught:
        at(files, environment)
    assert said in caught.value.detail


def test_two_providers_with_one_issuer_are_a_mistake_in_an_environment_too(files: PolicyFiles):
    files.write(
        "site.yaml", f"{SITE}  hub: {{title: Hub, issuers: [{DEMO}], scopes: [openid], authorization_ttl: 8h}}\n"
    )
    with pytest.raises(PolicyInvalid) as caught:
        at(files, "production")
    assert caught.value.detail.count("belongs to") == 1


def test_a_name_that_no_file_has_is_no_environment(files: PolicyFiles):
    """Or a mistyped file name would let production believe the demonstration's issuer."""
    with pytest.raises(PolicyInvalid, match=r"there is no productoin\.yaml here; did you mean `production`"):
        at(files, "productoin")
    files.write("environments/prod.yml", "{}\n")
    with pytest.raises(PolicyInvalid, match=r"environments/prod.yml:1: this file is not read"):
        at(files, "production")


def test_leaving_out_every_community_is_the_empty_policy(files: PolicyFiles):
    files.write("environments/alt-1.yaml", "without_communities: [training.egi.eu, vo.access.egi.eu]\n")
    with pytest.raises(PolicyInvalid, match="no community"):
        at(files, "alt-1")
