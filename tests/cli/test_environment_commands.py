"""--environment and promote as people type them: which cloud is meant, what is told, and how it ends."""

import json
import shlex
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import NOW, PolicyFiles

from p3idp import wiring
from p3idp.adapters.memory.keystone import MemoryKeystone
from p3idp.adapters.memory.repository import MemoryRepository
from p3idp.adapters.policy_files import load_policy
from p3idp.cli import serve
from p3idp.cli.main import run
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.keystone_url import v3_url
from p3idp.ops.access import AccessOps
from p3idp.settings import Settings, load_settings
from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.servers import WebSettings

Typed = Callable[..., tuple[int, str, str]]
SETTINGS = """
policy_dir = "policy"
[providers.egi]
client_id = "p3idp"
client_secret = { env = "SECRET" }
[approvals]
key = { env = "KEY" }
[environments.alt-1.keystone]
auth_url = "https://alt-1.test"
username = "p3idp"
password = { env = "SECRET" }
[environments.alt-1.providers.egi]
client_id = "demo"
client_secret = { env = "SECRET" }
[environments.production.keystone]
auth_url = "https://production.test"
username = "p3idp"
password = { env = "SECRET" }
[environments.twin.keystone]
auth_url = "https://ALT-1.test:443/v3/"
username = "p3idp"
password = { env = "SECRET" }
"""
ACCESS = "communities/vo.access.egi.eu.yaml"


class Clouds:
    """Two Keystones by the addresses of the settings, one policy and one history."""

    def __init__(self, directory: Path) -> None:
        (directory / "policy" / "environments").mkdir(parents=True)
        self.files = PolicyFiles(directory / "policy")
        self.files.write("environments/alt-1.yaml", "without_communities: [training.egi.eu]\n")
        for name in ("production", "twin"):
            self.files.write(f"environments/{name}.yaml", "{}\n")
        self.world = AccessWorld(self.files)
        self.repository = MemoryRepository()
        self.keystones: dict[str, MemoryKeystone] = {}
        self.settings = directory / "settings.toml"
        self.settings.write_text(SETTINGS)

    def access(self, settings: Settings) -> AccessOps:
        url = v3_url(settings.keystone.auth_url)
        keystone = self.keystones.setdefault(url, MemoryKeystone(url=url))
        return replace(
            self.world.ops,
            reader=keystone,
            writer=keystone,
            policy=lambda: load_policy(settings.policy_dir, environment=settings.environment),
            repository=self.repository,
        )

    def commit(self) -> str:
        return self.repository.make(load_policy(self.files.root).texts)


@pytest.fixture
def clouds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Clouds:
    made = Clouds(tmp_path)
    monkeypatch.setattr(wiring, "wire_access", made.access)
    monkeypatch.setattr(wiring, "wire_past", lambda settings: made.world.ops.past())
    monkeypatch.setattr(wiring, "now", lambda: NOW)
    monkeypatch.delenv("P3IDP_ENVIRONMENT", raising=False)
    return made


@pytest.fixture
def type_in(clouds: Clouds, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words, "--settings", str(clouds.settings)])
        with pytest.raises(SystemExit) as ended:
            run()
        out, err = capsys.readouterr()
        return int(ended.value.code or 0), out, err

    return typed


@pytest.mark.parametrize("command", [("plan",), ("apply", "--yes"), ("drift",), ("rollback", "1")])
def test_a_command_that_could_mean_any_cloud_does_nothing(type_in: Typed, clouds: Clouds, command: tuple[str, ...]):
    status, _, err = type_in(*command)
    assert status == 2
    assert "there are several: alt-1, production, twin" in err
    assert "--environment NAME" in err
    assert clouds.keystones == {}


