"""Machines at work: a robot with a client secret of its own, and CI jobs without any stored secret.

On the real Keystone behind the real Apache, which has a second virtual host for the CI system's tokens. The lab's
second provider plays the CI system.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from keystone_checks import KeystoneChecks
from machine_world import JOB, Machines, machines_at, robot_subject

from p3idp.lab.handle import temporary_lab
from p3idp.lab.servers.checkin import SOURCE

PEOPLE = json.loads((SOURCE / "people.json").read_text(encoding="utf-8"))
SUBJECT = {person["login"]: person["voperson_id"] for person in PEOPLE}
PROGRAMS = Path(sys.executable).parent


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    """In a lab of its own: its people are no people of the one that the other stories share."""
    directory = tmp_path_factory.mktemp("machines")
    with temporary_lab(directory / "lab") as lab, machines_at(lab, directory / "site") as world:
        world.hold(("ci", JOB), ("ci", SUBJECT["alice"]), ("egi", robot_subject()))
        yield world


@pytest.fixture(scope="module")
def keystone(machines: Machines) -> Iterator[KeystoneChecks]:
    checks = KeystoneChecks(machines.lab)
    yield checks
    checks.close()


@pytest.fixture
def robot(machines: Machines, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """A machine where a robot's secret lies in a file, and its cloud in clouds.yaml."""
    secret = tmp_path / "secret"
    secret.write_text(machines.lab.layout.secret("egi-client-p3-robot") + "\n", encoding="utf-8")
    secret.chmod(0o600)
    cloud = {"auth_type": "v3p3idp", "auth": {"auth_url": machines.lab.urls.keystone_url, "p3idp_cloud": "robot",
                                              "project_name": "p3", "project_domain_name": "egi"}}  # fmt: skip
    (tmp_path / "clouds.yaml").write_text(json.dumps({"clouds": {"robot": cloud}}), encoding="utf-8")
    environment = {
        "PATH": f"{PROGRAMS}:/usr/bin:/bin", "HOME": str(tmp_path), "P3IDP_CACHE_DIR": str(tmp_path / "cache"),
        "P3IDP_CLIENT_CONFIG": str(tmp_path / "client.toml"), "OS_CACERT": str(machines.lab.ca_file),
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
    }  # fmt: skip

    def run(*command: str, **more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(PROGRAMS / command[0]), *command[1:]],
            env=environment | more, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
            timeout=100,
        )  # fmt: skip

    return run


def direct(machines: Machines) -> list[str]:
    """How to say a cloud without a broker."""
    return [
        f"--issuer={machines.lab.urls.issuer}", f"--auth-url={machines.keystone}", "--identity-provider=egi",
        "--protocol=openid", f"--ca-file={machines.lab.ca_file}",
    ]  # fmt: skip


def robots_login(machines: Machines, tmp_path: Path) -> list[str]:
    return [
        "login", "--cloud=robot", f"--broker={machines.broker}", "--service-account=p3-robot",
        f"--client-secret-file={tmp_path / 'secret'}", f"--ca-file={machines.lab.ca_file}",
    ]  # fmt: skip


def scoped(machines: Machines, unscoped: httpx.Response, project: str = "p3") -> dict[str, Any]:
    identity = {"methods": ["token"], "token": {"id": unscoped.headers["X-Subject-Token"]}}
    scope = {"project": {"name": project, "domain": {"name": "egi"}}}
    body = {"auth": {"identity": identity, "scope": scope}}
    url = f"{machines.jobs_keystone}/auth/tokens"
    reply = httpx.post(url, json=body, verify=machines.lab.tls, trust_env=False, timeout=30)
    assert reply.status_code == 201, reply.text
    token: dict[str, Any] = reply.json()["token"]
    return token


