"""A researcher at the lab's real provider, broker and Keystone: sign in once, work, sign out."""

import json
import logging
import os
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import keystoneauth1.loading
import pytest
from keystoneauth1.session import Session
from researcher import Done, Home, ScriptedBrowser
from scripted_browser import answer_of, approve

from p3idp.client.env import uninterrupted
from p3idp.client.flows.device import Patience, by_device
from p3idp.client.flows.request import new_request
from p3idp.client.http import Web
from p3idp.client.provider import look_up
from p3idp.errors.login import ProviderUntrusted
from p3idp.errors.sign_in import SignInDenied
from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
Command = Callable[..., Done]


@pytest.fixture
def signed_in(p3idp: Command, alice: ScriptedBrowser, at_the_lab: list[str]) -> Command:
    done = p3idp("login", *at_the_lab)
    assert done.returncode == 0, done.stderr
    return p3idp


def kept(home: Home) -> dict[str, Any]:
    (file,) = home.cache.glob("identity-*.json")
    body: dict[str, Any] = json.loads(json.loads(file.read_text())["body"])
    return body


def age(home: Home) -> None:
    """Let the access token be over, as far as this machine knows."""
    (file,) = home.cache.glob("identity-*.json")
    outer = json.loads(file.read_text())
    body = {
        **json.loads(outer["body"]),
        "issued_at": "2026-01-01T00:00:00+00:00",
        "ends_at": "2026-01-01T01:00:00+00:00",
    }
    file.write_text(json.dumps({**outer, "body": json.dumps(body)}))


def secrets(home: Home) -> list[str]:
    """Every token that is kept, of both levels."""
    found = []
    for file in home.cache.glob("*-*.json"):
        body = json.loads(json.loads(file.read_text())["body"])
        found += [body[name] for name in ("access_token", "refresh_token", "token") if body.get(name)]
    return found


def test_a_browser_signs_in_once_for_all_commands(signed_in: Command, alice: ScriptedBrowser, at_the_lab: list[str]):
    (opened,) = alice.opened
    query = httpx.URL(opened).params
    assert query["code_challenge_method"] == "S256"
    assert query["redirect_uri"].startswith("http://127.0.0.1:")
    assert {"openid", "entitlements", "eduperson_entitlement", "eduperson_assurance", "voperson_id",
            "offline_access"} <= set(query["scope"].split())  # fmt: skip
    again = json.loads(signed_in("login", *at_the_lab, "--json").stdout)
    assert again["name"] == "alice"
    assert again["refreshable"] is True
    assert json.loads(signed_in("whoami", "--json").stdout) == again
    assert len(alice.opened) == 1
    assert signed_in("login", "--again").returncode == 0  # what was told is remembered
    assert len(alice.opened) == 2


def test_work_in_a_project(signed_in: Command, site: LabHandle):
    listed = json.loads(signed_in("projects", "--json").stdout)
    assert [(row["project"], row["roles"], row["in_use"]) for row in listed] == [("p3@egi", ["member"], False)]
    assert signed_in("token", "--keystone").returncode == 2  # no project is in use
    assert signed_in("use", "p3").stdout == "Working in p3@egi at lab.\n"
    assert "* p3@egi" in signed_in("projects").stdout
    refused = signed_in("use", "nobodys@egi")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "p3@egi" in signed_in("whoami").stdout
    values = json.loads(signed_in("env", "--json").stdout)
    headers = {"X-Auth-Token": values["OS_TOKEN"], "X-Subject-Token": values["OS_TOKEN"]}
    with httpx.Client(verify=site.tls, trust_env=False) as keystone:
        told = keystone.get(f"{values['OS_AUTH_URL']}/auth/tokens", headers=headers).json()["token"]
    assert told["project"]["name"] == "p3"


def test_without_a_broker_keystone_itself_gives_the_tokens(
    p3idp: Command, alice: ScriptedBrowser, at_the_lab: list[str]
):
    """So a site that gives p3idp up keeps its command line."""
    assert p3idp("login", *(word for word in at_the_lab if not word.startswith("--broker"))).returncode == 0
    assert p3idp("use", "p3").returncode == 0
    assert json.loads(p3idp("whoami", "--json").stdout)["project"] == "p3@egi"
    assert p3idp("token", "--keystone").stdout.startswith("gAAAA")


def test_a_token_is_made_once_for_many_commands(signed_in: Command, site: LabHandle):
    signed_in("use", "p3@egi")
    before = site.control().counters()
    tokens = {signed_in("token", "--keystone").stdout for _ in range(3)}
    assert len(tokens) == 1
    assert site.control().counters() == before


