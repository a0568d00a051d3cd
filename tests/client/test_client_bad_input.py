"""Whatever goes wrong: one message, the right exit status, no traceback, no secret, and the sign-in survives."""

import json
import os
import resource
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import certifi
import pytest
from researcher import Done, Home, ScriptedBrowser
from small_site import SmallServer, SmallSite

from p3idp.cli.main import run

Command = Callable[..., Done]
TOKEN, PROJECTS, USE, ENV = ["token"], ["projects"], ["use", "p3@egi"], ["env"]
OLD = "2026-01-01T0{}:00:00+00:00"


@dataclass
class Case:
    """What is spoilt, and what each of these commands then ends with: exit status and code of the error."""

    spoil: Callable[[SmallSite, Home], object]
    ends: list[tuple[list[str], int, str]]
    mend: Callable[[SmallSite, Home], object] = lambda site, home: None
    survives: bool = True
    said_before: list[str] = field(default_factory=list)  # lines that may stand before the message


def identity(home: Home) -> Path:
    (file,) = home.cache.glob("identity-*.json")
    return file


def age(home: Home) -> None:
    """The access token is over, as far as this machine knows, and no project's token is kept."""
    outer = json.loads(identity(home).read_text())
    body = {**json.loads(outer["body"]), "issued_at": OLD.format(1), "ends_at": OLD.format(2)}
    identity(home).write_text(json.dumps({**outer, "body": json.dumps(body)}))
    for file in home.cache.glob("project-*.json"):
        file.unlink()


def over(home: Home, text: str | bytes) -> bytes:
    """Other bytes in place of the sign-in; what was."""
    before = identity(home).read_bytes()
    identity(home).write_bytes(text.encode() if isinstance(text, str) else text)
    return before


def stopped(server: str) -> Callable[[SmallSite, Home], None]:
    return lambda site, _: getattr(site, server).stop()


def started(server: str) -> Callable[[SmallSite, Home], None]:
    """At the same address again."""

    def start(site: SmallSite, _: Home) -> None:
        old = getattr(site, server)
        fresh = SmallServer(port=old.port, answer=old.answer)
        fresh.start()
        setattr(site, server, fresh)

    return start


def knob(server: str, name: str, value: object) -> Callable[[SmallSite, Home], None]:
    return lambda site, _: setattr(getattr(site, server), name, value)


def clock(days: int) -> tuple[Callable[[SmallSite, Home], None], Callable[[SmallSite, Home], None]]:
    """This machine's clock is so many days ahead: seen from here, the provider's is behind."""
    return knob("provider", "skew", timedelta(days=-days)), knob("provider", "skew", timedelta(0))


def config(text: str) -> Callable[[SmallSite, Home], object]:
    return lambda site, home: home.config.write_text(text.replace("BROKER", site.broker.url))


NO_CONFIG: Callable[[SmallSite, Home], None] = lambda site, home: home.config.unlink()  # noqa: E731 - a row of the table
NEEDED, UNREACHABLE, BROKER = "sign-in-needed", "provider-unreachable", "broker-unreachable"
ASIDE = ["A file of another version"]
KEEPS_NOTHING = ["token", "--keystone"]

