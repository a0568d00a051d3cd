"""A researcher who signs in by way of the lab's real broker, with a scripted person at another device."""

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from researcher import Done, Home
from scripted_browser import approve_at_broker, browser
from test_sign_in_story import age

from p3idp.client.http import Answer, Web
from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
Command = Callable[..., Done]
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The servers that this process asks, by address."""
    addresses: list[str] = []
    ask = Web._ask

    def noted(self: Web, method: str, url: str, *rest: object) -> Answer:
        addresses.append(url)
        return ask(self, method, url, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Web, "_ask", noted)
    return addresses


def login_elsewhere(home: Home, site: LabHandle, login: str, how: dict[str, bool]) -> Done:
    """`p3idp login` where there is no browser, and a person who opens the link that it shows."""
    words = [str(PROGRAM), "login", "--cloud=lab", f"--broker={site.urls.broker_url}", f"--ca-file={site.ca_file}",
             "--no-browser"]  # fmt: skip
    started = subprocess.Popen(words, env=home.environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert started.stderr is not None
    told = ""
    for line in started.stderr:
        told += line
        if link := re.search(rf"{re.escape(site.urls.broker_url)}/device\?user_code=\S+", line):
            approve_at_broker(str(site.ca_file), login, link[0], **how)
    out = started.stdout.read() if started.stdout else ""
    return Done(started.wait(60), out, told)


@pytest.fixture(scope="module")
def logins(site: LabHandle, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Home, Done]]:
    """Four logins at the same time, since each waits for the five seconds that RFC 8628 wants between two polls."""
    whose: dict[str, tuple[str, dict[str, bool]]] = {
        "alice": ("alice", {}),
        "no at the broker": ("alice", {"agree": False}),
        "no at the provider": ("alice", {"agree_there": False}),
        "bob": ("bob", {}),
    }
    places = {who: tmp_path_factory.mktemp("home") for who in whose}
    homes = {who: Home(place / "cache", place / "client.toml") for who, place in places.items()}
    with ThreadPoolExecutor(len(whose)) as many:
        begun = {who: many.submit(login_elsewhere, homes[who], site, *how) for who, how in whose.items()}
        return {who: (homes[who], done.result()) for who, done in begun.items()}


def test_a_whole_day_with_one_server(
    logins: dict[str, tuple[Home, Done]], home: Home, p3idp: Command, site: LabHandle, asked: list[str]
):
    signed_in, done = logins["alice"]
    assert done.returncode == 0, done.stderr
    assert "Signed in at lab as alice" in done.stdout
    shutil.copytree(signed_in.cache, home.cache)
    assert p3idp("use", "p3").returncode == 0
    first = p3idp("token", "--show").stdout
    age(home)
    assert p3idp("token", "--show").stdout != first  # refreshed, and the refresh token rotated
    age(home)
    assert p3idp("token", "--show").stdout != first
    out = p3idp("logout", "--json")
    assert json.loads(out.stdout)["provider_told"] is True, out.stderr
    hosts = {httpx.URL(url).netloc.decode() for url in asked}
    assert httpx.URL(site.urls.broker_url).netloc.decode() in hosts
    assert httpx.URL(site.urls.issuer).netloc.decode() not in hosts, "the identity provider was asked"


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("no at the broker", "somebody said that they had not begun it"),
        ("no at the provider", "refused at the identity provider"),
        ("bob", "The policy gives you no project"),
    ],
)
def test_who_is_not_let_in_is_told_why(logins: dict[str, tuple[Home, Done]], who: str, said: str):
    _, done = logins[who]
    assert (done.returncode, said in done.stderr) == (4, True), done.stderr


def test_many_polls_at_two_workers_ask_the_provider_once(site: LabHandle):
    with browser(str(site.ca_file)) as device:
        url = site.urls.broker_url
        form = {"client_id": "p3idp-cli", "scope": "openid offline_access"}
        begun = device.post(f"{url}/oauth/device_authorization", data=form).json()
        approve_at_broker(str(site.ca_file), "alice", begun["verification_uri_complete"])
        before = site.control().counters()["token"]
        poll = {"grant_type": DEVICE, "client_id": "p3idp-cli", "device_code": begun["device_code"]}
        with ThreadPoolExecutor(12) as many:
            replies = list(many.map(lambda _: _posted(site, f"{url}/oauth/token", poll), range(24)))
    assert site.control().counters()["token"] == before + 1
    assert [reply.status_code for reply in replies].count(200) == 1
    assert {reply.json()["error"] for reply in replies if reply.status_code != 200} <= {"slow_down", "invalid_grant"}


def _posted(site: LabHandle, url: str, form: dict[str, str]) -> httpx.Response:
    with browser(str(site.ca_file)) as alone:  # a connection of its own, so that both workers get some
        return alone.post(url, data=form)
