"""No token, code or key of a sign-in is where somebody else could see it: arguments, words, logs, open files."""

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import keyring
import keystoneauth1.loading
import pytest
from keyring.backend import KeyringBackend
from keystoneauth1.session import Session
from researcher import Done, Home
from small_site import SmallSite

PROGRAM = Path(sys.executable).with_name("p3idp")
BROWSER = Path(__file__).with_name("scripted_browser.py")
Command = Callable[..., Done]


@contextmanager
def arguments() -> Iterator[set[bytes]]:
    """The arguments of every process of this machine, looked at as often as can be."""
    seen: set[bytes] = set()
    over = Event()

    def look() -> None:
        while not over.wait(0.02):
            for process in os.scandir("/proc"):
                if process.name.isdigit():
                    try:
                        seen.add(Path(process.path, "cmdline").read_bytes())
                    except OSError:  # gone by now
                        continue

    watcher = Thread(target=look)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def found(small: SmallSite, seen: set[bytes]) -> list[str]:
    return [secret for secret in small.issued if any(secret.encode() in each for each in seen)]


def open_files(*places: Path) -> list[Path]:
    everything = [file for place in places for file in (place, *place.rglob("*"))]
    return [file for file in everything if stat.S_IMODE(file.stat().st_mode) & 0o077 and file.is_file()]


def test_no_secret_is_in_the_arguments_of_a_process_or_in_a_file_of_others(
    small: SmallSite, home: Home, tmp_path: Path
):
    """Processes of their own, with a browser that is a program, and a umask that lets everybody read."""
    (tmp_path / "temporary").mkdir()
    environment = home.environment() | {
        "BROWSER": f"{sys.executable} {BROWSER} {small.ca_file} mary %s", "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path / "temporary"), "SHELL": "/bin/sh",
    }  # fmt: skip
    child = ["sh", "-c", 'test -n "$OS_TOKEN" && sleep 0.2']
    calls = [["login", *small.options()], ["token", "--project=p3@egi"], ["env", "--project=p3@egi"], ["projects"],
             ["exec", "--project=p3@egi", "--", *child], ["logout"]]  # fmt: skip
    before = os.umask(0)
    try:
        with arguments() as seen:
            done = [subprocess.run([PROGRAM, *each], capture_output=True, env=environment) for each in calls]
    finally:
        os.umask(before)
    assert [each.returncode for each in done] == [0] * len(calls), done
    assert any(b"scripted_browser.py" in each and b"code_challenge" in each for each in seen)  # it was watched
    assert any(b"sleep" in each for each in seen)
    assert found(small, seen) == []
    kept = {file: file.read_text(errors="replace") for file in open_files(tmp_path)}
    assert [file for file, text in kept.items() if any(secret in text for secret in small.issued)] == []


def test_the_watch_sees_a_token_in_arguments(small: SmallSite):
    secret = small.secret("seeded")
    with arguments() as seen:
        subprocess.run([sys.executable, "-c", "import time; time.sleep(0.4)", secret], check=True)
    assert found(small, seen) == [secret]


@pytest.fixture
def loud(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Everything is logged, also by those whom a server in this process may have told to be quiet."""
    caplog.set_level(logging.DEBUG)
    for name in list(logging.root.manager.loggerDict):
        if logging.getLogger(name).level > logging.DEBUG:
            caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def test_no_secret_is_in_what_is_said_or_logged(
    mary: Command, small: SmallSite, home: Home, loud: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    for theirs in ("httpx", "httpcore.http11", "httpcore.connection"):  # the browser of the test
        monkeypatch.setattr(logging.getLogger(theirs), "disabled", True)
    calls = [["login", "--again"], ["use", "p3@egi"], ["whoami"], ["whoami", "--json"], ["projects", "--json"],
             ["doctor", "--client"], ["use", "nobodys", "--json"], ["completion", "bash"], ["login", "--json"],
             ["logout", "--json"], ["token"], ["use", "p3@egi"]]  # fmt: skip
    done = [mary(*each) for each in calls]
    assert [each.returncode for each in done] == [0] * 10 + [3, 3]
    said = "".join(each.stdout + each.stderr for each in done)
    assert "/realm/token" in loud.text  # the log was listening
    assert len(small.issued) > 8
    assert [secret for secret in small.issued if secret in said + loud.text] == []


def test_the_loudest_log_of_the_plugin_names_no_token(mary: Command, small: SmallSite, loud: pytest.LogCaptureFixture):
    """As `openstack --debug` logs it."""
    loader = keystoneauth1.loading.get_plugin_loader("v3p3idp")
    plugin = loader.load_from_options(
        auth_url=f"{small.keystone.url}/v3", broker=small.broker.url, project_name="p3", project_domain_name="egi"
    )
    session = Session(auth=plugin, verify=str(small.ca_file))
    assert session.get(f"{small.keystone.url}/v3/auth/projects").status_code == 200
    assert "/v3/auth/projects" in loud.text
    assert [secret for secret in small.issued if secret in loud.text] == []


class Keys(KeyringBackend):
    """A keyring that lives as long as the test."""

    priority = 5  # type: ignore[assignment]  # keyring's own backends say it like this

    def __init__(self) -> None:
        super().__init__()
        self.held: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.held.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.held[service, username] = password


def test_the_key_of_what_is_kept_is_in_the_keyring_alone(
    p3idp: Command, small: SmallSite, home: Home, browser: object, loud: pytest.LogCaptureFixture
):
    keys = Keys()
    keyring.set_keyring(keys)
    browser.go = small.sign_in  # type: ignore[attr-defined]  # the scripted one
    calls = [["login", *small.options()], ["use", "p3@egi"], ["doctor", "--client", "--json"], ["logout"]]
    done = [p3idp(*each) for each in calls]
    assert [each.returncode for each in done] == [0] * 4
    (key,) = keys.held.values()
    written = "".join(file.read_text() for file in home.cache.iterdir() if file.is_file())
    everything = "".join(each.stdout + each.stderr for each in done) + loud.text + written
    assert key not in everything
    checks = {each["check"]: each["found"] for each in json.loads(done[2].stdout)["findings"]}
    assert checks["keyring"] == "It holds the key."
