"""People leave and come back at the provider, and the real Keystone says what still works of what they really made.

Each has consented; whatever they hold (tokens, an application credential, an EC2 credential, a trust) was made before.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from keystone_checks import KeystoneChecks
from keystoneclient.contrib.ec2.utils import Ec2Signer
from typed import typed

from p3idp import wiring
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret
from p3idp.lab.handle import LabHandle
from p3idp.lab.servers.checkin import SOURCE
from p3idp.lab.servers.keystone import WORKERS, socket_path
from p3idp.lab.sign_in import SCOPES
from p3idp.ports.offline import OfflineAccess

SUBJECT = {
    person["login"]: person["voperson_id"]
    for person in json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
}
OPERATOR = "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"
# Of the few people of a lab, those whom other stories let leave are many.
MEANT = ("--accept", "too-many-leavers")


@dataclass
class Place:
    """The lab in a test's hands."""

    site: LabHandle
    checks: KeystoneChecks

    def type(self, *words: str, status: int = 0) -> str:
        """What a command said on standard output."""
        return typed(self.site.settings_path, *words, status=status)[0]

    def recheck(self, status: int = 0) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.type("recheck", "--everyone", *MEANT, "--json", status=status))
        return found

    def steps(self, done: dict[str, Any]) -> list[tuple[str, str, str]]:
        who = {subject: login for login, subject in SUBJECT.items()}
        return [(each["action"], who[each["subject"]], each["result"]) for each in done["revoked"]["items"]]

    @property
    def offline(self) -> Any:
        found = wiring.wire_offline(self.site.settings)
        assert found is not None
        return found

    def consent(self, login: str) -> None:
        """What the button on the access page leaves: a refresh token, kept."""
        now = wiring.now()
        tokens = self.site.tokens(login, client="p3idp", scopes=f"{SCOPES} offline_access")
        token = Secret(tokens["refresh_token"])
        self.offline.store.keep(
            OfflineAccess(ProviderId("egi"), self.site.urls.issuer, SUBJECT[login], token, now, now)
        )

    def learn(self, login: str) -> None:
        """Ask the provider and do nothing about it, as a run does that is killed just then."""
        now = wiring.now()
        (mine,) = (each for each in self.offline.consents(now).kept if each.subject == SUBJECT[login])
        self.offline.ask(mine, now)

    def apply_all(self) -> None:
        """Apply what the policy says by now; that it takes access from people is meant here."""
        dangers = ("disables-provider", "people-lose-access", "too-many-removals")
        self.type("apply", "--yes", *(word for name in dangers for word in ("--accept", name)))

    @contextmanager
    def changed(self, old: str, new: str) -> Iterator[None]:
        """The site file with this in the place of that."""
        file = self.site.layout.policy / "site.yaml"
        before = file.read_text(encoding="utf-8")
        assert old in before
        file.write_text(before.replace(old, new), encoding="utf-8")
        try:
            yield
        finally:
            file.write_text(before, encoding="utf-8")

    @contextmanager
    def without_keystone(self) -> Iterator[None]:
        """Apache answers, and Keystone behind it is not to be found."""
        socket = socket_path(self.site.layout)
        aside = socket.with_name("aside.sock")
        socket.rename(aside)
        try:
            yield
        finally:
            aside.rename(socket)

    def new_process(self, *words: str, status: int) -> str:
        """Type a command in a process of its own, which knows nothing but what the database holds."""
        command = [str(Path(sys.executable).with_name("p3idp")), *words, "--settings", str(self.site.settings_path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == status, done.stdout + done.stderr
        return done.stdout

    def users(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.as_admin("GET", "/users?idp_id=egi").json()["users"]
        return found

    def enter(self, login: str) -> "Person":
        """Log in at Keystone's own door, and be able to go to each project.

        Keystone 30 may take somebody who was just enabled for disabled once more: a worker of it that read the
        user before still has that in mind, until its next request.
        """
        for _ in range(8):
            reply = self.checks.federated_login(self.site.token(login))
            assert reply.status_code == 201, reply.text
            token = reply.headers["X-Subject-Token"]
            listed = self.ask("GET", "/auth/projects", token)
            if listed.status_code == 200:
                break
            time.sleep(1.1)  # what it then revokes takes tokens of the same second along
        found = listed.raise_for_status().json()["projects"]
        return Person(self, reply.json()["token"]["user"]["id"], token, {each["name"]: each["id"] for each in found})

    def ask(self, method: str, path: str, token: str = "", body: object = None) -> httpx.Response:
        headers = {"X-Auth-Token": token} if token else {}
        return self.checks._http.request(method, path, headers=headers, json=body)

    def as_admin(self, method: str, path: str, body: object = None) -> httpx.Response:
        return self.ask(method, path, self.checks._admin, body).raise_for_status()

    def user(self, identity: str) -> dict[str, Any]:
        found: dict[str, Any] = self.as_admin("GET", f"/users/{identity}").json()["user"]
        return found

    def sign_in(self, identity: dict[str, Any], scope: dict[str, Any] | None = None) -> httpx.Response:
        body = {"auth": {"identity": identity, **({"scope": scope} if scope else {})}}
        return self.ask("POST", "/auth/tokens", body=body)


@dataclass
class Person:
    """Somebody who is in, with their unscoped token."""

    place: Place
    id: str
    token: str
    projects: dict[str, str]

    def scoped(self, project: str) -> httpx.Response:
        identity = {"methods": ["token"], "token": {"id": self.token}}
        return self.place.sign_in(identity, {"project": {"id": self.projects[project]}})


@dataclass
class Belongings:
    """What somebody made at Keystone, to be tried again and again."""

    person: Person
    scoped: str
    credential: dict[str, str]
    ec2: dict[str, str]
    trust: str

    @classmethod
    def made_by(cls, person: Person, project: str) -> "Belongings":
        place, scoped = person.place, person.scoped(project).raise_for_status().headers["X-Subject-Token"]

        def make(path: str, body: object) -> dict[str, Any]:
            made: dict[str, Any] = place.ask("POST", path, scoped, body).raise_for_status().json()
            return next(iter(made.values()))

        there = f"/users/{person.id}"
        credential = make(
            f"{there}/application_credentials", {"application_credential": {"name": f"r{time.time_ns()}"}}
        )
        ec2 = make(f"{there}/credentials/OS-EC2", {"tenant_id": person.projects[project]})
        admin = place.checks.describe(place.checks._admin)["user"]["id"]
        trust = {"trustor_user_id": person.id, "trustee_user_id": admin, "impersonation": True}
        trust |= {"project_id": person.projects[project], "roles": [{"name": "member"}]}
        return cls(person, scoped, credential, ec2, make("/OS-TRUST/trusts", {"trust": trust})["id"])

    def working(self) -> set[str]:
        """What of it works now."""
        tried = {
            "unscoped token": self.place.checks.is_valid(self.person.token),
            "scoped token": self.place.checks.is_valid(self.scoped),
            "application credential": self._by_credential() == 201,
            "EC2 credential": self._by_ec2() == 200,
            "trust": self._by_trust() == 201,
        }
        return {name for name, works in tried.items() if works}

    def come_to(self, wanted: set[str]) -> set[str]:
        """What works after a change: each worker of Keystone may go by its last request once more (ADR 13)."""
        for _ in range(WORKERS):
            if self.working() == wanted:
                break
        return self.working()

    @property
    def place(self) -> Place:
        return self.person.place

    def _by_credential(self) -> int:
        named = {"id": self.credential["id"], "secret": self.credential["secret"]}
        method = "application_credential"
        return self.place.sign_in({"methods": [method], method: named}).status_code

    def _by_ec2(self) -> int:
        request = {"access": self.ec2["access"], "host": "localhost", "verb": "GET", "path": "/", "params": {}}
        request["params"] = {
            "SignatureVersion": "2",
            "SignatureMethod": "HmacSHA256",
            "AWSAccessKeyId": self.ec2["access"],
        }
        signed = {**request, "signature": Ec2Signer(self.ec2["secret"]).generate(dict(request))}
        return self.place.ask("POST", "/ec2tokens", self.place.checks._admin, {"credentials": signed}).status_code

    def _by_trust(self) -> int:
        password = self.place.site.layout.secret("keystone-admin")
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        return self.place.sign_in(identity, {"OS-TRUST:trust": {"id": self.trust}}).status_code


ALL = {"unscoped token", "scoped token", "application credential", "EC2 credential", "trust"}
LASTING = ALL - {"unscoped token", "scoped token"}


@pytest.fixture
def place(site: LabHandle, keystone: KeystoneChecks) -> Iterator[Place]:
    place = Place(site, keystone)
    yield place
    for login in ("alice", "dave"):
        site.control().restore(login)
    if any(not user["enabled"] for user in place.users()):
        place.recheck()
        assert [user["name"] for user in place.users() if not user["enabled"]] == [], "others use this lab after us"
    for login in ("alice", "dave"):
        place.offline.store.end(ProviderId("egi"), SUBJECT[login])


def test_who_left_one_of_several_keeps_the_other_and_no_more(place: Place) -> None:
    dave = place.enter("dave")
    assert sorted(dave.projects) == ["p3", "training"]
    tokens = {name: dave.scoped(name).headers["X-Subject-Token"] for name in dave.projects}
    place.consent("dave")
    assert place.steps(place.recheck()) == []
    place.site.control().withdraw("dave", OPERATOR)
    assert place.steps(place.recheck()) == [("sign-in", "dave", "done")]
    assert not place.checks.is_valid(tokens["p3"])
    groups = place.as_admin("GET", f"/users/{dave.id}/groups").json()["groups"]
    assert [group["name"] for group in groups] == ["training.egi.eu:role=vm_operator"]
    again = place.enter("dave")
    assert sorted(again.projects) == ["training"]
    assert again.scoped("training").status_code == 201


def test_who_left_the_last_loses_all_that_they_made_and_has_it_back_at_return(place: Place) -> None:
    alice = place.enter("alice")
    held = Belongings.made_by(alice, "p3")
    assert held.working() == ALL
    place.consent("alice")
    place.site.control().withdraw("alice")
    place.learn("alice")
    told = place.type("leavers")
    others = place.as_admin("GET", f"/users/{alice.id}/application_credentials").json()["application_credentials"]
    count = f"{len(others)} application credential"  # other stories may have left some
    ends = f"member, reader on p3@egi; every token; {count}"
    assert all(part in " ".join(told.split()) for part in (SUBJECT["alice"], ends, "1 EC2 credential", "1 trust"))
    assert held.working() == ALL, "listing changes nothing"

    assert place.steps(place.recheck()) == [("disable", "alice", "done")]
    assert held.come_to(set()) == set()
    user = place.user(alice.id)
    assert (user["enabled"], user["p3idp_disabled"].split()[:2]) == (False, ["p3idp:p3-example", "left"])
    assert place.checks.federated_login(place.site.token("alice")).status_code == 401, "no rule lets her in"
    assert place.steps(place.recheck()) == [], "and she stays out"

    place.site.control().restore("alice")
    assert place.checks.federated_login(place.site.token("alice")).status_code == 201
    assert not place.user(alice.id)["enabled"], "Keystone keeps the mark through a login"
    assert place.steps(place.recheck()) == [("enable", "alice", "done")]
    assert (place.user(alice.id)["enabled"], place.user(alice.id)["p3idp_disabled"]) == (True, None)
    assert held.come_to(LASTING) == LASTING, "tokens of before stay dead"
    assert place.enter("alice").scoped("p3").status_code == 201


def test_whom_an_administrator_disabled_stays_disabled(place: Place) -> None:
    alice = place.enter("alice")
    place.consent("alice")
    place.as_admin("PATCH", f"/users/{alice.id}", {"user": {"enabled": False}})
    try:
        place.learn("alice")
        assert place.steps(place.recheck()) == []
        assert place.user(alice.id)["enabled"] is False
    finally:
        place.as_admin("PATCH", f"/users/{alice.id}", {"user": {"enabled": True}})


def test_a_suspended_communitys_grants_go_and_nobody_is_disabled(place: Place) -> None:
    alice = place.enter("alice")
    held = Belongings.made_by(alice, "p3")
    place.consent("alice")
    place.type("community", "suspend", "vo.access.egi.eu", "--reason", "an incident")
    try:
        place.apply_all()
        assert held.working() <= {"unscoped token"}
        assert alice.scoped("p3").status_code == 401
        assert place.steps(place.recheck()) == []
        assert place.user(alice.id)["enabled"]
    finally:
        place.type("community", "resume", "vo.access.egi.eu")
        place.apply_all()
    assert held.working() >= {"application credential", "EC2 credential"}


def test_people_of_a_suspended_provider_are_out_with_all_they_hold_until_it_is_back(place: Place) -> None:
    dave = place.enter("dave")
    held = Belongings.made_by(dave, "training")
    with place.changed("    title: EGI Check-in\n", "    title: EGI Check-in\n    suspended: {since: 2026-11-01}\n"):
        place.apply_all()
        assert "scoped token" in held.working(), "Keystone itself lets what was issued live on"
        done = place.recheck()
        assert ("disable", "dave", "done") in place.steps(done)
        assert held.come_to(set()) == set()
    place.apply_all()
    assert ("enable", "dave", "done") in place.steps(place.recheck())
    assert held.come_to(LASTING) == LASTING


def test_through_outages_of_provider_and_keystone_and_a_new_process_nothing_is_forgotten(place: Place) -> None:
    alice = place.enter("alice")
    scoped = alice.scoped("p3").headers["X-Subject-Token"]
    place.enter("dave")
    for login in ("alice", "dave"):  # asked about at the same time
        place.consent(login)
    place.site.control().withdraw("alice")
    place.site.control().silence(600)
    try:
        found = place.recheck(status=5)
        assert (found["outcomes"], place.steps(found)) == ({"unreachable": 2}, [])
    finally:
        place.site.control().silence(0)
    assert place.checks.is_valid(scoped), "what cannot be asked takes nothing from anybody"

    with place.without_keystone():
        found = place.recheck(status=5)
        assert (found["outcomes"], found["revoked"]) == ({"answered": 2}, None)
    assert place.checks.is_valid(scoped)
    assert "1 disabled" in place.new_process("recheck", *MEANT, status=0), (
        "a process that knows what the database holds"
    )
    assert not place.checks.is_valid(scoped)
    assert place.user(alice.id)["enabled"] is False
