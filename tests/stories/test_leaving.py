"""A site leaves p3idp: what it exported makes a Keystone that lets in the same people, by the real openstack client."""

import json
import os
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner
from keystone_checks import KeystoneChecks
from keystoneclient.v3.client import Client
from openstack_client import openstack_client

from p3idp import wiring
from p3idp.adapters.keystone.session import make_session
from p3idp.cli.main import main
from p3idp.lab.handle import LabHandle


def typed(site: LabHandle, *words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--settings", str(site.settings_path)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def projects_at_login(site: LabHandle, keystone: KeystoneChecks, who: str) -> list[str] | int:
    reply = keystone.federated_login(site.token(who))
    return keystone.projects(reply.headers["X-Subject-Token"]) if reply.status_code == 201 else reply.status_code


def empty_keystone(site: LabHandle) -> None:
    """All that p3idp ever made is gone; with the domain go its people, groups, projects and providers."""
    account = wiring.keystone_account(site.settings)
    client = Client(session=make_session(account, site.ca_file, 30), endpoint_override=site.urls.keystone_url)
    (domain,) = client.domains.list(name="egi")
    client.domains.update(domain, enabled=False)
    client.domains.delete(domain)
    client.federation.mappings.delete("p3idp-egi")


@pytest.fixture
def environment(site: LabHandle) -> dict[str, str]:
    own = {"AUTH_URL": site.urls.keystone_url, "USERNAME": "admin", "PROJECT_NAME": "admin"}
    own |= {"PASSWORD": site.layout.secret("keystone-admin"), "CACERT": str(site.ca_file)}
    own |= {"USER_DOMAIN_ID": "default", "PROJECT_DOMAIN_ID": "default", "IDENTITY_API_VERSION": "3"}
    return {f"OS_{name}": value for name, value in own.items()} | {"HOME": "/nonexistent", "NO_PROXY": "localhost"}


def test_the_exported_script_makes_what_the_policy_wants_with_p3idp_gone(
    site: LabHandle, keystone: KeystoneChecks, environment: dict[str, str], tmp_path: Path
) -> None:
    people = {"alice": ["p3"], "dave": ["p3", "training"]}
    assert {who: projects_at_login(site, keystone, who) for who in people} == people
    typed(site, "export", "--format", "openstack", "--to", str(tmp_path / "out"))
    written = [each.read_text(encoding="utf-8") for each in (tmp_path / "out").rglob("*") if each.is_file()]
    secrets = [each.read_text(encoding="utf-8").strip() for each in (site.state_dir / "secrets").iterdir()]
    assert len(written) == 2
    assert not [text for text in written for secret in secrets if len(secret) > 7 and secret in text]

    empty_keystone(site)
    assert projects_at_login(site, keystone, "alice") in {401, 403, 404}
    with openstack_client(tmp_path / "client") as client:
        environment["PATH"] = f"{client}:{os.environ['PATH']}"
        done = subprocess.run(
            [tmp_path / "out/access.sh"], env=environment, cwd="/", capture_output=True, text=True, timeout=200
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(typed(site, "plan", "--json"))["changes"] == [], "marks included: p3idp could come back"
    assert {who: projects_at_login(site, keystone, who) for who in people} == people
