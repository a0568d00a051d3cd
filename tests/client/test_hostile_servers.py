"""Servers that answer what no server should: one message, the right status, and the next command works again."""

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import exceptions
from keystoneauth1.session import Session
from paper_keystone import PaperKeystone
from paper_provider import PaperProvider, now, tokens
from paper_provider import mary as mary_then
from researcher import Done, Home
from small_site import Asked, Reply, SmallServer, SmallSite

from p3idp.client.doctor.servers import examine_server
from p3idp.client.here import Desk, desk
from p3idp.client.http import Web
from p3idp.client.signed_in import SignedIn
from p3idp.errors import P3idpError
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import KeystoneRefusedPerson, SignInFailed

Command = Callable[..., Done]
ANSWERS: dict[str, dict[str, Any]] = {
    "an end without an offset": {"expires_at": "2099-11-22T12:00:00"},
    "an end that is none": {"expires_at": 7},
    "no project in the resource": {"resource": "https://k.test/v3"},
    "a Keystone that is a file": {"resource": "file:///v3/projects/0a1b"},
    "a Keystone behind another's name": {"resource": "https://me@k.test\n/v3/projects/0a1b"},
    "a token of two lines": {"access_token": "gAAAA\nX-Evil: 1"},
    "a token that no header takes": {"access_token": "\u2603"},
    "a token that is a list": {"access_token": ["gAAAA"]},
    "no token": {"access_token": ""},
    "far too much": {"more": "x" * 600_000},
    "far too deep": {"more": b"[" * 100_000},
}


def spoiled(small: SmallSite, changes: dict[str, Any]) -> Callable[[Asked], Reply]:
    """The broker's answer to an exchange with these members."""

    def answer(asked: Asked) -> Reply:
        status, headers, body = small._broker(asked)
        if asked.path != "/oauth/token" or not isinstance(body, dict):
            return status, headers, body
        deep = changes.get("more")
        return status, headers, b'{"x":' + deep if isinstance(deep, bytes) else {**body, **changes}

    return answer


@pytest.mark.parametrize("name", ANSWERS)
def test_what_a_broker_may_answer_an_exchange(mary: Command, small: SmallSite, name: str):
    small.broker.answer = spoiled(small, ANSWERS[name])
    for words in (["use", "p3@egi"], ["env", "--project=p3"]):
        done = mary(*words)
        assert (done.returncode, done.stdout) == (5, ""), done
        assert done.stderr.startswith("Error (broker-unreachable): ")
        assert [secret for secret in small.issued if secret in done.stderr] == []
    small.broker.answer = small._broker
    assert mary("env", "--project=p3").returncode == 0


@pytest.mark.parametrize("token", ["\u2603", "two words", "two\nlines", "", 7, None], ids=repr)
def test_an_access_token_that_no_header_takes_is_none(token: object):
    paper = PaperProvider([(200, tokens(access_token=token))])
    with pytest.raises(SignInFailed):
        paper.looked_up().refresh(mary_then(), now())


def test_a_host_that_is_no_name_is_unreachable():
    url = f"https://{'a' * 70}.test/"
    with pytest.raises(ProviderUnreachable):
        Web().get(url)
    (found,) = examine_server("broker", url, True, lambda: datetime.now(UTC))
    assert found.status.value == "fail"


def test_a_date_that_no_clock_shows_is_none(mary: Command, small: SmallSite):
    small.keystone.date = "Mon, 01 Jan 2024 00:00:00 +99999999999999999999"
    done = mary("doctor", "--client")
    assert (done.returncode, done.stderr) == (0, "")
    assert "It does not say its time" in done.stdout


def test_projects_without_a_name_are_none():
    keystone = PaperKeystone()
    keystone._answer = lambda method, status, body, headers=None: (  # type: ignore[method-assign]  # one answer spoiled
        PaperKeystone._answer(
            keystone, method, status, {"projects": [{}, 7]} if method == "projects" else body, headers
        )
    )
    with pytest.raises(KeystoneRefusedPerson):
        keystone.own_credentials().keystone.project("p3")


def at_once(work: Callable[[Desk], object], times: int = 6) -> list[object]:
    """What so many researchers' programs get that do this at the same moment; of an error its code."""
    start, got = threading.Barrier(times), list[object]()

    def run() -> None:
        here = desk(ask=False)
        start.wait(10)
        try:
            got.append(work(here))
        except P3idpError as exc:
            got.append(exc.code)

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    return got


def tokens_asked(server: SmallServer) -> int:
    return sum(asked.path.endswith("/token") for asked in server.asked)


def test_who_waited_for_a_silent_broker_does_not_wait_again(mary: Command, small: SmallSite):
    """Else as many programs as wait would each wait for the same silence, one after the other."""
    small.broker.status = 503
    small.broker.asked.clear()
    assert at_once(lambda here: here.work.project_token(here.cloud(), "other")) == ["broker-unreachable"] * 6
    assert len(small.broker.asked) < 4