def test_each_command_is_about_the_cloud_that_is_named(type_in: Typed, clouds: Clouds, monkeypatch: pytest.MonkeyPatch):
    assert type_in("apply", "--yes", "--environment", "alt-1")[0] == 0
    assert set(clouds.keystones) == {"https://alt-1.test/v3"}
    assert "Nothing to change" in type_in("plan", "--environment", "alt-1")[1]
    monkeypatch.setenv("P3IDP_ENVIRONMENT", "production")
    assert "https://production.test/v3" in type_in("plan")[1]
    assert "https://alt-1.test/v3" in type_in("plan", "--environment", "alt-1")[1]
    assert type_in("plan", "--environment", "alt-2")[0] == 2


def test_what_is_told_to_type_next_is_about_the_same_cloud(type_in: Typed, clouds: Clouds):
    _, out, _ = type_in("plan", "--environment", "alt-1")
    apply, _, _, *words = shlex.split(out.splitlines()[-1].partition(": p3idp ")[2])
    assert words[words.index("--environment") + 1] == "alt-1"
    assert type_in(apply, *words)[0] == 0


@pytest.mark.parametrize("command", [("mapping", "test"), ("mapping", "lint"), ("export", "--format", "openstack")])
def test_what_needs_no_keystone_looks_at_the_policy_of_the_cloud(type_in: Typed, command: tuple[str, ...]):
    assert type_in(*command)[0] in (0, 4)
    assert "training" in "".join(map(str, type_in("export", "--format", "openstack")))
    assert "training" not in "".join(map(str, type_in("export", "--format", "openstack", "--environment", "alt-1")))
    assert type_in(*command, "--environment", "alt-2")[0] == 2


def test_promote_shows_plan_and_differences_and_what_to_type(type_in: Typed, clouds: Clouds):
    commit = clouds.commit()
    type_in("apply", "--yes", "--environment", "alt-1")
    status, out, _ = type_in("promote", "alt-1", "production", "--detailed-exitcode")
    assert status == 6
    assert f"What alt-1 has: apply 1 of 2026-11-22 09:00:00Z, commit {commit[:12]}" in out
    assert "Policy test-site for https://production.test/v3" in out
    assert "Then production differs from alt-1 as the policy says:" in out
    assert "otherwise" not in out
    last = out.splitlines()[-1]
    assert last.startswith("To apply it: p3idp apply --settings ")
    apply, _, _, *words = shlex.split(last.partition(": p3idp ")[2])  # its settings are added to every command here
    assert type_in(apply, *words)[0] == 0
    status, out, _ = type_in("promote", "alt-1", "production", "--detailed-exitcode")
    assert (status, out.splitlines()[-1]) == (0, "")


def test_promote_ends_in_a_refusal_where_the_first_does_not_stand_as_applied(type_in: Typed, clouds: Clouds):
    clouds.commit()
    type_in("apply", "--yes", "--environment", "alt-1")
    grant = ("egi", "vo.access.egi.eu:role=vm_operator", "manager", "project", "egi", "p3")
    clouds.keystones["https://alt-1.test/v3"].put(Resource(Kind.ROLE_ASSIGNMENT, grant, {}))
    status, out, _ = type_in("promote", "alt-1", "production")
    assert status == 4
    assert "alt-1 does not stand as apply 1 left it" in out
    assert "and otherwise, which nobody wrote down: alt-1 -> production:" in out
    assert "To apply it" not in out
    status, out, _ = type_in("promote", "alt-1", "production", "--json")
    assert (status, json.loads(out)["stands_as_applied"]) == (4, False)


def test_promote_names_the_commit_where_the_checkout_is_another(type_in: Typed, clouds: Clouds):
    commit = clouds.commit()
    type_in("apply", "--yes", "--environment", "alt-1")
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    clouds.commit()
    _, out, _ = type_in("promote", "alt-1", "production")
    assert f"Check that one out first: commit {commit}" in out


