"""Keys of one's own from the command line, at the real Keystone: made, used by the real client, narrowed, and ended."""

import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout, suppress
from datetime import datetime
from io import StringIO
from pathlib import Path
from typing import Any

import httpx
import pytest
from openstack_client import openstack_client

from p3idp.cli.main import run
from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE
from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
LEFT = ("OS_CLOUD", "OS_CLIENT_CONFIG_FILE", "OS_CLIENT_SECURE_FILE", "XDG_CONFIG_HOME", "REQUESTS_CA_BUNDLE")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with openstack_client(tmp_path_factory.mktemp("client")) as place:
        yield place


class Researcher:
    """Somebody of the lab with a home, whose access token a program prints, as oidc-agent does."""

    def __init__(self, site: LabHandle, home: Path, client: Path, login: str) -> None:
        self.site, self.home, self.login, self.token_file = site, home, login, home / "token"
        self.others: list[str] = []
        self.environment = {
            "HOME": str(home), CACHE_VARIABLE: str(home / "cache"), CONFIG_VARIABLE: str(home / "client.toml"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "NO_PROXY": "localhost",
            "PATH": f"{client}:{PROGRAM.parent}:{os.environ['PATH']}",
        }  # fmt: skip

    def get_token(self) -> None:
        self.token_file.write_text(self.site.token(self.login), encoding="utf-8")

    def sign_in(self) -> None:
        """The broker says where Keystone is, and by which door people come in."""
        self.get_token()
        self.type("login", "--cloud", "lab", "--broker", self.site.urls.broker_url, "--ca-file",
                  str(self.site.ca_file), "--token-command", f"cat {self.token_file}")  # fmt: skip
        self.type("use", "p3@egi")

    def type(self, *words: str, status: int = 0) -> str:
        """A command in this process; what it said on standard output."""
        out, err = StringIO(), StringIO()
        with pytest.MonkeyPatch.context() as typing, redirect_stdout(out), redirect_stderr(err):
            for name, value in self.environment.items():
                typing.setenv(name, value)
            for name in LEFT:
                typing.delenv(name, raising=False)
            typing.chdir(self.home)
            typing.setattr("sys.argv", ["p3idp", *words])
            with pytest.raises(SystemExit) as ended:
                run()
        assert int(ended.value.code or 0) == status, out.getvalue() + err.getvalue()
        return out.getvalue() if status == 0 else err.getvalue()

    def tell(self, *words: str, status: int = 0) -> Any:
        return json.loads(self.type(*words, "--json", status=status))

    def start(self, *words: str) -> "subprocess.Popen[str]":
        """A command in a process of its own."""
        return subprocess.Popen(
            [PROGRAM, *words], env=self.environment, cwd=self.home, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def run(self, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
        """Another program with this home; its files are named, since the client that is forked looked elsewhere."""
        config = self.home / ".config/openstack"
        files = {
            "OS_CLIENT_CONFIG_FILE": str(config / "clouds.yaml"),
            "OS_CLIENT_SECURE_FILE": str(config / "secure.yaml"),
        }
        environment = {**self.environment, **files, **more}
        return subprocess.run(words, env=environment, cwd=self.home, capture_output=True, text=True, timeout=60)

    def credentials(self) -> list[str]:
        """Without what other stories left."""
        names = [each["name"] for each in self.tell("application-credential", "list")]
        return [name for name in names if name not in self.others]


@pytest.fixture(scope="module")
def signed_in(site: LabHandle, client: Path, tmp_path_factory: pytest.TempPathFactory) -> Researcher:
    """Somebody whom no other story lets leave, and whose exchanges none counts."""
    who = Researcher(site, tmp_path_factory.mktemp("home"), client, "carol")
    who.sign_in()
    who.others = who.credentials()
    return who


@pytest.fixture
def carol(signed_in: Researcher) -> Iterator[Researcher]:
    """Signed in; afterwards she has no credentials and no clouds.yaml again."""
    before = dict(signed_in.environment)
    yield signed_in
    signed_in.environment = before
    signed_in.get_token()
    for name in signed_in.credentials():
        signed_in.type("application-credential", "revoke", name)
    shutil.rmtree(signed_in.home / ".config", ignore_errors=True)


def token_with(site: LabHandle, values: dict[str, str]) -> httpx.Response:
    """What Keystone says to whoever shows this credential."""
    key = {"id": values["OS_APPLICATION_CREDENTIAL_ID"], "secret": values["OS_APPLICATION_CREDENTIAL_SECRET"]}
    body = {"auth": {"identity": {"methods": ["application_credential"], "application_credential": key}}}
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as http:
        return http.post(f"{site.urls.keystone_url}/auth/tokens", json=body)


def is_taken(site: LabHandle, token: str) -> int:
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as http:
        headers = {"X-Auth-Token": token, "X-Subject-Token": token}
        return http.get(f"{site.urls.keystone_url}/auth/tokens", headers=headers).status_code


def test_it_is_made_narrow_used_and_ended(carol: Researcher, site: LabHandle) -> None:
    made = carol.tell(
        "application-credential", "create", "ci", "--role", "reader", "--days", "3", "--description", "CI"
    )
    assert (made["project"], made["roles"], made["unrestricted"]) == ("p3@egi", ["reader"], False)
    listed = carol.tell("application-credential", "list")
    (row,) = (each for each in listed if each["name"] == "ci")
    assert datetime.fromisoformat(row["access_until"]) < datetime.fromisoformat(row["expires_at"]), "membership lapses"
    same = {name: value for name, value in row.items() if name != "access_until"}
    assert same == {name: value for name, value in made.items() if name in same}
    assert made["secret"] not in json.dumps(listed)
    assert "works until" in carol.type("application-credential", "list")
    assert "CI" in carol.type("application-credential", "show", "ci")
    reply = token_with(site, made["environment"])
    token, told = reply.headers["x-subject-token"], reply.json()["token"]
    assert [role["name"] for role in told["roles"]] == ["reader"]
    assert is_taken(site, token) == 200
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as http:
        another = http.post(
            f"{site.urls.keystone_url}/users/{told['user']['id']}/application_credentials",
            headers={"X-Auth-Token": token},
            json={"application_credential": {"name": "grown"}},
        )
    assert another.status_code == 403, "it is restricted"

    assert carol.tell("application-credential", "create", "ci", status=2)["error"]["code"] == (
        "application-credential-name-taken"
    )
    assert carol.tell("application-credential", "revoke", made["id"])["revoked"]
    assert token_with(site, made["environment"]).status_code in (401, 404)
    assert is_taken(site, token) in (401, 404), "its tokens end with it"
    assert carol.credentials() == []
    error = carol.tell("application-credential", "revoke", "ci", status=2)["error"]
    assert error["code"] == "application-credential-unknown"


def test_what_is_refused_leaves_nothing(carol: Researcher) -> None:
    create = ("application-credential", "create", "ci")
    assert carol.tell(*create, "--role", "admin", status=4)["error"]["code"] == "role-not-yours"
    assert carol.tell(*create, "--project", "nobodys@egi", status=4)["error"]["code"] == "keystone-refused-person"
    (carol.home / "taken").touch()
    assert carol.tell(*create, "--out", "taken", status=1)["error"]["code"] == "clouds-file-not-written"
    assert carol.tell(*create, "--role", "admin", "--out", "new", status=4)
    assert not (carol.home / "new").exists()
    assert carol.credentials() == []


def test_the_real_client_works_with_what_was_written(carol: Researcher, site: LabHandle) -> None:
    config = carol.home / ".config/openstack"
    config.mkdir(parents=True)
    theirs = "# mine\nclouds:\n  other: {auth: {auth_url: https://k.test/v3}} # keep\n"
    (config / "clouds.yaml").write_text(theirs)
    written = carol.tell("application-credential", "create", "ci", "--write")
    assert "secret" not in written
    assert written["written_to"] == [str(config / "clouds.yaml"), str(config / "secure.yaml")]
    assert (config / "clouds.yaml").read_text().startswith(theirs)
    assert "secret" not in (config / "clouds.yaml").read_text()
    assert stat.S_IMODE((config / "secure.yaml").stat().st_mode) == 0o600
    wanted = ("-f", "value", "-c", "project_id")
    done = carol.run("openstack", "--os-cloud", "ci", "token", "issue", *wanted)
    assert done.stdout.strip() == written["project_id"], done.stderr
    carol.type("application-credential", "create", "ci2", "--out", "openrc")
    assert stat.S_IMODE((carol.home / "openrc").stat().st_mode) == 0o600
    done = carol.run("sh", "-c", f". ./openrc; openstack token issue {' '.join(wanted)}")
    assert done.stdout.strip() == written["project_id"], done.stderr
    for taken in ("ci", "other"):
        again = carol.tell("application-credential", "create", "ci3", "--write", "--as", taken, status=2)
        assert again["error"]["code"] == "clouds-entry-taken"
    (config / "secure.yaml").chmod(0o644)
    assert carol.tell("application-credential", "create", "ci3", "--write", status=1)["error"]["code"] == (
        "secret-file-open"
    )
    (config / "secure.yaml").chmod(0o600)
    (config / "clouds.yaml").chmod(0o444)
    before = [each.read_text() for each in (config / "clouds.yaml", config / "secure.yaml")]
    assert carol.tell("application-credential", "create", "ci3", "--write", status=1)["error"]["code"] == (
        "clouds-file-not-written"
    )
    assert [each.read_text() for each in (config / "clouds.yaml", config / "secure.yaml")] == before
    assert carol.credentials() == ["ci", "ci2"], "nothing stays whose secret had no place"
    carol.type("application-credential", "revoke", "ci")
    assert carol.run("openstack", "--os-cloud", "ci", "token", "issue").returncode != 0


# ---- p3idp exec --long ----


ID_OF = "openstack token issue -f value -c project_id"


def get_short_token(who: Researcher, seconds: int) -> str:
    """Let the sign-in be one that is over so soon, as far as this machine knows too."""
    with closing(who.site.control()) as control:
        before = control.access_token_life(seconds)
        try:
            who.get_token()
        finally:
            control.access_token_life(before)
    for kept in (who.home / "cache").glob("identity-*.json"):
        kept.unlink()
    return who.token_file.read_text(encoding="utf-8")


def says(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def answer(process: "subprocess.Popen[str]") -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def test_a_long_run_outlives_the_access_token_and_leaves_nothing(carol: Researcher, site: LabHandle) -> None:
    first, over = get_short_token(carol, 6), time.monotonic() + 6.5
    carol.environment |= {"OS_CLOUD": "of somebody else", "OS_PASSWORD": "theirs"}
    work = f"echo $OS_AUTH_TYPE $OS_CLOUD$OS_PASSWORD; {ID_OF}; read x; {ID_OF}; exit 7"
    with carol.start("exec", "--long", "--hours", "1", "--", "sh", "-c", work) as process:
        assert says(process) == "v3applicationcredential"
        project = says(process)
        carol.get_token()
        (name,) = carol.credentials()
        assert name.startswith("p3idp-exec-")
        time.sleep(max(0.0, over - time.monotonic()))
        assert federated(site, first) == 401, "the access token that the run began with is over"
        answer(process)
        assert says(process) == project != ""
        assert process.wait(60) == 7
    assert carol.credentials() == []
    assert not list((carol.home / "cache").glob("run-*.note"))


def federated(site: LabHandle, token: str) -> int:
    url = f"{site.urls.keystone_url}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30) as http:
        return http.post(url, headers={"Authorization": f"Bearer {token}"}).status_code


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"])
def test_a_run_that_is_stopped_ends_its_credential(carol: Researcher, number: int, status: int) -> None:
    with carol.start("exec", "--long", "--", "sh", "-c", "echo ready; exec sleep 60") as process:
        assert says(process) == "ready"
        process.send_signal(number)
        assert process.wait(60) == status
    assert carol.credentials() == []


def test_what_a_killed_run_left_is_ended_by_the_next_once_nothing_uses_it(carol: Researcher) -> None:
    with carol.start("exec", "--long", "--", "sh", "-c", f"echo $$; read x; {ID_OF}; read x") as killed:
        child = int(says(killed))
        killed.kill()
        killed.wait(60)
        (left,) = carol.credentials()
        assert carol.run("p3idp", "exec", "--long", "--", "true").returncode == 0
        assert carol.credentials() == [left], "what the killed run began still works with it"
        answer(killed)
        assert says(killed) != ""
        answer(killed)
        while Path(f"/proc/{child}").exists():
            time.sleep(0.02)
    done = carol.run("p3idp", "exec", "--long", "--", "sh", "-c", "exit 3")
    assert (done.returncode, carol.credentials()) == (3, [])


def test_a_run_whose_sign_in_ended_says_what_is_left_and_the_next_ends_it(carol: Researcher) -> None:
    forget = f"rm {carol.home}/cache/identity-*.json; echo over > {carol.token_file}; exit 5"
    done = carol.run("p3idp", "exec", "--long", "--", "sh", "-c", forget)
    assert done.returncode == 5
    assert "could not be ended" in done.stderr
    carol.get_token()
    assert len(carol.credentials()) == 1
    assert carol.run("p3idp", "exec", "--long", "--", "true").returncode == 0
    assert carol.credentials() == []


def test_the_secret_is_nowhere_but_in_the_childs_environment(carol: Researcher) -> None:
    with carol.start("exec", "--long", "--", "sh", "-c", "echo $OS_APPLICATION_CREDENTIAL_SECRET; read x") as process:
        secret = says(process)
        assert len(secret) > 30
        for number in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                assert secret.encode() not in (number / "cmdline").read_bytes()
        assert secret.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()
        kept = [each for each in carol.home.rglob("*") if each.is_file() and secret.encode() in each.read_bytes()]
        assert kept == []
        answer(process)
        _, err = process.communicate(timeout=60)
    assert secret not in err


# ---- p3idp config write ----


def test_the_real_client_works_with_each_way_in(carol: Researcher, site: LabHandle) -> None:
    shown = carol.type("config", "write", "--dry-run")
    assert "+    auth_type: v3p3idp" in shown
    assert not (carol.home / ".config").exists()
    assert carol.tell("config", "write", status=2)["error"]["code"] == "usage-mistaken", "nobody can be asked"
    first = carol.tell("config", "write", "--yes")
    file = Path(first["file"])
    assert (file, stat.S_IMODE(file.stat().st_mode)) == (carol.home / ".config/openstack/clouds.yaml", 0o600)
    assert not carol.tell("config", "write", "--yes")["changes"]
    carol.type("config", "write", "--yes", "--plain", "--as", "plain")
    carol.type("login", "--cloud", "direct", "--issuer", site.urls.issuer, "--client-id", "p3idp-cli", "--auth-url",
               site.urls.keystone_url, "--identity-provider", "egi", "--protocol", "openid", "--ca-file",
               str(site.ca_file), "--token-command", f"cat {carol.token_file}")  # fmt: skip
    direct = carol.tell("config", "write", "--yes", "--project", "p3@egi")
    carol.type("use", "--cloud", "lab", "p3@egi")  # as it was
    assert direct["entry"]["auth"]["p3idp_cloud"] == "direct", "without a broker its name says which sign-in"
    shown = carol.tell("config", "show")
    assert [(each["name"], each["auth_type"], each["project"]) for each in shown["clouds"]] == [
        ("lab", "v3p3idp", "p3@egi"), ("plain", "v3oidcaccesstoken", "p3@egi"), ("direct", "v3p3idp", "p3@egi"),
    ]  # fmt: skip
    before = file.read_text()
    taken = carol.tell("config", "write", "--plain", "--as", "lab", "--cloud", "lab", status=2)["error"]
    assert (taken["code"], file.read_text()) == ("clouds-entry-taken", before)
    token = {"OS_ACCESS_TOKEN": carol.type("token", "--cloud", "lab").strip()}
    for name, more in (("lab", {}), ("direct", {}), ("plain", token)):
        done = carol.run("openstack", "--os-cloud", name, "project", "list", "--my-projects", "-f", "json", **more)
        assert [each["Name"] for each in json.loads(done.stdout or "[]")] == ["p3"], done.stderr
    assert carol.token_file.read_text() not in file.read_text()
