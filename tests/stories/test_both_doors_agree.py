"""Everyone in the lab gets at Keystone's own door exactly what the policy decides for them."""

import json
import shutil
from collections.abc import Iterator

import pytest
from keystone_checks import KeystoneChecks

from p3idp import wiring
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.decide import decide
from p3idp.core.secret import Secret
from p3idp.errors.login import TokenRefused
from p3idp.lab.handle import LabHandle
from p3idp.lab.layout import CHECKOUT
from p3idp.settings import Settings

PEOPLE = json.loads((CHECKOUT / "deploy/lab/checkin/people.json").read_text(encoding="utf-8"))
SUBJECT = {person["login"]: person["voperson_id"] for person in PEOPLE}
# A token of a client that the policy does not list must open neither door.
VISITS = [(person["login"], "p3idp-cli") for person in PEOPLE] + [("alice", "other-service"), ("alice", "keystone")]


@pytest.mark.parametrize(("login", "client"), VISITS, ids=str)
def test_what_the_policy_decides_is_what_keystone_gives(
    site: LabHandle, keystone: KeystoneChecks, login: str, client: str
) -> None:
    token = site.token(login, client=client)
    decided = decided_projects(site.settings, token)
    reply = keystone.federated_login(token)
    if not decided:
        assert reply.status_code in {401, 403}, "Apache refuses foreign clients, Keystone whom nothing matches"
        return
    assert reply.status_code == 201, reply.text
    assert keystone.projects(reply.headers["X-Subject-Token"]) == decided


VERBATIM = {
    "local": [
        {
            "user": {"id": "{0}", "name": "{0}", "domain": {"name": "egi"}},
            "group": {"name": "training.egi.eu:role=vm_operator", "domain": {"name": "egi"}},
        }
    ],
    "remote": [
        {"type": "OIDC-voperson_id"},
        {"type": "OIDC-eduperson_entitlement", "regex": True, "any_one_of": ["group:vo.notebooks.egi.eu:role=admin"]},
    ],
}


@pytest.fixture(scope="module")
def narrowed(site: LabHandle, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """The policy with a rule that has a client of its own, and a rule for Keystone alone; taken back at the end."""
    directory = tmp_path_factory.mktemp("narrowed") / "policy"
    shutil.copytree(site.settings.policy_dir, directory)
    file = directory / "communities" / "vo.access.egi.eu.yaml"
    asked = "role=vm_operator#aai.egi.eu\n    issuing_clients: [keystone]\n"
    head, tail = file.read_text(encoding="utf-8").split("role=vm_operator#aai.egi.eu\n", 1)
    file.write_text(head + asked + tail.split("examples:")[0], encoding="utf-8")
    file = directory / "communities" / "training.egi.eu.yaml"
    named = {"subject": SUBJECT["erin"], "identity_provider": "egi", "projects": {"training": ["member"]}}
    written = f"\npeople: [{json.dumps(named)}]\n"
    file.write_text(file.read_text(encoding="utf-8") + written, encoding="utf-8")
    (directory / "keystone").mkdir()
    (directory / "keystone" / "egi.json").write_text(json.dumps({"rules": [VERBATIM]}), encoding="utf-8")
    variant = site.settings.model_copy(update={"policy_dir": directory})
    try:
        wiring.wire_access(variant).apply(wiring.now(), None, ("verbatim-rules", "people-lose-access"))
        yield variant
    finally:
        wiring.wire_access(site.settings).apply(wiring.now(), None, ("too-many-removals", "people-lose-access"))


@pytest.mark.parametrize(("client", "projects"), [("keystone", ["p3"]), ("p3idp-cli", [])])
def test_a_rule_with_clients_of_its_own_opens_both_doors_to_their_tokens_alone(
    site: LabHandle, keystone: KeystoneChecks, narrowed: Settings, client: str, projects: list[str]
) -> None:
    token = site.token("zofia", client=client)
    assert decided_projects(narrowed, token) == projects
    reply = keystone.federated_login(token)
    assert (reply.status_code == 201) is bool(projects), reply.text
    if projects:
        assert keystone.projects(reply.headers["X-Subject-Token"]) == projects


@pytest.mark.parametrize(
    ("login", "client", "projects"),
    [("erin", "p3idp-cli", ["training"]), ("erin", "keystone", ["training"]), ("bob", "p3idp-cli", []),
     ("erin", "other-service", [])],
)  # fmt: skip
def test_who_is_named_comes_in_at_both_doors_and_nobody_else(
    site: LabHandle, keystone: KeystoneChecks, narrowed: Settings, login: str, client: str, projects: list[str]
) -> None:
    token = site.token(login, client=client)
    assert decided_projects(narrowed, token) == projects
    reply = keystone.federated_login(token)
    assert (reply.status_code == 201) is bool(projects), reply.text
    if projects:
        assert keystone.projects(reply.headers["X-Subject-Token"]) == projects


def test_a_rule_for_keystone_alone_opens_its_own_door_and_no_other(
    site: LabHandle, keystone: KeystoneChecks, narrowed: Settings
) -> None:
    token = site.token("taro")
    assert decided_projects(narrowed, token) == []
    reply = keystone.federated_login(token)
    assert keystone.projects(reply.headers["X-Subject-Token"]) == ["training"]


def test_the_lab_has_people_on_both_sides(site: LabHandle) -> None:
    decided = {login: decided_projects(site.settings, site.token(login)) for login in ("alice", "bob", "grace", "dave")}
    assert decided == {"alice": ["p3"], "bob": [], "grace": [], "dave": ["p3", "training"]}


def decided_projects(settings: Settings, token: str) -> list[str]:
    """The projects that the policy gives to the owner of a token, which p3idp verifies first."""
    policy = wiring.wire_policy(settings)
    try:
        claims = wiring.wire_verifier(settings, policy).verify_access_token(RawToken(Secret(token)), wiring.now())
    except TokenRefused:
        return []
    return sorted(access.project.name for access in decide(policy, claims, wiring.now()).access)