def test_promote_refuses_what_is_one_keystone_and_what_nobody_applied(type_in: Typed):
    status, _, err = type_in("promote", "alt-1", "twin")
    assert status == 2
    assert "alt-1 and twin are one Keystone, https://alt-1.test/v3" in err
    status, _, err = type_in("promote", "alt-1", "production")
    assert status == 4
    assert "promotion-impossible" in err
    assert type_in("promote", "alt-1", "nowhere")[0] == 2
    assert type_in("promote", "alt-1")[0] == 2


def test_the_history_tells_commit_and_environment(type_in: Typed, clouds: Clouds):
    commit = clouds.commit()
    type_in("apply", "--yes", "--environment", "alt-1")
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    type_in("apply", "--yes", "--accept", "uncommitted-policy", "--environment", "alt-1")
    newest, oldest = type_in("history")[1].splitlines()
    assert f"+7 ~0 -0  @{commit[:12]}  alt-1  " in oldest
    assert f"+1 ~0 -0  @{commit[:12]}+  alt-1  " in newest
    shown = type_in("history", "show", "2")[1]
    assert f"Commit {commit} and {ACCESS} as nobody committed them" in shown
    assert "Keystone https://alt-1.test/v3, environment alt-1" in shown
    entry = json.loads(type_in("history", "show", "2", "--json")[1])
    assert (entry["commit"], entry["environment"]) == ({"id": commit, "changed": [ACCESS]}, "alt-1")


def test_a_stale_checkout_ends_plan_and_apply_with_a_refusal(type_in: Typed, clouds: Clouds):
    first = clouds.commit()
    clouds.files.change(ACCESS, "[member]", "[member, reader]")
    clouds.commit()
    type_in("apply", "--yes", "--environment", "alt-1")
    clouds.files.change(ACCESS, "[member, reader]", "[member]")
    clouds.repository.head = first
    status, out, _ = type_in("plan", "--environment", "alt-1")
    assert status == 4
    assert "stale-checkout" in out
    status, _, err = type_in("apply", "--yes", "--accept", "too-many-removals", "--environment", "alt-1")
    assert status == 4
    assert "Error (stale-checkout)" in err
    assert "git pull" in err


def test_approvers_sign_in_as_they_do_where_they_decide(clouds: Clouds, monkeypatch: pytest.MonkeyPatch):
    """On a first apply elsewhere, alt-1's approvers come by alt-1's client, whatever production's is."""
    from cryptography.fernet import Fernet

    asked = []
    monkeypatch.setenv("KEY", Fernet.generate_key().decode())
    monkeypatch.setattr("p3idp.wiring.proposals.wire_access", clouds.access)
    monkeypatch.setattr("p3idp.wiring.proposals.wire_verifier", lambda settings, policy: asked.append(settings))
    desk = wiring.wire_proposals(load_settings(str(clouds.settings), "production"))
    site = load_policy(clouds.files.root).site
    for environment in ("alt-1", "production", "", "gone"):
        desk.verifier(site, environment)
    assert [settings.providers["egi"].client_id for settings in asked] == ["demo", "p3idp", "p3idp", "p3idp"]


def test_the_web_services_workers_know_which_cloud_they_are_of(type_in: Typed, monkeypatch: pytest.MonkeyPatch):
    class Socket:
        def fileno(self) -> int:
            return 3

    for name in ("wire_logs", "check_web_parts"):
        monkeypatch.setattr(wiring, name, lambda settings: None)
    monkeypatch.setattr(
        wiring, "web_settings", lambda settings: WebSettings(base_url="x", cookie_key=SecretRef(env="K"))
    )
    monkeypatch.setattr(serve, "listening", lambda address: Socket())
    seen = []
    monkeypatch.setattr(serve, "run_gunicorn", lambda options: seen.append(load_settings().environment))
    for variable in ("P3IDP_SETTINGS", "P3IDP_ENVIRONMENT", "PROMETHEUS_MULTIPROC_DIR"):
        monkeypatch.setenv(variable, "")  # so that it is as before afterwards
    type_in("serve", "--environment", "alt-1")
    assert seen == ["alt-1"]