# ---- a code for another device, and an address to paste ----


def by_code(site: LabHandle, *, agree: bool) -> object:
    """The device flow whose first pause is used by somebody at another device."""
    provider = look_up(Web(str(site.ca_file)), site.urls.issuer, "p3idp-cli")
    links: list[str] = []
    patience = Patience(
        sleep=lambda _: approve(str(site.ca_file), "alice", links.pop(), agree=agree) if links else None
    )
    return by_device(
        provider, ("openid", "profile", "offline_access"), lambda code: links.append(code.complete), patience
    )


def test_a_code_signs_in_from_another_device(site: LabHandle):
    identity = by_code(site, agree=True)
    assert (identity.name, bool(identity.refresh_token)) == ("alice", True)


def test_who_says_no_on_the_other_device_ends_it(site: LabHandle):
    with pytest.raises(SignInDenied):
        by_code(site, agree=False)


def pasted(site: LabHandle, monkeypatch: pytest.MonkeyPatch, change: Callable[[str], list[str]]) -> None:
    """Whoever is asked pastes, one after the other, what the test makes of the address that a browser ends at."""
    lines: list[str] = []

    def tell(line: str) -> None:
        if line.startswith("https:"):
            lines.extend(change(answer_of(str(site.ca_file), "alice", line)))

    monkeypatch.setattr("p3idp.client.here.say_on_stderr", tell)
    monkeypatch.setattr("p3idp.client.here._read", lambda: lines.pop(0))


def test_a_pasted_address_signs_in_and_only_the_right_one(
    p3idp: Command, site: LabHandle, at_the_lab: list[str], monkeypatch: pytest.MonkeyPatch
):
    pasted(site, monkeypatch, lambda address: ["nonsense", address.replace("state=", "state=x"), address])
    assert p3idp("login", "--flow=paste", *at_the_lab).returncode == 0
    p3idp("logout")
    pasted(site, monkeypatch, lambda address: ["", "https://[", "code=stolen"])
    assert p3idp("login", "--flow=paste").returncode == 4
    assert p3idp("whoami").returncode == 3


def test_an_answer_of_another_issuer_is_refused(
    p3idp: Command, site: LabHandle, browser: ScriptedBrowser, at_the_lab: list[str]
):
    """R51 and R52: the state is right, and nothing is redeemed."""
    for wrong in ("&iss=https%3A%2F%2Fevil.test", ""):

        def answer_for(url: str, wrong: str = wrong) -> None:
            query = httpx.URL(url).params
            httpx.get(f"{query['redirect_uri']}?state={query['state']}&code=c{wrong}", trust_env=False)

        browser.go = answer_for
        before = site.control().counters()["token"]
        done = p3idp("login", *at_the_lab)
        assert (done.returncode, "sign-in-refused" in done.stderr) == (4, True)
        assert site.control().counters()["token"] == before


def test_who_refuses_in_the_browser_ends_it(
    p3idp: Command, browser: ScriptedBrowser, at_the_lab: list[str], site: LabHandle
):
    def deny(url: str) -> None:
        query = httpx.URL(url).params
        denied = f"?state={query['state']}&error=access_denied&iss={site.urls.issuer}"
        httpx.get(query["redirect_uri"] + denied, trust_env=False)

    browser.go = deny
    done = p3idp("login", *at_the_lab)
    assert (done.returncode, "sign-in-denied" in done.stderr) == (4, True)


# ---- what ends ----


def test_an_access_token_is_refreshed_and_the_refresh_token_turns(
    signed_in: Command, home: Home, alice: ScriptedBrowser
):
    first = kept(home)
    age(home)
    second = signed_in("token").stdout.strip()
    age(home)
    third = signed_in("token").stdout.strip()  # the one that came with the refresh works too
    assert len({first["access_token"], second, third}) == 3
    assert kept(home)["refresh_token"] != first["refresh_token"]
    assert kept(home)["access_token"] == third
    assert len(alice.opened) == 1


def test_a_sign_in_that_the_provider_ended_says_so_and_is_cleared(signed_in: Command, home: Home, site: LabHandle):
    provider = look_up(Web(str(site.ca_file)), site.urls.issuer, "p3idp-cli")
    assert provider.ask({"grant_type": "refresh_token", "refresh_token": kept(home)["refresh_token"]}).status == 200
    age(home)
    done = signed_in("token")  # its refresh token was used by somebody else
    assert (done.returncode, done.stdout) == (3, "")
    assert "invalid_grant" in done.stderr
    assert "p3idp login" in done.stderr
    assert signed_in("whoami").returncode == 3


