"""Somebody is named in the policy before they ever came: their rights wait for them, and end when the policy says so.

On the real Keystone: the role assignment stands before the first login, the first real sign-in lands in the user that
was made ahead, and once the entry is over or gone the token of a moment ago is dead.
"""

import json
import shutil
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from click.testing import CliRunner
from keystone_checks import KeystoneChecks

from p3idp import wiring
from p3idp.adapters.policy_files import load_policy
from p3idp.cli.main import main
from p3idp.core.policy.model import NamedPerson
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.checkin import SOURCE
from p3idp.ops.access import AccessOps

PEOPLE = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
SUBJECT = {person["login"]: person["voperson_id"] for person in PEOPLE}
WHO = "bob"  # in no community
VO = "vo.access.egi.eu"
GONE = ("too-many-removals", "people-lose-access")


class Cloud:
    """Keystone, asked as its administrator."""

    def __init__(self, site: LabHandle, checks: KeystoneChecks) -> None:
        self.checks, self.site = checks, site
        self.http = httpx.Client(base_url=site.urls.keystone_url, verify=site.tls, trust_env=False, timeout=30)
        self.admin = {"X-Auth-Token": checks._admin}

    def get(self, path: str) -> Any:
        return self.http.get(path, headers=self.admin).raise_for_status().json()

    def users_of(self, login: str) -> list[dict[str, Any]]:
        unique = SUBJECT[login].replace("@", "%2540")  # percent-encoded as Keystone keeps it, and once more for the URL
        found: list[dict[str, Any]] = self.get(f"/users?idp_id=egi&unique_id={unique}")["users"]
        return found

    def roles_of(self, user: str) -> set[tuple[str, str]]:
        rows = self.get(f"/role_assignments?user.id={user}&effective&include_names")["role_assignments"]
        return {(row["scope"]["project"]["name"], row["role"]["name"]) for row in rows if "project" in row["scope"]}

    def scoped(self, unscoped: str, project: str) -> httpx.Response:
        identity = {"methods": ["token"], "token": {"id": unscoped}}
        scope = {"project": {"name": project, "domain": {"name": "egi"}}}
        return self.http.post("/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})


class Draft:
    """A policy directory of its own on the lab's Keystone."""

    def __init__(self, site: LabHandle, directory: Path) -> None:
        self.site, self.directory = site, directory
        self.file = directory / "communities" / f"{VO}.yaml"

    @property
    def access(self) -> AccessOps:
        return wiring.wire_access(self.site.settings.model_copy(update={"policy_dir": self.directory}))

    def apply(self, later: timedelta = timedelta()) -> list[str]:
        """What was changed by an apply at a moment, now unless said otherwise."""
        found = [name.name for name in self.access.plan(wiring.now() + later).findings if name.blocking]
        done = self.access.apply(wiring.now() + later, None, tuple(found))
        return [f"{change.action} {change.resource.kind}" for change in done.plan.changes]

    def name(self, subject: str, valid: str = "") -> NamedPerson:
        entry = {"subject": subject, "identity_provider": "egi", "projects": {"p3": ["member"]}}
        span = f"    valid: {{until: {valid}}}\n" if valid else ""
        lines = "".join(f"    {key}: {json.dumps(value)}\n" for key, value in entry.items())
        text = self.file.read_text(encoding="utf-8").split("people:\n")[0]
        self.file.write_text(f"{text.rstrip()}\npeople:\n  -{lines[3:]}{span}", encoding="utf-8")
        (person,) = (each for c in load_policy(self.directory, lab=True).communities for each in c.people)
        return person

    def forget(self) -> None:
        text = self.file.read_text(encoding="utf-8").split("people:\n")[0]
        self.file.write_text(text, encoding="utf-8")


@pytest.fixture
def cloud(site: LabHandle, keystone: KeystoneChecks) -> Iterator[Cloud]:
    made = Cloud(site, keystone)
    yield made
    made.http.close()


@pytest.fixture
def draft(site: LabHandle, tmp_path: Path) -> Iterator[Draft]:
    directory = tmp_path / "policy"
    shutil.copytree(site.settings.policy_dir, directory)
    Draft(site, site.settings.policy_dir).apply()
    yield Draft(site, directory)
    Draft(site, site.settings.policy_dir).apply()  # the other stories' policy


def test_rights_wait_for_somebody_who_has_not_come(
    site: LabHandle, cloud: Cloud, draft: Draft, keystone: KeystoneChecks, tmp_path: Path
) -> None:
    assert keystone.federated_login(site.token(WHO)).status_code == 401, "nothing is given to bob so far"
    draft.name(SUBJECT[WHO])
    assert {"create group", "create membership", "create role_assignment", "update mapping"} <= set(draft.apply())
    (user,) = cloud.users_of(WHO)
    assert ("p3", "member") in cloud.roles_of(user["id"]), "before the first login"
    assert draft.access.plan(wiring.now()).changes == ()

    reply = keystone.federated_login(site.token(WHO))
    assert reply.status_code == 201, reply.text
    token = reply.headers["X-Subject-Token"]
    assert reply.json()["token"]["user"]["id"] == user["id"], "the user that was made ahead"
    assert [each["id"] for each in cloud.users_of(WHO)] == [user["id"]]
    assert keystone.projects(token) == ["p3"]
    scoped = cloud.scoped(token, "p3").headers["X-Subject-Token"]
    again = keystone.federated_login(site.token(WHO)).headers["X-Subject-Token"]
    assert [keystone.is_valid(each) for each in (token, scoped, again)] == [True, True, True], "a login ends no token"
    assert draft.access.plan(wiring.now()).changes == (), "nor does it change what stands there"

    words = ("import", "site", "--identity-provider", "egi", "--to", str(tmp_path / "new"), "--json")
    told = CliRunner().invoke(main, [*words, "--settings", str(site.settings_path)], catch_exceptions=False)
    assert json.loads(told.stdout)["plan"]["empty"], told.stdout
    text = (tmp_path / "new/communities/named-people.yaml").read_text(encoding="utf-8")
    assert f"subject: {SUBJECT[WHO]}" in text

    draft.forget()
    assert {"delete membership", "delete group"} <= set(draft.apply())
    assert [keystone.is_valid(each) for each in (token, scoped, again)] == [False, False, False]
    assert keystone.federated_login(site.token(WHO)).status_code == 401
    assert [each["id"] for each in cloud.users_of(WHO)] == [user["id"]], "nobody's user is deleted"
    assert cloud.roles_of(user["id"]) == set()


def test_an_end_takes_the_rights_at_the_next_apply_and_a_new_beginning_brings_the_same_user(
    site: LabHandle, cloud: Cloud, draft: Draft, keystone: KeystoneChecks
) -> None:
    end = wiring.now() + timedelta(days=1)
    draft.name(SUBJECT[WHO], end.isoformat(timespec="seconds"))
    draft.apply()
    reply = keystone.federated_login(site.token(WHO))
    scoped = cloud.scoped(reply.headers["X-Subject-Token"], "p3").headers["X-Subject-Token"]
    draft.apply(later=timedelta(days=1))
    assert not keystone.is_valid(scoped)
    draft.name(SUBJECT[WHO])
    draft.apply()
    assert draft.access.plan(wiring.now()).changes == ()
    (user,) = cloud.users_of(WHO)
    assert user["id"] == reply.json()["token"]["user"]["id"]


def test_whoever_came_before_keeps_their_user_and_what_their_community_gives(
    site: LabHandle, cloud: Cloud, draft: Draft, keystone: KeystoneChecks
) -> None:
    before = keystone.federated_login(site.token("alice")).json()["token"]["user"]["id"]
    draft.name(SUBJECT["alice"])
    draft.apply()
    reply = keystone.federated_login(site.token("alice"))
    assert reply.json()["token"]["user"]["id"] == before
    draft.forget()
    draft.apply()
    time.sleep(1.1)  # what ends her tokens ends those of the same second too
    reply = keystone.federated_login(site.token("alice"))
    assert keystone.projects(reply.headers["X-Subject-Token"]) == ["p3"]
