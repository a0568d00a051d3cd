"""The plugin behind real programs: long runs, projects, discovery, and what is said when access ends.

Real are Check-in's stand-in, the broker, Keystone, openstacksdk and openstackclient. Tokens live seconds here.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import keystoneauth1.loading
import openstack
import pytest
import yaml
from keystoneauth1 import exceptions
from keystoneauth1.session import Session
from researcher import Done, Home, ScriptedBrowser

from p3idp.lab.handle import LabHandle

Command = Callable[..., Done]
OPENSTACK = Path(sys.executable).with_name("openstack")
LIFE = 10  # seconds of an access token; the broker honours none that ends within five
RUN = 11.0
LONGEST = 60.0  # on a busy machine


@pytest.fixture
def signed_in(p3idp: Command, alice: ScriptedBrowser, at_the_lab: list[str]) -> Command:
    assert p3idp("login", *at_the_lab).returncode == 0
    return p3idp


@contextmanager
def tokens_live(site: LabHandle, seconds: int) -> Iterator[None]:
    control = site.control()
    before = control.access_token_life(seconds)
    try:
        yield
    finally:
        control.access_token_life(before)
        control.close()


def plugin_at(site: LabHandle, **options: str) -> Any:
    given = {"auth_url": site.urls.keystone_url, "broker": site.urls.broker_url, "project_name": "p3"} | options
    return keystoneauth1.loading.get_plugin_loader("v3p3idp").load_from_options(**given)


def session_at(site: LabHandle, plugin: Any) -> Session:
    return Session(auth=plugin, verify=str(site.ca_file))


@dataclass(eq=False)
class Run:
    """What threads met that asked Keystone without a break."""

    requests: int = 0
    tokens: set[str] = field(default_factory=set)
    failures: list[str] = field(default_factory=list)

    def work(self, site: LabHandle, session: Session, enough: threading.Event) -> None:
        while not enough.is_set():
            try:
                self.tokens.add(str(session.get_token()))
                reply = session.get(f"{site.urls.keystone_url}/auth/projects")
                if [each["name"] for each in reply.json()["projects"]] != ["p3"]:
                    self.failures.append(reply.text)
            except exceptions.ClientException as exc:
                self.failures.append(repr(exc))
            self.requests += 1
            sleep(0.4)


def fewest(*runs: Run) -> int:
    return min(len(run.tokens) for run in runs)


def test_a_run_over_several_token_lives_never_fails_and_never_signs_in_again(
    p3idp: Command, alice: ScriptedBrowser, at_the_lab: list[str], site: LabHandle, home: Home, tmp_path: Path
):
    """Four threads with the sign-in of `p3idp login`, two with a file that somebody else keeps fresh."""
    file = tmp_path / "access-token"
    assert p3idp("login", *at_the_lab).returncode == 0
    assert p3idp("use", "p3@egi").returncode == 0  # what a first exchange takes longer for is done
    with tokens_live(site, LIFE):
        assert p3idp("login", "--again").returncode == 0
        for kept in home.cache.glob("project-*.json"):
            kept.unlink()
        file.write_text(site.token("alice"))
        before, written = site.control().counters()["token"], 0
        ours, theirs, began, enough = Run(), Run(), monotonic(), threading.Event()
        plugins = {ours: plugin_at(site), theirs: plugin_at(site, access_token_file=str(file))}
        threads = [
            threading.Thread(target=run.work, args=(site, session_at(site, plugin), enough))
            for run, plugin in plugins.items()
            for _ in range(4 if run is ours else 2)
        ]
        for thread in threads:
            thread.start()
        while monotonic() - began < RUN or (fewest(ours, theirs) < 3 and monotonic() - began < LONGEST):
            sleep(2.5)
            file.write_text(site.token("alice"))
            written += 1
        enough.set()
        for thread in threads:
            thread.join()
        refreshed = site.control().counters()["token"] - before - written
    assert (ours.failures, theirs.failures) == ([], [])
    assert min(ours.requests, theirs.requests) > 10
    made = len(ours.tokens)
    assert fewest(ours, theirs) >= 3, "each lived ten seconds at most"
    assert made - 1 <= refreshed <= made, "one refresh a token, however many threads"
    assert len(alice.opened) == 2, "for the two logins above"


# ---- which project, which cloud ----


def test_projects_by_name_and_by_id_share_one_sign_in(signed_in: Command, alice: ScriptedBrowser, site: LabHandle):
    by_name = plugin_at(site)
    session = session_at(site, by_name)
    project = by_name.get_project_id(session)
    by_id = plugin_at(site, project_name="", project_id=project)
    assert by_id.get_project_id(session_at(site, by_id)) == project
    with openstack.connection.Connection(session=session) as cloud:
        assert [each.id for each in cloud.identity.user_projects(cloud.current_user_id)] == [project]
    elsewhere = plugin_at(site, project_name="", project_id="0" * 32)
    with pytest.raises(exceptions.AuthorizationFailure, match="exchange-invalid-target"):
        elsewhere.get_token(session_at(site, elsewhere))
    assert len(alice.opened) == 1


def test_another_keystone_is_not_shown_the_tokens_of_the_cloud_in_use(signed_in: Command, site: LabHandle):
    signed_in("use", "p3@egi")
    bare = keystoneauth1.loading.get_plugin_loader("v3p3idp")
    assert bare.load_from_options(auth_url=site.urls.keystone_url).get_token(session_at(site, None))
    stranger = bare.load_from_options(auth_url="https://localhost:1/v3")
    with pytest.raises(exceptions.AuthorizationFailure, match="No cloud is known whose Keystone is"):
        stranger.get_token(session_at(site, stranger))


# ---- openstack ----


@dataclass
class Desk:
    """A directory with a clouds.yaml in it, where openstack is run."""

    directory: Path
    home: Home
    site: LabHandle

    def write(self, auth: dict[str, str], **more: str) -> None:
        cloud = {"auth_type": "v3p3idp", "auth": auth, "cacert": str(self.site.ca_file), **more}
        (self.directory / "clouds.yaml").write_text(yaml.safe_dump({"clouds": {"p3": cloud}}))

    def openstack(self, *words: str) -> Done:
        environment = self.home.environment() | {"OS_CLOUD": "p3", "HOME": str(self.directory)}
        done = subprocess.run([OPENSTACK, *words], cwd=self.directory, env=environment, capture_output=True, text=True)
        return Done(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def desk(home: Home, site: LabHandle, tmp_path: Path) -> Desk:
    (tmp_path / "desk").mkdir()
    return Desk(tmp_path / "desk", home, site)


def test_a_broker_and_a_project_are_enough_for_openstack(
    desk: Desk, p3idp: Command, alice: ScriptedBrowser, site: LabHandle
):
    """The broker says the rest; the sign-in too knows no more than the broker's address."""
    desk.write({"broker": site.urls.broker_url, "project_name": "p3"})
    first = desk.openstack("token", "issue", "-f", "json")
    assert (first.returncode, first.stdout) == (1, "")
    assert "Nobody is signed in" in first.stderr
    assert "p3idp login" in first.stderr
    assert "Traceback" not in first.stderr
    assert p3idp("login", f"--broker={site.urls.broker_url}", f"--ca-file={site.ca_file}").returncode == 0
    done = desk.openstack("project", "list", "--my-projects", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert [each["Name"] for each in json.loads(done.stdout)] == ["p3"]
    assert len(alice.opened) == 1


def test_without_a_broker_openstack_goes_straight_to_keystone(
    desk: Desk, p3idp: Command, alice: ScriptedBrowser, at_the_lab: list[str], site: LabHandle
):
    """A site that gives p3idp up changes no cloud of its people but for one line."""
    assert p3idp("login", *(word for word in at_the_lab if not word.startswith("--broker"))).returncode == 0
    desk.write({"auth_url": site.urls.keystone_url, "project_name": "p3"})
    before = site.layout.log("broker").stat().st_size
    done = desk.openstack("project", "list", "--my-projects", "-f", "json")
    assert done.returncode == 0, done.stderr
    assert [each["Name"] for each in json.loads(done.stdout)] == ["p3"]
    assert site.layout.log("broker").stat().st_size == before, "the broker was not asked"
