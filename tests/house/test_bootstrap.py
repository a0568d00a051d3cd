"""The bootstrap installs what is missing, says what it may not install, and is quick when nothing is."""

import subprocess
import sys
from pathlib import Path

import pytest

from p3idp.lab import bootstrap

ROOT = Path(__file__).parents[2]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty checkout."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "VENVS", tmp_path)
    return tmp_path


def test_it_runs_on_a_bare_python_with_the_standard_library_alone():
    code = "import p3idp.lab.bootstrap, sys; print(*{name.split('.')[0] for name in sys.modules})"
    bare = subprocess.run(
        [sys.executable, "-S", "-c", code], env={"PYTHONPATH": str(ROOT / "src")}, capture_output=True, text=True
    )
    foreign = {name for name in bare.stdout.split() if name not in sys.stdlib_module_names}
    assert foreign <= {"p3idp", "__main__"}, bare.stderr
    assert "p3idp" in foreign


def test_what_may_not_be_installed_is_named_with_the_one_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(bootstrap, "_DEBIAN", {"apache2-bin": "/nowhere", "chromium": "/nowhere", "here": "/"})
    monkeypatch.setattr(bootstrap, "_become_root", lambda: None)
    bootstrap.install_debian_packages()
    said = capsys.readouterr().err
    assert "Missing on this machine: apache2-bin, chromium." in said
    assert f"{bootstrap.debian_command(['apache2-bin', 'chromium'])}\n" in said


@pytest.mark.parametrize(
    ("uid", "sudo", "command"),
    [(0, None, "{}"), (1000, "/usr/bin/sudo", "sudo sh -c '{}'"), (1000, None, "su - -c '{}'")],
    ids=["root", "with sudo", "without sudo"],
)
def test_the_one_command_works_without_sudo_and_without_package_lists(
    uid: int, sudo: str | None, command: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(bootstrap.os, "getuid", lambda: uid)
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: sudo)
    steps = "apt-get update && apt-get install -y --no-install-recommends apache2-bin"
    assert bootstrap.debian_command(["apache2-bin"]) == command.format(steps)


def test_a_failed_installer_ends_with_its_own_last_words(place: Path):
    with pytest.raises(bootstrap.Failed, match=r"Trying failed \(exit status 3\)(.|\n)*no such package"):
        bootstrap._run(
            "Trying", "try", [sys.executable, "-c", "print('no such package'); raise SystemExit(3)"], cwd=place
        )


def test_a_slow_installer_shows_that_it_lives(
    place: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(bootstrap, "_HEARTBEAT_SECONDS", 0.2)
    code = "import time; print('halfway', flush=True); time.sleep(0.7)"
    bootstrap._run("Trying", "try", [sys.executable, "-c", code], cwd=place)
    assert "s: halfway" in capfd.readouterr().out


def test_a_stamp_holds_for_these_files_only(place: Path):
    lock = place / "lock.txt"
    lock.write_text("one==1")
    bootstrap._stamp(place, bootstrap._digest(lock))
    assert bootstrap._is_current(place, bootstrap._digest(lock))
    lock.write_text("one==2")
    assert not bootstrap._is_current(place, bootstrap._digest(lock))


@pytest.mark.parametrize("lock", ["p3idp.txt", "keystone.txt"])
def test_every_locked_package_has_a_hash_and_no_address(lock: str):
    text = (ROOT / "deploy/lock" / lock).read_text()
    assert "://" not in text
    for block in text.replace("\\\n", "").splitlines():
        if block.strip() and not block.lstrip().startswith("#"):
            assert "==" in block
            assert "--hash=sha256:" in block


def test_make_help_lists_every_target_with_a_line():
    # Under `make test` this make is a second one, and would say which directory it enters.
    command = ["make", "--no-print-directory", "help"]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout
    declared = (ROOT / "Makefile").read_text().split(".PHONY:")[1].splitlines()[0].split()
    assert "run" in declared
    assert {line.split()[1] for line in shown.splitlines()} == set(declared)
