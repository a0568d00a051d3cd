"""The lab starts what is missing, keeps what runs, stops what it started, and leaves everybody else alone."""

import json
import os
import re
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from p3idp.errors.lab import PortTaken, ServerFailed
from p3idp.lab import running, supervision
from p3idp.lab.addresses import Addresses, free_addresses, is_free
from p3idp.lab.handle import LabHandle, temporary_lab
from p3idp.lab.layout import Layout, open_layout
from p3idp.lab.servers.base import Program, Server
from p3idp.lab.taken import refuse_taken

P3IDP = str(Path(sys.executable).with_name("p3idp"))


def p3idp_lab(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([P3IDP, "lab", *words], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def pids(layout: Layout) -> dict[str, int]:
    return {name: process.pid for name, process in (supervision.states(layout) or {}).items()}


@pytest.fixture
def stranger() -> Iterator[socket.socket]:
    """A server that is none of the lab's."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening


@pytest.fixture(scope="module")
def second_lab(tmp_path_factory: pytest.TempPathFactory, lab: LabHandle) -> Iterator[LabHandle]:
    """A lab of this module's own, beside the one that all tests share: it may be broken here."""
    with temporary_lab(tmp_path_factory.mktemp("second")) as running_lab:
        yield running_lab


def test_keystone_answers_only_behind_apache(lab: LabHandle):
    with httpx.Client(verify=lab.tls, trust_env=False) as client:
        answer = client.get(lab.urls.keystone_url)
    assert answer.json()["version"]["id"].startswith("v3")
    assert "Apache" in answer.headers["server"]
    keystone = psutil.Process(pids(lab.layout)["keystone"])
    listening = [c for p in (keystone, *keystone.children()) for c in p.net_connections("inet")]
    assert not [c for c in listening if c.status == psutil.CONN_LISTEN]


def test_a_deleted_application_credential_takes_its_roles_along_as_in_mariadb(lab: LabHandle, tmp_path: Path):
    """SQLite gives its number again: roles left behind would make the next credential a duplicate."""
    copy = shutil.copyfile(lab.state_dir / "keystone/keystone.sqlite", tmp_path / "copy.sqlite")
    with closing(sqlite3.connect(copy)) as database:
        database.execute(
            "INSERT INTO application_credential (internal_id, id, name, secret_hash, user_id) "
            "VALUES (99, 'a', 'b', 'c', 'd')"
        )
        database.execute("INSERT INTO application_credential_role VALUES (99, 'member')")
        database.execute("DELETE FROM application_credential WHERE internal_id = 99")
        left = database.execute("SELECT * FROM application_credential_role WHERE application_credential_id = 99")
        assert left.fetchall() == []


def test_the_lab_runs_on_what_site_config_generates(lab: LabHandle, tmp_path: Path):
    subprocess.run([P3IDP, "site", "config", "--settings", lab.settings_path, "--out", tmp_path], check=True)

    def texts(folder: Path) -> dict[str, str]:
        return {file.name: file.read_text().replace(str(folder), "HERE") for file in folder.iterdir()}

    used, written = texts(lab.layout.site), texts(tmp_path)
    used["keystone.conf"] = used["keystone.conf"].replace("HERE", str(lab.layout.site))
    assert used == written
    with httpx.Client(verify=lab.tls, trust_env=False) as client:
        path = "/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
        assert client.get(lab.urls.keystone_url + path).status_code == 401  # Apache's; Keystone would say 404


def test_the_lab_adds_nothing_of_its_own_to_what_is_generated(lab: LabHandle):
    site = lab.layout.site
    apache = (lab.layout.folder("apache") / "apache2.conf").read_text()
    assert f'Include "{site / "apache.conf"}"' in apache
    assert re.findall(r"^\s*(?:OIDC|<|Proxy|RequestHeader|Require|SSL).*", apache, re.M) == []
    environment = psutil.Process(pids(lab.layout)["keystone"]).environ()
    own, generated = environment["OS_KEYSTONE_CONFIG_FILES"].split(";")
    assert generated == str(site / "keystone.conf")
    assert re.findall(r"^\[(?:DEFAULT|auth|federation|mapped|openid)\]", Path(own).read_text(), re.M) == []


def test_every_secret_is_closed_to_others_and_absent_from_arguments(lab: LabHandle):
    secrets = [file for file in lab.layout.folder("secrets").iterdir()]
    assert {file.stat().st_mode & 0o077 for file in secrets} == {0}
    arguments = " ".join(" ".join(process.cmdline()) for process in supervision.processes_of(lab.layout))
    assert "uwsgi" in arguments
    assert not [file.name for file in secrets if file.read_text().strip() in arguments]


def test_a_second_up_reuses_everything(second_lab: LabHandle):
    before = pids(second_lab.layout)
    begin = time.monotonic()
    again = p3idp_lab("up", "--dir", str(second_lab.state_dir))
    assert again.returncode == 0, again.stderr
    assert pids(second_lab.layout) == before
    assert time.monotonic() - begin < 30


def test_a_changed_input_restarts_that_server_alone(second_lab: LabHandle):
    before = pids(second_lab.layout)
    policy = second_lab.layout.policy / "site.yaml"
    policy.write_text(policy.read_text() + "\n# looked at\n")
    running.up(second_lab.layout, lambda line: None)
    after = pids(second_lab.layout)
    assert {name for name in before if before[name] != after[name]} == {"broker"}


def test_a_killed_server_comes_back(second_lab: LabHandle):
    killed = pids(second_lab.layout)["hub"]
    os.kill(killed, signal.SIGKILL)
    running.up(second_lab.layout, lambda line: None)
    assert pids(second_lab.layout)["hub"] != killed
    assert second_lab.token("alice", provider="hub")


def test_status_names_every_server_for_people_and_machines(second_lab: LabHandle):
    shown = p3idp_lab("status", "--dir", str(second_lab.state_dir))
    rows = json.loads(p3idp_lab("status", "--dir", str(second_lab.state_dir), "--json").stdout)
    assert shown.returncode == 0
    assert {row["name"] for row in rows} >= {"checkin", "hub", "keystone", "apache", "broker"}
    assert {row["state"] for row in rows} == {"ready"}
    for row in rows:
        assert re.search(
            rf"^{row['name']} +{re.escape(row['address'])} +ready +{re.escape(row['log'])}$", shown.stdout, re.M
        )


def test_token_prints_a_token_and_nothing_else(second_lab: LabHandle):
    printed = p3idp_lab("token", "--user", "alice", "--client", "other-service", "--dir", str(second_lab.state_dir))
    assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", printed.stdout)
    unknown = p3idp_lab("token", "--user", "nobody", "--dir", str(second_lab.state_dir))
    assert (unknown.returncode, unknown.stdout) == (3, "")
    assert "wrong password" in unknown.stderr


def test_two_labs_side_by_side_share_nothing(lab: LabHandle, second_lab: LabHandle):
    assert not set(pids(lab.layout).values()) & set(pids(second_lab.layout).values())
    assert lab.ca_file.read_text() != second_lab.ca_file.read_text()
    assert lab.settings.keystone.password
    assert second_lab.settings.keystone.password
    assert lab.settings.keystone.password.resolve() != second_lab.settings.keystone.password.resolve()
    with httpx.Client(verify=lab.tls, trust_env=False) as client, pytest.raises(httpx.ConnectError):
        client.get(second_lab.urls.keystone_url)


def test_down_ends_all_of_this_lab_and_nothing_else(lab: LabHandle, second_lab: LabHandle, stranger: socket.socket):
    others = pids(lab.layout)
    ours = supervision.processes_of(second_lab.layout)
    assert p3idp_lab("down", "--dir", str(second_lab.state_dir)).returncode == 0
    assert supervision.wait_gone(ours, 0.1)
    assert not second_lab.layout.run.exists()
    assert is_free(second_lab.urls.keystone)
    assert pids(lab.layout) == others
    socket.create_connection(stranger.getsockname()).close()
    assert "not running" in p3idp_lab("down", "--dir", str(second_lab.state_dir)).stdout
    assert p3idp_lab("status", "--dir", str(second_lab.state_dir)).returncode == 5


class _Small(Server):
    """A server that starts in no time, or does not start at all."""

    name = "small"
    patience_seconds = 5

    def __init__(self, code: str) -> None:
        self.code = code

    def address(self, layout: Layout) -> str:
        return f"http://localhost:{layout.addresses.checkin}"

    def port(self, layout: Layout) -> int:
        return layout.addresses.checkin

    def program(self, layout: Layout) -> Program:
        return Program((sys.executable, "-c", self.code), layout.state)

    def is_ready(self, layout: Layout) -> bool:
        return not is_free(layout.addresses.checkin)


LISTEN = "import socket, sys, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"


@pytest.fixture
def small_lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Layout]:
    """A lab with one server that starts at once, for what does not need the real ones."""
    layout = open_layout(tmp_path / "lab", free_ports=True)
    monkeypatch.setattr(running, "SERVERS", (_Small(LISTEN.format(port=layout.addresses.checkin)),))
    yield layout
    running.down(layout)


def test_a_taken_port_names_the_port_and_its_holder_and_starts_nothing(small_lab: Layout, stranger: socket.socket):
    port = stranger.getsockname()[1]
    taken = replace(small_lab, addresses=replace(small_lab.addresses, checkin=port))
    with pytest.raises(PortTaken, match=rf"Port {port} .* small needs, is taken by process {os.getpid()} \("):
        running.up(taken, lambda line: None)
    assert supervision.states(small_lab) is None
    socket.create_connection(stranger.getsockname()).close()


def test_a_port_taken_by_another_lab_names_that_lab(small_lab: Layout):
    running.up(small_lab, lambda line: None)
    with pytest.raises(PortTaken, match=r"taken by process \d+ \(python\d?") as refused:
        refuse_taken("another", small_lab.addresses.checkin)
    assert f"p3idp lab down --dir {small_lab.state}" in refused.value.hint


def test_a_server_that_dies_shows_the_end_of_its_log(small_lab: Layout, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(running, "SERVERS", (_Small("raise SystemExit('the disk is on fire')"),))
    with pytest.raises(ServerFailed, match=r"small stopped while starting.*small\.log:\n(.|\n)*the disk is on fire"):
        running.up(small_lab, lambda line: None)


def test_a_server_that_stays_silent_is_named_after_its_patience(small_lab: Layout, monkeypatch: pytest.MonkeyPatch):
    silent = _Small("import time; print('thinking', flush=True); time.sleep(600)")
    silent.patience_seconds = 1  # type: ignore[misc] - this one instance is less patient
    monkeypatch.setattr(running, "SERVERS", (silent,))
    with pytest.raises(ServerFailed, match=r"small did not answer within 1 s(.|\n)*thinking"):
        running.up(small_lab, lambda line: None)


def test_down_finds_servers_that_lost_their_supervisor(small_lab: Layout):
    running.up(small_lab, lambda line: None)
    processes = supervision.processes_of(small_lab)
    supervisor = next(process for process in processes if "supervisord" in " ".join(process.cmdline()))
    supervisor.kill()
    supervisor.wait(5)
    assert not is_free(small_lab.addresses.checkin)
    assert running.down(small_lab)
    assert is_free(small_lab.addresses.checkin)


def test_a_lab_whose_directory_was_deleted_still_ends(small_lab: Layout):
    running.up(small_lab, lambda line: None)
    shutil.rmtree(small_lab.state)
    assert "is down" in p3idp_lab("down", "--dir", str(small_lab.state)).stdout
    assert is_free(small_lab.addresses.checkin)


def test_a_tied_lab_ends_with_the_process_that_started_it(tmp_path: Path):
    code = """
import sys, time
from pathlib import Path
from p3idp.lab import running
from p3idp.lab.layout import open_layout
running.SERVERS = [server for server in running.SERVERS if server.name == "hub"]
running.up(open_layout(Path(sys.argv[1]), free_ports=True), print, tied=True)
print("up", flush=True)
time.sleep(99)
"""
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "lab"], stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        while starter.stdout.readline() not in {"up\n", ""}:
            pass
        layout = open_layout(tmp_path / "lab")
        processes = supervision.processes_of(layout)
        starter.kill()
    ended = supervision.wait_gone(processes, 15)
    running.down(layout)
    assert processes
    assert ended


def test_ports_once_chosen_are_kept(tmp_path: Path):
    first = open_layout(tmp_path / "lab", free_ports=True)
    assert first.addresses != Addresses()
    assert open_layout(tmp_path / "lab") == first


def test_a_directory_that_configuration_cannot_name_is_refused(tmp_path: Path):
    refused = p3idp_lab("up", "--free-ports", "--dir", str(tmp_path / "with space"))
    assert refused.returncode == 2
    assert "with space" in refused.stderr
    assert not (tmp_path / "with space").exists()


def test_free_ports_pass_over_one_that_is_taken():
    port = free_addresses("a seed").checkin
    with socket.create_server(("127.0.0.1", port)):
        assert free_addresses("a seed").checkin == port + 1
        with pytest.raises(PortTaken, match=str(port)):
            refuse_taken("anything", port)