def test_a_robot_works_straight_at_keystone(
    machines: Machines, robot: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    """As at a site that gave p3idp up."""
    secret = machines.lab.layout.secret("egi-client-p3-robot")
    words = ["login", "--cloud=direct", *direct(machines), "--service-account=p3-robot", "--client-secret-env=ROBOT"]
    signed_in = robot("p3idp", *words, ROBOT=secret)
    assert signed_in.returncode == 0, signed_in.stderr
    assert robot("p3idp", "use", "p3", ROBOT=secret).stdout == "Working in p3@egi at direct.\n"
    assert robot("p3idp", "token", "--keystone", ROBOT=secret).stdout.startswith("gAAAA")


def test_a_job_works_in_exactly_its_project(machines: Machines, keystone: KeystoneChecks, tmp_path: Path) -> None:
    job = machines.job(seconds=120)
    exchanged = machines.exchange(job)
    assert exchanged.status_code == 200, exchanged.text
    token = keystone.describe(exchanged.json()["access_token"])
    assert (token["project"]["name"], sorted(role["name"] for role in token["roles"])) == ("p3", ["member", "reader"])
    assert token["user"]["name"] == JOB
    assert exchanged.json()["expires_in"] <= 120, "never longer than the job's token"
    assert machines.exchange(job, "training@egi").json()["code"] == "exchange-invalid-target"

    own = {"auth_url": machines.lab.urls.keystone_url, "broker": machines.broker,
           "access_token_env": "P3IDP_ID_TOKEN", "project_name": "p3", "project_domain_name": "egi"}  # fmt: skip
    clouds = {"clouds": {"ci": {"auth_type": "v3p3idp", "auth": own, "cacert": str(machines.lab.ca_file)}}}
    (tmp_path / "clouds.yaml").write_text(json.dumps(clouds), encoding="utf-8")
    environment = {"PATH": f"{PROGRAMS}:/usr/bin:/bin", "P3IDP_ID_TOKEN": job, "OS_CLOUD": "ci"}
    shown = subprocess.run(
        [PROGRAMS / "openstack", "token", "issue", "-f", "json"],
        env=environment, cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert json.loads(shown.stdout)["project_id"] == token["project"]["id"]


def test_a_job_comes_in_at_keystones_own_door_too(machines: Machines) -> None:
    unscoped = machines.door(machines.job())
    assert unscoped.status_code == 201, unscoped.text
    token = scoped(machines, unscoped)
    assert (token["project"]["name"], token["user"]["name"]) == ("p3", JOB)


# A job of this kind, and what the broker and Keystone's door answer: (OAuth error, code or reason), status.
OTHERS: dict[str, tuple[dict[str, Any], str, int]] = {
    "another project": ({"path": "physics/other"}, "does not name", 401),
    "a project in it": ({"path": "physics/simulation/x"}, "does not name", 401),
    "another branch": ({"ref": "dev"}, "does not name", 401),
    "a tag of the branch's name": ({"ref_type": "tag"}, "does not name", 401),
    "the same in capitals": ({"path": "Physics/Simulation"}, "does not name", 401),
    "a branch that quotes the path": ({"path": "a/b", "ref": f"x;{JOB}"}, "a semicolon", 201),
    "another audience": ({"aud": "https://elsewhere.example.org"}, "client", 403),
    "two audiences": ({"aud": ["https://elsewhere.example.org", "OURS"]}, "addressed to another", 403),
    "over": ({"seconds": -60}, "expired", 401),
    "an access token": ({"typ": "Bearer"}, "not an ID token", 403),
    "a refresh token": ({"typ": "Refresh"}, "not an ID token", 403),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_jobs_are_refused_at_both_doors(machines: Machines, kind: str, keystone: KeystoneChecks) -> None:
    asked, reason, status = OTHERS[kind]
    aud = asked.get("aud")
    named = {"aud": [machines.broker if one == "OURS" else one for one in aud]} if isinstance(aud, list) else {}
    job = machines.job(**asked | named)
    refused = machines.exchange(job)
    assert refused.status_code == 400, refused.text
    assert reason in refused.json()["error_description"], refused.text
    answered = machines.door(job)
    assert answered.status_code == status, answered.text
    if answered.status_code == 201:  # Keystone splits at a semicolon, and takes them for another user without anything
        assert keystone.projects(answered.headers["X-Subject-Token"]) == []


def test_a_token_is_over_at_keystones_door_when_its_life_is(machines: Machines) -> None:
    job = machines.job(seconds=2)
    assert machines.door(job).status_code == 201
    time.sleep(3.1)
    assert machines.door(job).status_code == 401


def test_a_job_never_passes_as_a_person(machines: Machines) -> None:
    """Its issuer may say any subject it likes, and any entitlement."""
    impostor = machines.job(sub=SUBJECT["bob"])
    assert "does not name" in machines.exchange(impostor).json()["error_description"]
    doors = [machines.door(impostor).status_code, machines.door(impostor, "egi", machines.keystone).status_code]
    assert doors == [401, 401]
    alice = machines.door(machines.lab.token("alice"), "egi", machines.keystone)
    named = machines.door(machines.job(sub=SUBJECT["alice"]))  # the policy names a job by her subject
    assert (alice.status_code, named.status_code) == (201, 201), "nobody locks anybody out"
    users = [reply.json()["token"]["user"] for reply in (alice, named)]
    assert users[0]["name"] == users[1]["name"]
    assert users[0]["id"] != users[1]["id"], "two users all the same"


def test_nobody_signs_in_at_the_ci_system(machines: Machines) -> None:
    with httpx.Client(verify=machines.lab.tls, trust_env=False, base_url=machines.broker) as broker:
        front = broker.get("/").text
        assert ("/login/egi" in front, "/login/ci" in front) == (True, False)
        assert [broker.get(f"/login/{provider}").status_code for provider in ("egi", "ci")] == [303, 404]


def test_no_token_opens_the_other_virtual_hosts_door(machines: Machines) -> None:
    job, person = machines.job(), machines.lab.token("alice")
    assert machines.door(job, "egi", machines.keystone).status_code == 401
    assert machines.door(person, "ci").status_code == 401
    assert machines.door(job, "ci", machines.keystone).status_code == 403, "closed there"
    for token in (job, person, ""):
        assert machines.door(token, "egi").status_code == 403, "closed there"
    for path in ("/auth/OS-FEDERATION/websso/openid", "//OS-FEDERATION/identity_providers/egi/protocols/openid/auth",
                 "/auth/OS-FEDERATION/identity_providers/egi/protocols/openid/websso",
                 "/OS-FEDERATION/identity_providers/%65gi/protocols/openid/auth",
                 "/x/../OS-FEDERATION/identity_providers/egi/protocols/openid/auth"):  # fmt: skip
        reply = httpx.get(f"{machines.jobs_keystone}{path}", verify=machines.lab.tls, trust_env=False)
        assert reply.status_code in (401, 403), (path, reply.status_code)


def test_headers_carry_no_claims_between_the_virtual_hosts(machines: Machines) -> None:
    alice = SUBJECT["alice"]
    claims = {"iss": machines.lab.urls.issuer, "sub": alice, "voperson_id": alice, "azp": "p3idp-cli",
              "entitlements": "urn:mace:egi.eu:group:vo.access.egi.eu:role=vm_operator#aai.egi.eu"}  # fmt: skip
    forged = {
        form.format(name): value for name, value in claims.items() for form in ("OIDC-{}", "OIDC_{}", "HTTP_OIDC_{}")
    }
    forged |= {"Remote-User": alice, "Host": machines.keystone.split("/")[2]}
    for provider, base in (("egi", machines.jobs_keystone), ("ci", machines.keystone), ("egi", machines.keystone)):
        assert machines.door("", provider, base, **forged).status_code in (401, 403)
        assert machines.door(machines.job(ref="dev"), provider, base, **forged).status_code in (401, 403)
    own = machines.door(machines.job(), **forged)
    assert (own.status_code, own.json()["token"]["user"]["name"]) == (201, JOB), "its own claims count, and no header's"


def test_no_secret_is_written_anywhere_by_a_job(machines: Machines) -> None:
    job = machines.job()
    assert machines.exchange(job).status_code == 200
    assert machines.door(job).status_code == 201
    signature = job.rsplit(".", 1)[1]
    files = [*machines.directory.rglob("*"), machines.lab.layout.log("keystone"), machines.lab.layout.log("hub")]
    held = [file.name for file in files if file.is_file() and signature.encode() in file.read_bytes()]
    assert held == []
    assert not (machines.directory / "site/apache-secrets-ci.conf").exists(), "there is no secret to keep"
    assert os.stat(machines.directory / "site/apache-secrets.conf").st_mode & 0o077 == 0


def test_a_robot_works_with_the_real_client_until_its_entry_ends(
    machines: Machines, robot: Callable[..., subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    signed_in = robot(*("p3idp", *robots_login(machines, tmp_path)))
    assert signed_in.returncode == 0, signed_in.stderr
    assert robot_subject() in signed_in.stdout
    told = json.loads(robot("p3idp", "whoami", "--json").stdout)
    assert (told["client_id"], told["refreshable"]) == ("p3-robot", False)
    shown = robot("openstack", "--os-cloud", "robot", "token", "issue", "-f", "json")
    assert shown.returncode == 0, shown.stderr
    assert robot("p3idp", "exec", "--project", "p3", "--", "printenv", "OS_TOKEN").stdout.startswith("gAAAA")

    secret = (tmp_path / "secret").read_text(encoding="utf-8").strip()
    kept = [file.read_text(encoding="utf-8") for file in (tmp_path / "cache").rglob("*.json")]
    assert kept
    assert not [text for text in kept if secret in text], "the secret stays where it is"
    ended = robot("p3idp", "logout", "--json")
    assert json.loads(ended.stdout)["provider_told"] is True, "the provider takes the token back"

    machines.name(("ci", JOB))  # the last story here: the others want the robot
    machines.start("broker")
    assert robot(*("p3idp", *robots_login(machines, tmp_path))).returncode == 0, "Check-in knows it still"
    refused = robot("p3idp", "use", "p3@egi")
    assert refused.returncode == 4, refused.stderr
    assert "The policy gives you no project" in refused.stderr
    assert robot("openstack", "--os-cloud", "robot", "token", "issue").returncode != 0
