"""When a plugin makes its next token, in which thread, and what becomes of one that cannot be had. On paper."""

import json
import multiprocessing
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from keystoneauth1 import access, exceptions

from p3idp.client import renewing
from p3idp.client.exchange import BrokerToken
from p3idp.client.exchanged import P3idp
from p3idp.core.secret import Secret
from p3idp.errors.client import SignInNeeded

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@dataclass
class Clock:
    moment: datetime = NOON

    def __call__(self) -> datetime:
        return self.moment

    def pass_by(self, **span: float) -> None:
        self.moment += timedelta(**span)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    moved = Clock()
    monkeypatch.setattr(renewing, "now", moved)
    return moved


def a_token(number: int, issued: datetime, life: timedelta) -> access.AccessInfoV3:
    times = {"issued_at": issued.isoformat(), "expires_at": (issued + life).isoformat()}
    return access.AccessInfoV3(body={"token": times}, auth_token=f"token-{number}")


@dataclass
class Told:
    """What the plugin below does when it is asked for another token: answer, wait for a gate, or fail."""

    clock: Clock
    life: timedelta = timedelta(hours=1)
    made: list[tuple[bool, bool]] = field(default_factory=list)  # whether there was an old one, and who may be asked
    fail: Exception | None = None
    gate: threading.Event | None = None
    keeps: bool = False  # the old one is as good


class OnPaper(renewing.Renewing):
    def __init__(self, told: Told) -> None:
        super().__init__("", project_id=None, project_name=None, project_domain_name=None)
        self.told = told

    def obtain(self, session: Any, old: access.AccessInfo | None, *, ask: bool) -> access.AccessInfo:
        self.told.made.append((old is not None, ask))
        if self.told.gate is not None and not ask:
            assert self.told.gate.wait(10)
        if self.told.fail is not None:
            raise self.told.fail
        if self.told.keeps and old is not None:
            return old
        return a_token(len(self.told.made), self.told.clock(), self.told.life)


@pytest.fixture
def told(clock: Clock) -> Told:
    return Told(clock)


def settle() -> None:
    for thread in threading.enumerate():
        if thread.name == "p3idp-renewal":
            thread.join(10)


def number(plugin: OnPaper) -> int:
    return int(str(plugin.get_token(None)).removeprefix("token-"))  # type: ignore[arg-type]  # no session on paper


@pytest.mark.parametrize(
    ("life", "calm", "ahead"),
    [
        (timedelta(hours=1), timedelta(minutes=44), timedelta(minutes=46)),
        (timedelta(minutes=10), timedelta(minutes=4), timedelta(minutes=6)),
        (timedelta(seconds=90), timedelta(seconds=40), timedelta(seconds=50)),
    ],
    ids=["an hour", "ten minutes", "less than keystoneauth asks for"],
)
def test_a_token_is_used_in_peace_and_then_renewed_beside_the_work(
    told: Told, clock: Clock, life: timedelta, calm: timedelta, ahead: timedelta
) -> None:
    told.life = life
    plugin = OnPaper(told)
    assert [number(plugin) for _ in range(5)] == [1] * 5
    clock.moment = NOON + calm
    assert number(plugin) == 1
    settle()
    assert len(told.made) == 1
    told.gate = threading.Event()
    clock.moment = NOON + ahead
    assert [number(plugin) for _ in range(5)] == [1] * 5, "nobody waits for the thread"
    told.gate.set()
    settle()
    assert number(plugin) == 2
    assert told.made == [(False, True), (True, False)], "one thread, which asks nobody"


def test_who_comes_late_waits_for_one_thread_and_takes_its_token(told: Told, clock: Clock) -> None:
    plugin = OnPaper(told)
    number(plugin)
    told.gate = threading.Event()
    clock.pass_by(minutes=50)
    number(plugin)
    clock.pass_by(minutes=9)
    found: list[int] = []
    late = [threading.Thread(target=lambda: found.append(number(plugin))) for _ in range(4)]
    for thread in late:
        thread.start()
    told.gate.set()
    for thread in late:
        thread.join(10)
    assert (found, len(told.made)) == ([2] * 4, 2)


@pytest.mark.parametrize("kind", [exceptions.ConnectFailure, exceptions.AuthorizationFailure])
def test_a_token_serves_to_its_end_where_no_other_is_to_be_had(
    told: Told, clock: Clock, kind: type[exceptions.ClientException]
) -> None:
    plugin = OnPaper(told)
    number(plugin)
    told.fail = kind("no")
    for _ in range(600):  # a request every six seconds
        clock.pass_by(seconds=5.9)
        assert number(plugin) == 1
        settle()
    assert len(told.made) < 30, "and the broker is left in peace between attempts"
    clock.pass_by(minutes=1)
    with pytest.raises(kind):
        number(plugin)
    told.fail = None
    assert number(plugin) == len(told.made)


def ended_sign_in(words: str) -> exceptions.AuthorizationFailure:
    told = exceptions.AuthorizationFailure(words)
    told.__context__ = SignInNeeded(words)
    return told


