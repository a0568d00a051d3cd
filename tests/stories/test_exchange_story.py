"""A researcher trades a Check-in token for a Keystone token at the broker, and works with the SDK.

Everything is real: Check-in's stand-in, the broker, Apache, Keystone, openstacksdk and openstackclient.
"""

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from subprocess import CompletedProcess, run
from time import sleep
from typing import Any

import openstack
import pytest
from joserfc.jws import extract_compact
from keystone_checks import KeystoneChecks

from p3idp import wiring
from p3idp.client.exchanged import KeystoneToken, P3idp
from p3idp.errors.exchange import ExchangeOff
from p3idp.lab.handle import LabHandle
from p3idp.ops.logins import remember_nothing

BIN = Path(sys.executable).parent
SHORT = timedelta(seconds=11)


def exchange(site: LabHandle, token: str, *options: str) -> CompletedProcess[str]:
    """`p3idp exchange`, the access token on standard input."""
    command = [BIN / "p3idp", "exchange", "--broker", site.urls.broker_url, "--ca-file", str(site.ca_file)]
    return run([*command, "--token-file", "-", *options], input=token, capture_output=True, text=True, check=False)


def exchanged(site: LabHandle, token: str) -> dict[str, Any]:
    done = exchange(site, token, "--project", "p3@egi", "--json")
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def end_of(token: str) -> datetime:
    """A Check-in token's own end."""
    claims = json.loads(extract_compact(token.encode()).payload)
    return datetime.fromtimestamp(claims["exp"], UTC)


def ends_in_keystone(keystone: KeystoneChecks, token: str) -> datetime:
    return datetime.fromisoformat(keystone.describe(token)["expires_at"])


@pytest.fixture
def token_file(site: LabHandle, tmp_path: Path) -> Path:
    file = tmp_path / "access-token"
    file.write_text(site.token("alice") + "\n")
    return file


@contextmanager
def tokens_live(site: LabHandle, life: timedelta) -> Iterator[None]:
    """Check-in gives tokens of this life meanwhile. An hour, the usual one, is also Keystone's own."""
    control = site.control()
    before = control.access_token_life(int(life.total_seconds()))
    try:
        yield
    finally:
        control.access_token_life(before)
        control.close()


def bare_environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("OS_")}


def own_projects(cloud: openstack.connection.Connection) -> list[str]:
    return sorted(project.name for project in cloud.identity.user_projects(cloud.current_user_id))


def test_openstacksdk_lists_the_project_through_the_plugin(site: LabHandle, token_file: Path) -> None:
    cloud = openstack.connect(
        load_yaml_config=False,
        load_envvars=False,
        auth_type="v3p3idp",
        auth={
            "auth_url": site.urls.keystone_url,
            "broker": site.urls.broker_url,
            "access_token_file": str(token_file),
            "project_name": "p3",
            "project_domain_name": "egi",
        },
        region_name="RegionOne",
        cacert=str(site.ca_file),
    )
    assert cloud.current_project.name == "p3"
    assert own_projects(cloud) == ["p3"]
    by_id = P3idp(
        site.urls.keystone_url,
        broker=site.urls.broker_url,
        access_token=lambda: token_file.read_text().strip(),
        project_id=cloud.current_project_id,
    )
    session = openstack.connection.Connection(session=_session(site, by_id))
    assert own_projects(session) == ["p3"]


def test_openstacksdk_lists_the_project_with_the_printed_token(site: LabHandle, token_file: Path) -> None:
    done = exchange(site, token_file.read_text(), "--project", "p3")
    assert done.returncode == 0, done.stderr
    plugin = KeystoneToken(site.urls.keystone_url, done.stdout.strip())
    assert own_projects(openstack.connection.Connection(session=_session(site, plugin))) == ["p3"]


def _session(site: LabHandle, plugin: Any) -> Any:
    from keystoneauth1.session import Session

    return Session(auth=plugin, verify=str(site.ca_file))


