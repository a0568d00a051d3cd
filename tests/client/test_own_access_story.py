"""The broker's address alone: sign in, see what one may use and why, work; and be told why where there is nothing."""

import html
import json
import re
from collections.abc import Callable

import httpx
import pytest
from researcher import Done, ScriptedBrowser
from scripted_browser import sign_in

from p3idp.lab.handle import LabHandle

Command = Callable[..., Done]


@pytest.fixture
def bob(browser: ScriptedBrowser, site: LabHandle) -> ScriptedBrowser:
    """A browser in which bob signs in, whom nobody entitled to anything."""
    browser.go = lambda url: sign_in(str(site.ca_file), "bob", url)
    return browser


@pytest.fixture
def address(site: LabHandle) -> list[str]:
    """All that somebody has to know."""
    return [f"--broker={site.urls.broker_url}", f"--ca-file={site.ca_file}"]


def test_the_brokers_address_alone_is_enough(
    p3idp: Command, alice: ScriptedBrowser, address: list[str], site: LabHandle
):
    signed_in = json.loads(p3idp("login", *address, "--json").stdout)
    assert (signed_in["name"], signed_in["client_id"]) == ("alice", "p3idp-cli")
    assert len(alice.opened) == 1
    (found,) = json.loads(p3idp("projects", "--json").stdout)
    (rule,) = found.pop("rules")
    assert rule["community"] == "vo.access.egi.eu"
    assert "role=vm_operator" in rule["held"]
    assert (len(found.pop("id")), found.pop("until") is not None) == (32, True)
    assert found == {"project": "p3@egi", "roles": ["member"], "communities": ["vo.access.egi.eu"], "reachable": True,
                     "in_use": False}  # fmt: skip
    assert p3idp("use", "p3").returncode == 0
    lines = p3idp("projects").stdout.splitlines()
    assert lines[0].split() == ["Project", "Roles", "Community", "Until"]
    assert lines[1].split() == ["*", "p3@egi", "member", "vo.access.egi.eu", "while", "a", "member"]
    assert lines[2].startswith("Keystone keeps this until 20")
    first = p3idp("token", "--keystone").stdout
    assert first.startswith("gAAAA")
    assert p3idp("token", "--keystone").stdout == first
    assert p3idp("use", "p3").returncode == 0  # asks anew, since what is kept may have been taken back
    assert p3idp("token", "--keystone").stdout != first
    told = p3idp("whoami", "--access").stdout
    for word in (
        "alice",
        "Community vo.access.egi.eu",
        "p3@egi: member",
        "by the rule vo.access.egi.eu:role=vm_operator",
    ):
        assert word in told
    assert "access" not in json.loads(p3idp("whoami", "--json").stdout)


def test_who_has_nothing_is_told_the_same_reason_everywhere(
    p3idp: Command, bob: ScriptedBrowser, address: list[str], site: LabHandle
):
    assert p3idp("login", *address).returncode == 0
    reason = "The policy gives you no project: no entitlements came along. Ask cloud-support@example.org."
    for words in (["projects"], ["use", "p3"], ["env", "--project=p3"], ["token", "--project=p3"],
                  ["exec", "--project=p3", "--", "true"]):  # fmt: skip
        done = p3idp(*words)
        assert (done.returncode, done.stdout) == (4, ""), words
        assert reason in done.stderr
    as_json = p3idp("projects", "--json")
    assert (as_json.returncode, as_json.stdout) == (4, "")
    assert json.loads(as_json.stderr)["error"]["detail"] == reason
    told = p3idp("whoami", "--access", "--json")
    assert told.returncode == 0
    assert json.loads(told.stdout)["access"]["explanation"] == reason
    with httpx.Client(verify=site.tls, trust_env=False, timeout=30, follow_redirects=True) as browser:
        page = browser.get(f"{site.urls.broker_url}/login/egi")
        page = browser.post(page.url, data={"login": "bob", "password": "bob"})
    shown = re.sub(r"\s+", " ", html.unescape(re.sub(r"</?(code|wbr|a)[^>]*>", "", page.text)))
    assert "Why: no entitlements came along. Ask cloud-support@example.org" in shown


def test_a_project_of_others_is_refused_and_not_kept(p3idp: Command, alice: ScriptedBrowser, address: list[str]):
    p3idp("login", *address)
    refused = p3idp("use", "nobodys")
    assert (refused.returncode, refused.stdout) == (4, "")
    assert "This token does not reach that project." in refused.stderr
    assert "p3idp projects" in refused.stderr
    assert json.loads(p3idp("whoami", "--json").stdout)["project"] is None


def test_without_a_broker_who_has_nothing_is_refused_and_not_asked_to_sign_in_again(
    p3idp: Command, bob: ScriptedBrowser, at_the_lab: list[str]
):
    words = [word for word in at_the_lab if not word.startswith("--broker")]
    assert p3idp("login", *words).returncode == 0
    for command in (["projects"], ["use", "p3"]):
        done = p3idp(*command)
        assert (done.returncode, done.stdout) == (4, "")
        assert "Keystone gives you nothing" in done.stderr
    assert p3idp("whoami", "--access").returncode == 2
    assert len(bob.opened) == 1


def test_the_broker_names_its_metadata_to_who_comes_without_a_token(site: LabHandle):
    with httpx.Client(verify=site.tls, trust_env=False) as stranger:
        refused = stranger.get(f"{site.urls.broker_url}/api/access")
        (named,) = re.findall(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
        document = stranger.get(named).json()
    assert (refused.status_code, document["resource"]) == (401, site.urls.broker_url)
    assert document["authorization_servers"] == [site.urls.issuer]
