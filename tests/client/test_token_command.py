"""A program that keeps somebody signed in gives the tokens: as oidc-agent's oidc-token and mytoken do."""

import json
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from researcher import Done, Home, ScriptedBrowser
from scripted_browser import sign_in

from p3idp.client.flows.command import by_command
from p3idp.errors import P3idpError
from p3idp.errors.client import SignInNeeded
from p3idp.errors.sign_in import ClientConfigInvalid, SignInFailed
from p3idp.lab.handle import LabHandle

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.fixture
def agent(tmp_path: Path) -> Callable[[str, int], str]:
    """Writes a program that prints a text, ends with a status, and notes that it ran."""

    def write(text: str, status: int = 0) -> str:
        program = tmp_path / "oidc-token"
        program.write_text(
            f"#!{sys.executable}\nimport sys\n"
            f"print(*sys.argv[1:], file=open({str(tmp_path / 'ran')!r}, 'a'))\n"
            f"print({text!r})\nsys.exit({status})\n"
        )
        program.chmod(0o700)
        return str(program)

    return write


def test_the_agents_tokens_open_the_site_and_no_tab(
    p3idp: Callable[..., Done], agent: Callable[[str, int], str], site: LabHandle, browser: ScriptedBrowser,
    tmp_path: Path, home: Home,
):  # fmt: skip
    token = site.token("alice")
    program = agent(token, 0)
    options = [f"--broker={site.urls.broker_url}", f"--ca-file={site.ca_file}", "--cloud=lab"]
    told = p3idp("login", *options, f"--token-command={program} egi", "--json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["issuer"] == site.urls.issuer
    assert p3idp("use", "p3@egi").returncode == 0
    assert p3idp("token", "--keystone").stdout.startswith("gAAAA")
    assert p3idp("token").stdout.strip() == token
    assert browser.opened == []
    assert (tmp_path / "ran").read_text() == "egi\n"  # once, without a shell
    before = site.control().counters()["revoke"]
    done = json.loads(p3idp("logout", "--json").stdout)
    assert (done["was_signed_in"], done["provider_told"]) == (True, None)
    assert site.control().counters()["revoke"] == before  # the token is the agent's
    assert p3idp("login").returncode == 0
    browser.go = lambda url: sign_in(str(site.ca_file), "alice", url)
    assert p3idp("login", "--flow=auto").returncode == 0  # asks the program no more
    assert len(browser.opened) == 1
    assert all(not stat.S_IMODE(file.stat().st_mode) & 0o077 for file in home.cache.iterdir())


@pytest.mark.parametrize(
    ("text", "status", "kind"),
    [
        ("", 0, SignInNeeded),
        ("whatever", 1, SignInNeeded),
        ("no token", 0, SignInFailed),
        ("a.b.c", 0, SignInFailed),
        ("eyJhbGciOiJSUzI1NiJ9.e30.AAAA", 0, SignInFailed),
        ("\u00fc", 0, SignInFailed),
    ],
    ids=["nothing", "fails", "words", "no JWT", "nobody's", "not ASCII"],
)
def test_what_is_no_token_signs_nobody_in(
    agent: Callable[[str, int], str], text: str, status: int, kind: type[P3idpError]
):
    with pytest.raises(kind) as refused:
        by_command([agent(text, status)], NOON)
    assert text not in refused.value.detail or not text


def test_a_program_that_is_not_there_is_named():
    with pytest.raises(ClientConfigInvalid, match="no-such-agent"):
        by_command(["no-such-agent"], NOON)


def test_a_token_of_another_provider_is_refused(agent: Callable[[str, int], str], site: LabHandle):
    token = site.token("alice")
    assert by_command([agent(token, 0)], NOON, site.urls.issuer).subject
    with pytest.raises(SignInFailed):
        by_command([agent(token, 0)], NOON, site.urls.hub_issuer)