def test_logout_ends_it_everywhere(signed_in: Command, home: Home, site: LabHandle):
    signed_in("use", "p3@egi")
    keystone = signed_in("token", "--keystone").stdout.strip()
    old = kept(home)
    told = json.loads(signed_in("logout", "--json").stdout)
    assert told == {"cloud": "lab", "was_signed_in": True, "provider_told": True, "keystone_tokens_ended": 1}
    assert secrets(home) == []
    provider = look_up(Web(str(site.ca_file)), site.urls.issuer, "p3idp-cli")
    assert provider.ask({"grant_type": "refresh_token", "refresh_token": old["refresh_token"]}).status == 400
    headers = {"X-Auth-Token": keystone, "X-Subject-Token": keystone}
    with httpx.Client(verify=site.tls, trust_env=False) as asking:
        assert asking.get(f"{site.urls.keystone_url}/auth/tokens", headers=headers).status_code in (401, 404)
        bearer = {"Authorization": f"Bearer {old['access_token']}"}
        assert asking.get(f"{site.urls.issuer}/protocol/openid-connect/userinfo", headers=bearer).status_code == 401
    assert signed_in("logout").stdout == "Nobody was signed in at lab.\n"
    assert signed_in("token").returncode == 3


def test_a_keystone_token_that_was_taken_back_is_replaced(signed_in: Command, site: LabHandle):
    """The plugin, with the cache behind it: what openstack and the SDK load."""
    options = {"auth_url": site.urls.keystone_url, "broker": site.urls.broker_url, "project_name": "p3",
               "project_domain_name": "egi"}  # fmt: skip
    plugin = keystoneauth1.loading.get_plugin_loader("v3p3idp").load_from_options(**options)
    session = Session(auth=plugin, verify=str(site.ca_file))
    first = plugin.get_token(session)
    assert first == signed_in("token", "--project=p3@egi").stdout.strip()
    headers = {"X-Auth-Token": first, "X-Subject-Token": first}
    with httpx.Client(verify=site.tls, trust_env=False) as asking:
        assert asking.delete(f"{site.urls.keystone_url}/auth/tokens", headers=headers).status_code == 204
    fresh = keystoneauth1.loading.get_plugin_loader("v3p3idp").load_from_options(**options)
    assert fresh.get_token(Session(auth=fresh, verify=str(site.ca_file))) != first
    answer = session.get(f"{site.urls.keystone_url}/auth/projects")  # the first one meets 401 and goes on
    assert [each["name"] for each in answer.json()["projects"]] == ["p3"]


def test_a_silent_provider_is_one_message_and_nothing_is_lost(
    signed_in: Command, home: Home, site: LabHandle, monkeypatch: pytest.MonkeyPatch
):
    age(home)
    before = kept(home)
    monkeypatch.setattr("p3idp.client.http._TIMEOUTS", (1, 0.3))
    site.control().silence(30)
    try:
        done = signed_in("token")
    finally:
        site.control().silence(0)
    assert (done.returncode, done.stdout) == (5, "")
    assert len(done.stderr.splitlines()) == 2
    assert kept(home) == before
    assert signed_in("token").returncode == 0


# ---- what must never be seen ----


CHILD = """
import os, pathlib, sys
token = os.environ["OS_TOKEN"]
for file in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
    try:
        if token.encode() in file.read_bytes():
            print("in the arguments of", file)
    except OSError:
        pass
print(sorted(name for name in os.environ if name.startswith("OS_")))
sys.exit(7)
"""


def test_exec_gives_the_token_to_the_environment_of_its_child_alone(signed_in: Command, home: Home):
    signed_in("use", "p3@egi")
    stale = {"OS_CLOUD": "other", "OS_USERNAME": "me", "OS_PROJECT_NAME": "other", "OS_REGION_NAME": "here"}
    words = [PROGRAM, "exec", "--", sys.executable, "-c", CHILD]
    done = subprocess.run(words, capture_output=True, text=True, env=home.environment() | stale)
    assert done.returncode == 7, done.stderr
    assert done.stdout.splitlines() == [
        "['OS_AUTH_TYPE', 'OS_AUTH_URL', 'OS_CACERT', 'OS_IDENTITY_API_VERSION', 'OS_REGION_NAME', 'OS_TOKEN']"
    ]
    assert not any(secret in done.stderr for secret in secrets(home))