CASES = {
    "broker down": Case(
        stopped("broker"),
        [(USE, 5, BROKER), (PROJECTS, 5, BROKER), (ENV, 5, BROKER), (["login"], 5, BROKER)],
        started("broker"),
    ),
    "broker silent": Case(knob("broker", "silent", True), [(USE, 5, BROKER)], knob("broker", "silent", False)),
    "broker broken": Case(knob("broker", "status", 500), [(USE, 5, BROKER)], knob("broker", "status", None)),
    "broker talks nonsense": Case(knob("broker", "raw", b"\x00{"), [(USE, 5, BROKER)], knob("broker", "raw", None)),
    "Keystone down": Case(stopped("keystone"), [(PROJECTS, 5, "keystone-unreachable")], started("keystone")),
    "Keystone silent": Case(
        knob("keystone", "silent", True), [(PROJECTS, 5, "keystone-unreachable")], knob("keystone", "silent", False)
    ),
    "Keystone broken": Case(
        knob("keystone", "status", 503), [(PROJECTS, 5, "keystone-unreachable")], knob("keystone", "status", None)
    ),
    "provider down": Case(stopped("provider"), [(TOKEN, 5, UNREACHABLE), (USE, 5, UNREACHABLE)], started("provider")),
    "provider silent": Case(
        knob("provider", "silent", True), [(TOKEN, 5, UNREACHABLE)], knob("provider", "silent", False)
    ),
    "provider broken": Case(
        knob("provider", "status", 502), [(TOKEN, 5, UNREACHABLE)], knob("provider", "status", None)
    ),
    "provider talks nonsense": Case(
        knob("provider", "raw", b"<html>"), [(TOKEN, 5, UNREACHABLE)], knob("provider", "raw", None)
    ),
    "something else refuses the refresh": Case(
        knob("provider", "answer", lambda asked: (401, {}, b"<html>Sign in to this hotel's network")),
        [(TOKEN, 4, "provider-untrusted")], lambda site, _: setattr(site.provider, "answer", site._provider),
    ),
    "our client is locked for a while": Case(
        lambda site, _: setattr(site, "client", "other"), [(TOKEN, 4, "sign-in-failed"), (USE, 4, "sign-in-failed")],
        lambda site, _: setattr(site, "client", "cli"),
    ),
    "refresh token revoked": Case(
        lambda site, _: site.good.clear(), [(TOKEN, 3, NEEDED), (USE, 3, NEEDED)], survives=False
    ),
    "clock a day ahead": Case(clock(1)[0], [(TOKEN, 4, "clock-wrong"), (USE, 4, "clock-wrong")], clock(1)[1]),
    "clock a day behind": Case(clock(-1)[0], [(TOKEN, 4, "clock-wrong"), (USE, 4, "clock-wrong")], clock(-1)[1]),
    "clock wrong at a sign-in": Case(clock(1)[0], [(["login", "--again"], 4, "clock-wrong")], clock(1)[1]),
    "directory open": Case(
        lambda _, home: home.cache.chmod(0o777),
        [(TOKEN, 1, "cache-unfit"), (["whoami"], 1, "cache-unfit"), (["logout"], 1, "cache-unfit")],
        lambda _, home: home.cache.chmod(0o700),
    ),
    "file readable by all": Case(
        lambda _, home: identity(home).chmod(0o644),
        [(TOKEN, 1, "cache-unfit"), (USE, 1, "cache-unfit"), (["login"], 1, "cache-unfit")],
        lambda _, home: identity(home).chmod(0o600),
    ),
    "file a link": Case(
        lambda _, home: identity(home).rename(home.cache / "real") and
        (home.cache / f"identity-{'0' * 32}.json").symlink_to("real"),
        [(["doctor", "--client"], 1, "")],
        lambda _, home: (identity(home).unlink(), (home.cache / "real").unlink()),
        survives=False,
    ),
    "file of a newer version": Case(
        lambda _, home: over(home, identity(home).read_text().replace('"form": 1', '"form": 2')),
        [(TOKEN, 3, NEEDED)], survives=False, said_before=ASIDE,
    ),
    "file cut short": Case(
        lambda _, home: over(home, identity(home).read_bytes()[:100]), [(TOKEN, 3, NEEDED)], survives=False,
        said_before=ASIDE,
    ),
    "file of zeros": Case(lambda _, home: over(home, b"\0" * 70000), [(TOKEN, 3, NEEDED)], survives=False,
                          said_before=ASIDE),
    "file of garbage": Case(lambda _, home: over(home, os.urandom(300)), [(TOKEN, 3, NEEDED)], survives=False,
                            said_before=ASIDE),
    "memory of a newer version": Case(
        lambda _, home: ((home.cache / "clouds.json").rename(home.cache / "x")
        and (home.cache / "clouds.json").touch(0o600))
        or (home.cache / "clouds.json").write_text('{"form": 2}'),
        [(TOKEN, 2, "cloud-unknown"), (["whoami"], 2, "cloud-unknown")],
        lambda _, home: (home.cache / "x").rename(home.cache / "clouds.json"),
    ),
    "two clouds of one name in the file": Case(
        config('[clouds.small]\nbroker = "BROKER"\n[clouds.small]\nbroker = "https://other.test"\n'),
        [(TOKEN, 2, "client-config-invalid"), (["login"], 2, "client-config-invalid")], NO_CONFIG,
    ),
    "another cloud by a name that is taken": Case(
        lambda site, home: None,
        [(["login", "--cloud=small", "--broker=https://other.test"], 2, "cloud-name-taken")],
    ),
    "a mistyped key": Case(config("[clouds.small]\nbrokr = 'x'\n"), [(TOKEN, 2, "client-config-invalid")], NO_CONFIG),
    "no CA file": Case(
        config('[clouds.small]\nca_file = "/nowhere/ca.pem"\n'),
        [(TOKEN, 2, "client-config-invalid"), (USE, 2, "client-config-invalid")], NO_CONFIG,
    ),
    "another authority": Case(
        config(f'[clouds.small]\nca_file = "{certifi.where()}"\n'),
        [(TOKEN, 4, "provider-untrusted")], NO_CONFIG,
    ),
    "a project that is not there": Case(
        knob("broker", "answer", lambda asked: (400, {}, {"error": "invalid_target", "error_description": "No such."})),
        [(["use", "nobodys"], 4, "broker-refused")],
        lambda site, _: setattr(site.broker, "answer", site._broker),
    ),
    "a program that is not there": Case(
        lambda site, home: None, [(["exec", "--", "no-such-program"], 2, "usage-mistaken")]
    ),
}  # fmt: skip


