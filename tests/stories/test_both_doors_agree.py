"""Everyone in the lab gets at Keystone's own door exactly what the policy decides for them."""

import json

import pytest
from keystone_checks import KeystoneChecks

from p3idp import wiring
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.decide import decide
from p3idp.core.secret import Secret
from p3idp.errors.login import TokenRefused
from p3idp.lab.handle import LabHandle
from p3idp.lab.layout import CHECKOUT

PEOPLE = json.loads((CHECKOUT / "deploy/lab/checkin/people.json").read_text(encoding="utf-8"))
# A token of a client that the policy does not list must open neither door.
VISITS = [(person["login"], "p3idp-cli") for person in PEOPLE] + [("alice", "other-service")]


@pytest.mark.parametrize(("login", "client"), VISITS, ids=str)
def test_what_the_policy_decides_is_what_keystone_gives(
    site: LabHandle, keystone: KeystoneChecks, login: str, client: str
) -> None:
    token = site.token(login, client=client)
    decided = decided_projects(site, token)
    reply = keystone.federated_login(token)
    if not decided:
        assert reply.status_code in {401, 403}, "Apache refuses foreign clients, Keystone whom nothing matches"
        return
    assert reply.status_code == 201, reply.text
    assert keystone.projects(reply.headers["X-Subject-Token"]) == decided


def test_the_lab_has_people_on_both_sides(site: LabHandle) -> None:
    decided = {login: decided_projects(site, site.token(login)) for login in ("alice", "bob", "grace", "dave")}
    assert decided == {"alice": ["p3"], "bob": [], "grace": [], "dave": ["p3", "training"]}


def decided_projects(site: LabHandle, token: str) -> list[str]:
    """The projects that the policy gives to the owner of a token, which p3idp verifies first."""
    settings = site.settings
    policy = wiring.wire_policy(settings)
    try:
        claims = wiring.wire_verifier(settings, policy).verify_access_token(RawToken(Secret(token)), wiring.now())
    except TokenRefused:
        return []
    return sorted(access.project.name for access in decide(policy, claims, wiring.now()).access)