def test_why_a_sign_in_ended_is_kept_until_somebody_needs_to_know(told: Told, clock: Clock) -> None:
    plugin = OnPaper(told)
    number(plugin)
    told.fail = ended_sign_in("The identity provider ended your sign-in (invalid_grant).")
    clock.pass_by(minutes=50)
    number(plugin)
    settle()
    told.fail = ended_sign_in("Nobody is signed in.")
    clock.pass_by(minutes=11)
    with pytest.raises(exceptions.AuthorizationFailure, match="invalid_grant"):
        number(plugin)
    with pytest.raises(exceptions.AuthorizationFailure, match="Nobody"):
        number(plugin)


def test_what_openstackclient_asks_for_first_is_kept(told: Told) -> None:
    plugin = OnPaper(told)
    first = plugin.get_auth_ref(None)  # type: ignore[arg-type]  # no session on paper
    assert plugin.get_access(None) is first  # type: ignore[arg-type]  # the same
    assert len(told.made) == 1


def test_a_token_that_a_service_refused_is_not_kept(told: Told) -> None:
    plugin = OnPaper(told)
    assert number(plugin) == 1
    assert plugin.invalidate()
    assert number(plugin) == 2


@pytest.mark.parametrize("keeps", [True, False], ids=["no better one is to be had", "another one is made"])
def test_what_is_refused_while_the_next_is_made_stays_gone(told: Told, clock: Clock, keeps: bool) -> None:
    plugin = OnPaper(told)
    assert number(plugin) == 1
    told.gate, told.keeps = threading.Event(), keeps
    clock.pass_by(minutes=50)
    assert number(plugin) == 1, "a thread is on its way"
    assert plugin.invalidate()
    told.gate.set()
    settle()
    assert number(plugin) == (3 if keeps else 2)


def test_what_somebody_asked_for_meanwhile_stays(told: Told, clock: Clock) -> None:
    plugin = OnPaper(told)
    number(plugin)
    told.gate = threading.Event()
    clock.pass_by(minutes=50)
    number(plugin)
    newer = plugin.get_auth_ref(None)  # type: ignore[arg-type]  # no session on paper
    told.gate.set()
    settle()
    assert plugin.get_access(None) is newer  # type: ignore[arg-type]  # the same


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_child_process_renews_by_itself(told: Told, clock: Clock) -> None:
    """The parent forks while its thread works and holds what threads hold."""
    plugin = OnPaper(told)
    number(plugin)
    told.gate = threading.Event()
    clock.pass_by(minutes=50)
    number(plugin)
    with plugin._lock:
        child = multiprocessing.get_context("fork").Process(target=_in_the_child, args=(plugin, told, clock))
        child.start()
    child.join(10)
    ended = child.exitcode
    child.kill()
    told.gate.set()
    assert ended == 0, "None: it waits for a thread that is not there"
    settle()


def _in_the_child(plugin: OnPaper, told: Told, clock: Clock) -> None:
    clock.pass_by(hours=1)
    told.gate = None
    os._exit(0 if number(plugin) == 3 else 1)


# ---- an access token of one's own ----


def jwt(end: datetime | None) -> str:
    def part(body: object) -> str:
        from base64 import urlsafe_b64encode

        return urlsafe_b64encode(json.dumps(body).encode()).decode().rstrip("=")

    return f"{part({'alg': 'RS256'})}.{part({'exp': end.timestamp()} if end else {})}.c2ln"


@pytest.mark.parametrize(
    ("source", "exchanges"),
    [
        (lambda moment: jwt(NOON + timedelta(hours=1)), 1),
        (lambda moment: "opaque", 1),
        (lambda moment: jwt(NOON + timedelta(hours=3)), 2),
        (lambda moment: f"opaque-{moment}", 2),
    ],
    ids=["it says that it ends then", "nobody knows its end", "it lasts longer", "another one"],
)
def test_a_source_is_read_anew_and_exchanged_where_that_gains_something(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, source: Callable[[datetime], str], exchanges: int
) -> None:
    used: list[str] = []

    def exchange(self: P3idp, given: Secret[str], verify: object) -> BrokerToken:
        used.append(given.reveal())
        return BrokerToken(Secret(f"t{len(used)}"), clock() + timedelta(hours=1), "project:p3@egi", "https://k/v3", "1")

    monkeypatch.setattr(P3idp, "_exchange", exchange)
    monkeypatch.setattr("p3idp.client.exchanged.read_token", lambda *_: a_token(len(used), clock(), timedelta(hours=1)))
    plugin = P3idp(broker="https://b", access_token=lambda: source(clock()), project_name="p3")
    plugin.get_access(_Session())  # type: ignore[arg-type]  # all that is asked of one
    for _ in range(8):
        clock.pass_by(minutes=5, seconds=55)
        plugin.get_access(_Session())  # type: ignore[arg-type]  # the same
        settle()
    assert len(used) == exchanges


class _Session:
    verify = True


# ---- the start of openstack ----


def test_openstack_starts_without_what_only_a_sign_in_needs() -> None:
    """It reads the options of every plugin at each start, whoever's cloud it is for."""
    program = (
        "import sys; import keystoneauth1.loading, keystoneauth1.identity.v3; before = set(sys.modules);"
        "from keystoneauth1 import loading; options = loading.get_plugin_options('v3p3idp');"
        "loading.get_plugin_options('v3p3idptoken'); assert any(each.dest == 'broker' for each in options);"
        "print(*sorted(name for name in set(sys.modules) - before if name.startswith('p3idp')))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path("/"), check=True)
    assert done.stdout.split() == ["p3idp", "p3idp.client", "p3idp.client.plugin"]