def secrets_in(small: SmallSite, text: str) -> list[str]:
    return [secret for secret in small.issued if secret in text]


def open_files(home: Home) -> list[Path]:
    """Files of this home that somebody else may read."""
    everything = [file for file in home.cache.parent.rglob("*") if file.is_file() and not file.is_symlink()]
    return [file for file in everything if stat.S_IMODE(file.stat().st_mode) & 0o077]


@pytest.mark.parametrize("name", CASES)
def test_it_ends_in_one_message_and_nothing_is_lost(
    mary: Command, small: SmallSite, home: Home, browser: ScriptedBrowser, name: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("p3idp.client.http._TIMEOUTS", (1, 0.3))
    monkeypatch.setattr("p3idp.client.exchange._TIMEOUTS", (1, 0.3))
    case, may_stand_before = CASES[name], [*CASES[name].said_before]
    age(home)
    if name.startswith(("broker", "Keystone")):
        assert mary("token").returncode == 0
    case.spoil(small, home)
    for words, status, code in case.ends:
        done = mary(*words, "--json") if words[0] != "exec" else mary(*words)
        assert (done.returncode, "" if words[0] == "doctor" else done.stdout) == (status, ""), done
        *before, message = done.stderr.splitlines() or [""]
        if code and words[0] != "exec":
            error = json.loads(message)["error"]
            assert (error["code"], bool(error["hint"])) == (code, True)
        assert [line for line in before if not line.startswith((*may_stand_before, "Opening your", "If no", "http"))
                and words[0] != "exec"] == []  # fmt: skip
        assert "Traceback" not in done.stderr
        assert secrets_in(small, done.stdout + done.stderr) == []
        may_stand_before.clear()  # a file is set aside once
    if code and words[0] != "doctor":
        told = mary(*case.ends[-1][0])
        assert (told.returncode, told.stderr.count("Error (")) == (case.ends[-1][1], 1)
    assert [file for file in open_files(home) if secrets_in(small, file.read_text(errors="replace"))] == (
        [identity(home)] if name == "file readable by all" else []
    )
    case.mend(small, home)
    tabs = len(browser.opened)
    if case.survives:
        assert mary("token").returncode == 0
        assert mary("use", "p3@egi").returncode == 0
        assert len(browser.opened) == tabs
    else:
        assert mary("login").returncode == 0
        assert mary("use", "p3@egi").returncode == 0


def test_what_another_version_remembers_is_not_written_over(mary: Command, small: SmallSite, home: Home):
    newer = '{"form": 2, "clouds": ["of the future"]}'
    (home.cache / "clouds.json").write_text(newer)
    assert mary("login", *small.options()).returncode == 0
    assert (home.cache / "clouds.json.unreadable").read_text() == newer
    assert mary("whoami").returncode == 0


def full(home: Home, words: list[str]) -> subprocess.CompletedProcess[str]:
    """A command of its own, on a disk that takes no file beyond some bytes."""
    most = 2000

    def little() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    program = [Path(sys.executable).with_name("p3idp"), *words]
    environment = home.environment() | {"PYTHONDONTWRITEBYTECODE": "1"}  # Python would keep half of a module for good
    return subprocess.run(program, capture_output=True, text=True, env=environment, preexec_fn=little)


@pytest.mark.parametrize("words", [["token"], ["use", "p3@egi"], ["exec", "--project=p3@egi", "true"]], ids=" ".join)
def test_a_full_disk_is_met_before_the_refresh_token_is_used(
    mary: Command, small: SmallSite, home: Home, words: list[str]
):
    age(home)
    before, good = identity(home).read_bytes(), set(small.good)
    done = full(home, words)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error (cache-not-written): ")
    assert len(done.stderr.splitlines()) == 2
    assert secrets_in(small, done.stderr) == []
    assert (identity(home).read_bytes(), small.good) == (before, good)
    assert [
        file for file in home.cache.iterdir() if file.name.startswith(".") and not file.name.endswith(".lock")
    ] == []
    assert mary("token").returncode == 0


def test_a_disk_that_is_full_is_full_for_the_list_of_projects_too_and_the_list_comes(mary: Command, home: Home):
    (home.cache / "projects.json").unlink(missing_ok=True)
    done = full(home, ["projects"])
    assert done.returncode == 0, done.stderr
    assert "p3@egi" in done.stdout


def test_what_belongs_to_somebody_else_is_named(
    mary: Command, small: SmallSite, home: Home, monkeypatch: pytest.MonkeyPatch
):
    somebody = os.geteuid() + 1
    with monkeypatch.context() as patched:
        patched.setattr(os, "geteuid", lambda: somebody)
        for words in (["token"], ["login"], ["logout"], ["use", "p3@egi"]):
            done = mary(*words, "--json")
            assert (done.returncode, json.loads(done.stderr)["error"]["code"]) == (1, "cache-unfit")
            assert "chown" in done.stderr
    assert mary("token").returncode == 0


LAYERS = (
    "p3idp.client.http.Web._ask", "p3idp.client.provider.Provider.refresh", "p3idp.client.provider.Provider.identity",
    "p3idp.client.exchange.Broker.exchange", "p3idp.client.cache.entries.Cache._read",
    "p3idp.client.cache.entries.Cache.keep_project_token", "p3idp.client.cache.files.PrivateFiles.room",
    "p3idp.client.clouds.Clouds.use",
)  # fmt: skip


@pytest.mark.parametrize("layer", LAYERS)
def test_a_defect_of_ours_shows_no_secret_either(
    mary: Command, small: SmallSite, home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
    layer: str,
):  # fmt: skip
    """An exception that nobody expected, which names all that the function was given: secrets are told as ***."""
    age(home)

    def fail(*given: object, **named: object) -> None:
        raise RuntimeError(f"a defect, given {given!r} {named!r}")

    monkeypatch.setattr(layer, fail)
    monkeypatch.setattr(sys, "argv", ["p3idp", "use", "p3@egi"])
    with pytest.raises(RuntimeError) as met:
        run()
    sys.excepthook(met.type, met.value, met.tb)
    printed = capsys.readouterr()
    assert "a defect, given" in printed.err
    assert secrets_in(small, printed.out + printed.err) == []


def test_the_search_would_find_a_secret(small: SmallSite, mary: Command):
    assert secrets_in(small, mary("token", "--keystone").stdout) != []
    assert secrets_in(small, mary("token").stdout) != []