def test_programs_at_once_share_one_refresh_and_one_token(mary: Command, small: SmallSite, home: Home):
    for file in (*home.cache.glob("identity-*.json"), *home.cache.glob("project-*.json")):
        file.write_text(file.read_text().replace(f"{datetime.now(UTC):%Y}", "2020"))  # long over
    small.broker.asked.clear()
    small.provider.asked.clear()
    assert len(set(at_once(lambda here: here.work.identity(here.cloud()).access_token))) == 1
    got = at_once(lambda here: here.work.project_token(here.cloud(), "p3@egi").token)
    assert (len(got), len(set(got))) == (6, 1)
    assert (tokens_asked(small.broker), tokens_asked(small.provider)) == (1, 1)


def test_who_signs_in_as_somebody_else_has_none_of_the_others_tokens(mary: Command, small: SmallSite):
    before = mary("token", "--keystone").stdout
    small.subject = "eve@op.test"
    assert mary("login", "--again").returncode == 0
    assert mary("token", "--keystone").stdout not in ("", before)


def test_nothing_of_the_environment_comes_between(
    mary: Command, small: SmallSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    (tmp_path / "netrc").write_text("machine localhost login eve password x\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    for words in (["login", "--again"], ["use", "p3@egi"], ["projects"]):
        assert mary(*words).returncode == 0
    asked = [*small.broker.asked, *small.provider.asked, *small.keystone.asked]
    assert [each for each in asked if each.headers.get("authorization", "").startswith("Basic")] == []


def test_a_shell_runs_nothing_that_the_name_of_a_variable_says(mary: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OS_AUTH_; touch /tmp/gotcha #", "x")
    monkeypatch.setenv("OS_CLOUD", "other")
    done = mary("env")
    assert "unset OS_CLOUD\n" in done.stdout
    assert "touch" not in done.stdout


def test_many_who_choose_a_project_at_once_all_keep_it(mary: Command):
    """Each asks the broker itself; none may take another's half-written file for a killed one's."""
    for _ in range(3):
        assert set(at_once(lambda here: here.work.choose(here.cloud(), "p3").project, 8)) == {"p3@egi"}


def test_a_short_name_and_the_whole_one_share_a_token(mary: Command):
    """Whichever of them was asked by first; and who chooses a project anew has neither's old token any more."""
    for words in (["use", "p3"], ["token", "--project=p3"]):
        assert mary(*words).returncode == 0
        assert mary("token", "--project=p3").stdout == mary("token", "--keystone").stdout


def test_a_token_that_a_service_refused_is_not_taken_from_the_cache(mary: Command):
    here = desk(ask=False)
    first = here.work.project_token(here.cloud(), "p3@egi").token
    assert here.work.project_token(here.cloud(), "p3@egi").token == first
    second = here.work.project_token(here.cloud(), "p3@egi", spent=first).token
    assert second != first
    assert here.work.project_token(here.cloud(), "p3@egi", spent=first).token == second, "which others share"


def test_a_redirect_takes_no_token_elsewhere(mary: Command, small: SmallSite):
    elsewhere = f"{small.keystone.url}/oauth/token"
    small.broker.answer = lambda asked: (307, {"Location": elsewhere}, {}) if asked.form else small._broker(asked)
    small.keystone.asked.clear()
    assert mary("use", "p3@egi").returncode == 5
    assert small.keystone.asked == []
    small.broker.answer = small._broker
    small.keystone.answer = lambda asked: (307, {"Location": f"{small.provider.url}/realm/token"}, {})
    small.provider.asked.clear()
    assert mary("projects").returncode == 4
    assert small.provider.asked == []


def test_a_server_that_sends_a_byte_now_and_then_is_not_waited_for(
    mary: Command, small: SmallSite, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("p3idp.client.http._TOTAL_SECONDS", 0.2)
    small.broker.drip = 0.05
    began = time.monotonic()
    for words in (["login"], ["use", "p3@egi"]):
        assert mary(*words).returncode == 5
    assert time.monotonic() - began < 5


def test_signing_out_leaves_no_token_here_or_at_keystone(mary: Command, small: SmallSite, home: Home):
    small.keystone.asked.clear()
    assert mary("logout").returncode == 0
    assert [*home.cache.glob("identity-*.json"), *home.cache.glob("project-*.json")] == []
    assert [asked.method for asked in small.keystone.asked] == ["DELETE"]


@pytest.mark.parametrize("forgotten", [False, True], ids=["in use", "the default of the file"])
def test_a_keystone_that_nobody_knows_is_shown_no_token_of_another(
    mary: Command, small: SmallSite, home: Home, forgotten: bool
):
    """An entry of clouds.yaml that names it alone, while somebody works elsewhere."""
    if forgotten:
        (home.cache / "clouds.json").unlink()
        home.config.write_text(
            f'default = "two"\n[clouds.one]\nbroker = "https://one.test"\n[clouds.two]\nbroker = "{small.broker.url}"\n'
            f'auth_url = "{small.keystone.url}"\nca_file = "{small.ca_file}"\n'
        )
    stranger = small.provider
    plugin = SignedIn(f"{stranger.url}/v3", project_name="p3", project_domain_name="egi")
    stranger.asked.clear()
    with pytest.raises(exceptions.AuthorizationFailure, match="No cloud is known whose Keystone"):
        plugin.get_token(Session(verify=str(small.ca_file)))
    assert [asked.path for asked in stranger.asked if "x-auth-token" in asked.headers] == []
