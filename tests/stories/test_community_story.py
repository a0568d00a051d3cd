"""A community comes, is suspended, comes back and goes: what its person can do at the real Keystone each time.

carol is in vo.access.egi.eu, which the lab's policy knows, and in biomed, which is added here.
"""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from keystone_checks import KeystoneChecks

from p3idp.cli.main import main
from p3idp.lab.handle import LabHandle

CATALOGUE = Path(__file__).parents[1] / "data/egi-vo-mappings.yaml"
GONE = "too-many-removals"
LOSE = "people-lose-access"  # other stories' people may be known to this lab


class Person:
    """Somebody at Keystone, without p3idp in between."""

    def __init__(self, site: LabHandle) -> None:
        self.http = httpx.Client(base_url=site.urls.keystone_url, verify=site.tls, trust_env=False, timeout=30)

    def scoped(self, unscoped: str, project: str) -> tuple[str, dict[str, Any]]:
        scope = {"project": {"name": project, "domain": {"name": "egi"}}}
        identity = {"methods": ["token"], "token": {"id": unscoped}}
        reply = self.http.post("/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        return reply.raise_for_status().headers["X-Subject-Token"], reply.json()["token"]

    def application_credential(self, token: str, user: str, name: str) -> dict[str, str]:
        body = {"application_credential": {"name": name}}
        reply = self.http.post(
            f"/users/{user}/application_credentials", json=body, headers={"X-Auth-Token": token}
        ).raise_for_status()
        made = reply.json()["application_credential"]
        return {"id": made["id"], "secret": made["secret"]}

    def comes_in_with(self, credential: dict[str, str]) -> bool:
        identity = {"methods": ["application_credential"], "application_credential": credential}
        return self.http.post("/auth/tokens", json={"auth": {"identity": identity}}).status_code == 201


class Operator:
    """Somebody who types `p3idp` with a policy directory of their own, on the lab's Keystone."""

    def __init__(self, site: LabHandle, policy: Path) -> None:
        self.settings, self.policy = str(site.settings_path), policy

    def __call__(self, *words: str) -> str:
        command = [*words, "--settings", self.settings, "--policy-dir", str(self.policy)]
        done = CliRunner().invoke(main, command, catch_exceptions=False, standalone_mode=False)
        assert not done.exception, done.exception
        return done.stdout

    def apply(self) -> list[str]:
        """What was changed."""
        done = json.loads(self("apply", "--yes", "--accept", GONE, "--accept", LOSE, "--json"))
        return [f"{each['action']} {each['kind']}" for each in done["items"]]


@pytest.fixture
def operator(site: LabHandle, tmp_path: Path) -> Iterator[Operator]:
    policy = tmp_path / "policy"
    shutil.copytree(site.layout.policy, policy)
    yield Operator(site, policy)
    Operator(site, site.layout.policy).apply()  # the other stories' policy


def test_a_community_from_its_first_day_to_its_last(
    site: LabHandle, operator: Operator, keystone: KeystoneChecks
) -> None:
    def projects_at_login() -> list[str]:
        reply = keystone.federated_login(site.token("carol"))
        assert reply.status_code == 201, reply.text
        return keystone.projects(reply.headers["X-Subject-Token"])

    assert projects_at_login() == ["p3"]
    operator("community", "add", "biomed", "--catalogue", str(CATALOGUE), "--role", "member")
    assert operator.apply() == ["create project", "create group", "create role_assignment", "update mapping"]
    listed = json.loads(operator("community", "show", "biomed", "--keystone", "--json"))
    identity = listed["projects"][0]["id"]
    assert f"projects = {identity}" in listed["caso"]
    assert f"project_id: {identity}" in listed["catalogue_entry"]

    carol = Person(site)
    unscoped = keystone.federated_login(site.token("carol")).headers["X-Subject-Token"]
    assert keystone.projects(unscoped) == ["biomed", "p3"]
    (there, token), (elsewhere, _) = carol.scoped(unscoped, "biomed"), carol.scoped(unscoped, "p3")
    assert token["project"]["id"] == identity
    credential = carol.application_credential(there, token["user"]["id"], "of the story")
    assert carol.comes_in_with(credential)

    operator("community", "suspend", "biomed", "--reason", "incident 4711")
    assert operator.apply() == ["delete role_assignment"]
    assert (keystone.is_valid(there), keystone.is_valid(elsewhere)) == (False, True)
    assert not carol.comes_in_with(credential)
    assert projects_at_login() == ["p3"]
    assert keystone.is_valid(elsewhere), "the same groups at login: Keystone has ended no other token"

    operator("community", "resume", "biomed")
    assert operator.apply() == ["create role_assignment"]
    assert carol.comes_in_with(credential), "she is back without signing in"

    operator("community", "remove", "biomed", "--yes")
    assert operator.apply() == ["update mapping", "delete role_assignment", "delete group"]
    assert not carol.comes_in_with(credential)
    assert projects_at_login() == ["p3"]
    carol.http.close()
