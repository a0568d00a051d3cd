"""Servers that answer what no server should: one message, the right status, and the next command works again."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from paper_keystone import PaperKeystone
from paper_provider import PaperProvider, now, tokens
from paper_provider import mary as mary_then
from researcher import Done
from small_site import Asked, Reply, SmallSite

from p3idp.client.doctor.servers import examine_server
from p3idp.client.here import desk
from p3idp.client.http import Web
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


def test_who_waited_for_a_silent_broker_does_not_wait_again(mary: Command, small: SmallSite):
    """Else as many programs as wait would each wait for the same silence, one after the other."""
    small.broker.status, asked = 503, threading.Barrier(6)
    small.broker.asked.clear()
    failed = list[str]()

    def work() -> None:
        here = desk(ask=False)
        asked.wait(10)
        try:
            here.work.project_token(here.cloud(), "other")
        except P3idpError as exc:
            failed.append(exc.code)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failed == ["broker-unreachable"] * 6
    assert len(small.broker.asked) < 4


def test_a_shell_runs_nothing_that_the_name_of_a_variable_says(mary: Command, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OS_AUTH_; touch /tmp/gotcha #", "x")
    monkeypatch.setenv("OS_CLOUD", "other")
    done = mary("env")
    assert "unset OS_CLOUD\n" in done.stdout
    assert "touch" not in done.stdout


def test_many_who_choose_a_project_at_once_all_keep_it(mary: Command, small: SmallSite):
    """Each asks the broker itself; none may take another's half-written file for a killed one's."""
    start, failed = threading.Barrier(8), list[str]()

    def work() -> None:
        here = desk(ask=False)
        start.wait(10)
        for _ in range(5):
            try:
                here.work.choose(here.cloud(), "p3")
            except P3idpError as exc:
                failed.append(exc.detail)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failed == []


def test_a_short_name_and_the_whole_one_share_a_token(mary: Command):
    """Whichever of them was asked by first; and who chooses a project anew has neither's old token any more."""
    for words in (["use", "p3"], ["token", "--project=p3"]):
        assert mary(*words).returncode == 0
        assert mary("token", "--project=p3").stdout == mary("token", "--keystone").stdout