def test_exec_hands_signals_on(signed_in: Command, home: Home):
    signed_in("use", "p3@egi")
    words = [PROGRAM, "exec", "--", "sh", "-c", "trap 'exit 9' TERM; echo ready; while :; do sleep 0.05; done"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=home.environment()) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        child.terminate()
        assert child.wait(10) == 9


def test_no_token_in_logs_words_or_open_files(signed_in: Command, home: Home, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.DEBUG)
    said = [
        signed_in("login", "--again"),
        signed_in("use", "p3@egi"),
        signed_in("projects"),
        signed_in("whoami", "--json"),
    ]
    canaries = secrets(home)
    said += [signed_in("use", "nobodys"), signed_in("logout")]
    assert len(canaries) == 3
    everything = caplog.text + "".join(done.stdout + done.stderr for done in said)
    assert "openid-connect" in caplog.text  # the log was listening
    assert [canary for canary in canaries if canary in everything] == []
    for file in (home.cache, *home.cache.rglob("*")):
        assert not stat.S_IMODE(file.stat().st_mode) & 0o077, file


def test_a_token_on_a_terminal_is_asked_for_twice(signed_in: Command, home: Home):
    ours, theirs = os.openpty()
    words = [[PROGRAM, "token"], [PROGRAM, "env"], [PROGRAM, "token", "--show"]]
    done = [
        subprocess.run(each, stdout=theirs, stderr=subprocess.PIPE, text=True, env=home.environment()) for each in words
    ]
    os.close(theirs)
    printed = os.read(ours, 65536).decode()
    os.close(ours)
    assert [each.returncode for each in done] == [2, 2, 0]
    assert printed.strip() == kept(home)["access_token"]
    assert "act as you" in done[2].stderr


def test_there_is_no_option_that_takes_a_token(p3idp: Command):
    for name in ("login", "logout", "whoami", "projects", "use", "token", "env", "exec"):
        shown = p3idp(name, "--help").stdout
        assert "--token " not in shown
        assert "--refresh" not in shown


def test_a_redirect_is_not_followed_and_a_strange_certificate_not_believed(site: LabHandle):
    web = Web(str(site.ca_file))
    with pytest.raises(ProviderUntrusted):
        web.get(new_request(look_up(web, site.urls.issuer, "p3idp-cli"), ("openid",), "http://127.0.0.1:1/").url)
    with pytest.raises(ProviderUntrusted, match="certificate"):
        Web().get(f"{site.urls.issuer}/.well-known/openid-configuration")


# ---- what goes wrong, told once ----


def test_a_broker_that_is_gone_is_named(signed_in: Command, p3idp: Command, site: LabHandle, home: Home):
    home.config.write_text('[clouds.lab]\nbroker = "https://localhost:1"\n')
    done = p3idp("use", "p3@egi")
    assert (done.returncode, "broker-unreachable" in done.stderr) == (5, True)
    home.config.write_text('[clouds.lab]\nbroker = ""\nauth_url = "https://localhost:1/v3"\n')
    done = p3idp("projects", "--json")
    assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (5, "keystone-unreachable")
    assert p3idp("whoami").returncode == 0


def test_a_cache_that_is_open_to_others_is_named_and_left(signed_in: Command, home: Home):
    (file,) = home.cache.glob("identity-*.json")
    file.chmod(0o640)
    for words in (("token",), ("whoami", "--json"), ("login",), ("logout",)):
        done = signed_in(*words)
        assert (done.returncode, done.stdout) == (1, "")
        assert "cache-unfit" in done.stderr
        assert f"chmod 600 {file}" in done.stderr
    file.chmod(0o600)
    assert signed_in("token").returncode == 0


def test_ctrl_c_waits_for_a_refresh_to_be_kept():
    done = []

    def refresh() -> None:
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("kept")

    with pytest.raises(KeyboardInterrupt):
        refresh()
    assert done == ["kept"]


AT_THE_END = """
import atexit, os, threading, time
@atexit.register
def own():  # of a program's own; it comes after p3idp's
    os.write(1, b"over\\n")
    time.sleep(0.4)
from p3idp.client.env import uninterrupted
def renew():
    while True:
        with uninterrupted():
            os.write(1, b"sent ")
            time.sleep(0.05)
            os.write(1, b"kept\\n")
threading.Thread(target=renew, daemon=True).start()
time.sleep(0.12)
"""


def test_the_end_of_a_program_waits_for_a_refresh_and_lets_no_other_begin():
    done = subprocess.run([sys.executable, "-c", AT_THE_END], capture_output=True, text=True, check=True)
    lines = done.stdout.splitlines()
    assert set(lines) == {"sent kept", "over"}
    assert lines[-1] == "over", "no other begins while a program ends"
