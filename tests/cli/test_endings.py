"""How any command ends when it was asked badly, stopped, or cannot write: one message, as JSON where asked for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from access_world import AccessWorld
from policies import PolicyFiles

from p3idp import wiring
from p3idp.cli import access
from p3idp.cli.main import run


@pytest.fixture
def type_in(tmp_path, monkeypatch, capsys):
    """Type a command at a site in memory; its exit status, standard output and standard error."""
    world = AccessWorld(PolicyFiles(tmp_path))
    monkeypatch.setattr(access, "load_settings", lambda file: None)
    monkeypatch.setattr(wiring, "wire_access", lambda settings: world.ops)
    monkeypatch.setattr(wiring, "now", lambda: world.now)

    def typed(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as ended:
            run()
        return int(ended.value.code or 0), *capsys.readouterr()

    return typed


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("apply",), "Give --digest"),
        (("plan", "--nonsense"), "--nonsense"),
        (("nonsense",), "nonsense"),
        (("audit", "list", "--limit", "0"), "--limit"),
    ],
    ids=["missing", "unknown option", "unknown command", "out of range"],
)
def test_machines_get_a_mistaken_call_as_json(type_in, words, said):
    status, told, beside = type_in(*words, "--json")
    assert (status, told) == (2, "")
    error = json.loads(beside)["error"]
    assert error["code"] == "usage-mistaken"
    assert said in error["detail"]
    status, told, beside = type_in(*words)
    assert (status, told) == (2, "")
    assert said in beside


def test_a_file_that_cannot_be_written_is_named(type_in, tmp_path):
    where = str(tmp_path / "nowhere" / "plan.json")
    status, told, beside = type_in("plan", "--out", where)
    assert (status, told) == (1, "")
    assert f"Error (file-unusable): {where}: No such file or directory." in beside
    assert json.loads(type_in("plan", "--out", where, "--json")[2])["error"]["code"] == "file-unusable"


def test_a_full_disk_under_the_answer_is_one_message(type_in, monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(access, "plan_lines", full)
    status, told, beside = type_in("plan")
    assert (status, told) == (1, "")
    assert "The answer: No space left on device." in beside


def test_stopping_an_apply_says_where_to_look(type_in, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as once:
        once.setattr(access, "progress_line", stop)
        status, told, beside = type_in("apply", "--yes")
    assert (status, told) == (1, "")
    assert "Stopped by hand" in beside
    assert "`p3idp apply` goes on from here, `p3idp rollback 1 --before` goes back" in beside
    assert type_in("apply", "--yes")[0] == 0


PROGRAM = [sys.executable, "-c", "from p3idp.cli.main import run; run()"]
SOURCE = Path(__file__).parents[2]


def shell(*words: str | bytes, closed: str = "", **more: str) -> subprocess.CompletedProcess[bytes]:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SOURCE / "src"), **more}
    script = ["sh", "-c", f'exec "$@" {closed}', "sh", *PROGRAM]
    return subprocess.run([*script, *words], capture_output=True, env=env, timeout=60)


READS_INPUT = [
    ("mapping", "evaluate", "--batch"),
    ("why", "--policy-dir", f"{SOURCE}/mappings", "--claims", "-"),
    ("mapping", "replay", f"{SOURCE}/mappings", "--against", f"{SOURCE}/mappings", "--logins", "-"),
]


@pytest.mark.parametrize("closed", ["<&-", ">&- </dev/null"])
@pytest.mark.parametrize("words", READS_INPUT, ids=lambda words: words[-3])
def test_a_stream_that_the_caller_closed_is_empty(words, closed):
    done = shell(*words, closed=closed)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stderr


def test_a_word_that_is_no_text_is_refused(tmp_path):
    done = shell("import", "mapping", tmp_path, "--domain", b"caf\xe9", "--json", LC_ALL="C.UTF-8")
    assert done.returncode == 2
    assert json.loads(done.stderr)["error"]["code"] == "usage-mistaken"


def test_no_color_is_honoured(type_in, monkeypatch):
    monkeypatch.setattr("click._compat.isatty", lambda stream: True)
    assert "\x1b[" in type_in("plan")[1]
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in type_in("plan")[1]
    assert "\x1b[" not in type_in("plan", "--out", "/nowhere/x")[2]


def test_the_shell_completes_commands_and_options(monkeypatch, capsys):
    def completed(words: str, position: int) -> list[str]:
        monkeypatch.setenv("_P3IDP_COMPLETE", "bash_complete")
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(position))
        monkeypatch.setattr("sys.argv", ["p3idp"])
        with pytest.raises(SystemExit):
            run()
        return capsys.readouterr().out.splitlines()

    assert completed("p3idp pl", 1) == ["plain,plan"]
    assert completed("p3idp audit v", 2) == ["plain,verify"]
    assert "plain,--detailed-exitcode" in completed("p3idp plan --d", 2)