def test_openstackclient_works_with_the_exported_lines(site: LabHandle, token_file: Path) -> None:
    # As a person would: eval "$(p3idp exchange … --export)" && openstack project list
    script = 'lines=$("$0" "$@") && eval "$lines" && "${0%/*}/openstack" project list --my-projects -f json'
    options = ["--broker", site.urls.broker_url, "--ca-file", site.ca_file, "--token-file", token_file]
    done = run(
        ["bash", "-ec", script, BIN / "p3idp", "exchange", *options, "--project", "p3@egi", "--export"],
        env=bare_environment() | {"OS_CACERT": str(site.ca_file)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [project["Name"] for project in json.loads(done.stdout)] == ["p3"]


def test_openstackclient_works_through_the_plugin(site: LabHandle, token_file: Path) -> None:
    environment = bare_environment() | {
        "OS_AUTH_TYPE": "v3p3idp",
        "OS_AUTH_URL": site.urls.keystone_url,
        "OS_BROKER": site.urls.broker_url,
        "OS_ACCESS_TOKEN_FILE": str(token_file),
        "OS_PROJECT_NAME": "p3",
        "OS_PROJECT_DOMAIN_NAME": "egi",
        "OS_IDENTITY_API_VERSION": "3",
        "OS_CACERT": str(site.ca_file),
    }
    done = run(
        [BIN / "openstack", "project", "list", "--my-projects", "-f", "json"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert [project["Name"] for project in json.loads(done.stdout)] == ["p3"]


@pytest.mark.parametrize("minutes", [10, 60, 600])
def test_the_keystone_token_never_outlives_its_source(site: LabHandle, keystone: KeystoneChecks, minutes: int) -> None:
    with tokens_live(site, timedelta(minutes=minutes)):
        source = site.token("alice")
    for _ in range(2):
        answer = exchanged(site, source)
        ends = ends_in_keystone(keystone, answer["token"])
        assert ends <= end_of(source)
        assert ends == datetime.fromisoformat(answer["expires_at"])


def test_when_a_short_lived_source_ends_keystone_takes_its_tokens_no_more(
    site: LabHandle, keystone: KeystoneChecks
) -> None:
    with tokens_live(site, SHORT):
        source = site.token("alice")
    end = end_of(source)
    assert end - datetime.now(UTC) <= SHORT
    tokens = [exchanged(site, source)["token"] for _ in range(2)]
    assert all(ends_in_keystone(keystone, token) <= end for token in tokens)
    assert keystone.projects(tokens[0]) == ["p3"]
    sleep(max(0.0, (end - datetime.now(UTC)).total_seconds() + 0.2))
    assert [keystone.is_valid(token) for token in tokens] == [False, False]
    over = exchange(site, source, "--project", "p3")
    assert over.returncode == 3, over.stderr
    assert over.stdout == ""


def test_an_exchanged_token_makes_no_other_token(site: LabHandle) -> None:
    """Why v3token does not work with it (docs/adr/0003-token-lifetime.md)."""
    with tokens_live(site, timedelta(minutes=10)):
        token = exchanged(site, site.token("alice"))["token"]
    environment = bare_environment() | {
        "OS_AUTH_TYPE": "v3token",
        "OS_AUTH_URL": site.urls.keystone_url,
        "OS_TOKEN": token,
        "OS_PROJECT_NAME": "p3",
        "OS_PROJECT_DOMAIN_NAME": "egi",
        "OS_CACERT": str(site.ca_file),
    }
    done = run([BIN / "openstack", "token", "issue"], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "403" in done.stderr


def test_a_foreign_clients_token_is_refused_here_and_straight_at_apache(
    site: LabHandle, keystone: KeystoneChecks
) -> None:
    foreign = site.token("alice", client="other-service")
    done = exchange(site, foreign, "--project", "p3")
    assert done.returncode == 4
    assert "exchange-subject-token-refused" in done.stderr
    assert done.stdout == ""
    assert keystone.federated_login(foreign).status_code in (401, 403)
    assert keystone.federated_login(site.token("alice")).status_code == 201, "the control"


def test_what_check_in_withdraws_is_gone_at_both_doors_within_seconds(
    site: LabHandle, keystone: KeystoneChecks
) -> None:
    token = site.token("alice")
    assert keystone.federated_login(token).status_code == 201
    exchanged(site, token)
    interval = site.settings.site.introspection_interval_seconds
    assert interval <= 5, "in the lab people want to see it"
    control = site.control()
    control.withdraw("alice")
    try:
        sleep(interval + 1)
        assert keystone.federated_login(token).status_code == 401
        assert "exchange-no-access" in exchange(site, token, "--project", "p3@egi").stderr
    finally:
        control.restore("alice")


def test_whoever_has_no_access_is_told_so(site: LabHandle) -> None:
    done = exchange(site, site.token("bob"), "--project", "p3", "--json")
    assert done.returncode == 4
    error = json.loads(done.stderr)["error"]
    assert "exchange-no-access" in error["detail"]
    assert "The policy gives you no project" in error["detail"]


def test_without_a_project_the_broker_names_ones_own(site: LabHandle) -> None:
    done = exchange(site, site.token("alice"))
    assert done.returncode == 4
    assert "project:p3@egi" in done.stderr


def test_a_broker_that_is_not_there_is_unreachable(site: LabHandle) -> None:
    done = run(
        [BIN / "p3idp", "exchange", "--broker", "https://127.0.0.1:1", "--token-file", "-", "--project", "p3"],
        input="x", capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 5
    assert "Traceback" not in done.stderr


def test_the_endpoint_is_off_until_the_policy_names_clients(site: LabHandle) -> None:
    settings = site.settings
    policy = wiring.wire_policy(settings)
    unnamed = tuple(
        dataclasses.replace(provider, issuing_clients=(), audiences=()) for provider in policy.site.identity_providers
    )
    policy = dataclasses.replace(policy, site=dataclasses.replace(policy.site, identity_providers=unnamed))
    with pytest.raises(ExchangeOff):
        wiring.wire_exchange(settings, policy, remember_nothing).exchange(_form(site))


def _form(site: LabHandle) -> list[tuple[str, str]]:
    from exchange_world import a_form

    return a_form(site.token("alice"))


def test_every_exchange_is_in_the_ledger_without_any_token(site: LabHandle) -> None:
    source = site.token("alice")
    answer = exchanged(site, source)
    exchange(site, source, "--project", "nowhere")
    refused, granted = wiring.wire_ledger(site.settings).latest(2, "authenticate/exchange")
    assert _said(granted) == ("success", "p3@egi")
    assert _said(refused) == ("failure", "nowhere@(the site)")
    assert not [text for text in (source, answer["token"]) if text in granted.event + refused.event]


def _said(record: Any) -> tuple[object, object]:
    target = record.body["target"]
    assert isinstance(target, Mapping)
    return record.body["outcome"], target["id"]
