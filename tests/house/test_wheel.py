"""The wheel, installed bare, is the light client; with the server part it finds its templates."""

import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from p3idp.cli.main import COMMANDS

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    build = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "-q", "-w", str(out), str(ROOT)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert build.returncode == 0, build.stderr
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def bare(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty environment with the wheel and what it declares, and nothing of the server."""
    home = tmp_path_factory.mktemp("bare")
    subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
    lock = ROOT / "deploy/lock/p3idp.txt"
    versions = home / "constraints.txt"
    pins = [line.split(" \\")[0] for line in lock.read_text().splitlines() if "==" in line]
    versions.write_text("\n".join(pins) + "\n")
    subprocess.run([home / "bin/pip", "install", "-q", "-c", str(versions), str(wheel)], check=True)
    return home / "bin"


def run(program: Path, *args: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.environ["PATH"], "HOME": str(program.parent)}
    return subprocess.run([program, *args], capture_output=True, text=True, env=env, cwd=program.parent)


SERVER_LIBRARIES = (
    "alembic", "authlib", "dulwich", "flask", "gunicorn", "httpx", "ldap3", "limits", "prometheus-client", "pydantic",
    "python-keystoneclient", "structlog", "sqlalchemy", "tenacity", "tooz",
)  # fmt: skip


def test_bare_install_has_no_server_library(bare: Path):
    listed = run(bare / "pip", "list", "--format=freeze").stdout.lower()
    assert "keystoneauth1" in listed
    assert [library for library in SERVER_LIBRARIES if f"{library}==" in listed] == []


CLIENT_COMMANDS = sorted(name for name, entry in COMMANDS.items() if not entry.extra)


@pytest.mark.parametrize(
    "words", [("--help",), ("--version",), *((name, "--help") for name in CLIENT_COMMANDS)], ids=" ".join
)
def test_client_commands_run_bare(bare: Path, words: tuple[str, ...]):
    result = run(bare / "p3idp", *words)
    assert result.returncode == 0, result.stderr


WALK = """
import click
from p3idp.cli.lazy import LazyGroup
from p3idp.cli.main import COMMANDS, main
def walk(command, path):
    context = click.Context(command, info_name=path)
    assert command.get_help(context)
    for name in command.list_commands(context) if isinstance(command, click.Group) else ():
        if not (isinstance(command, LazyGroup) and command.table[name].extra):
            walk(command.get_command(context, name), f"{path} {name}")
    print(path)
for name, entry in COMMANDS.items():
    if not entry.extra:
        walk(main.get_command(click.Context(main), name), name)
"""
LOAD = """
import keystoneauth1.loading as loading
for name in ("v3p3idp", "v3p3idptoken"):
    print(name, len(loading.get_plugin_loader(name).get_options()) > 0)
import p3idp.client.plugin, p3idp.client.signed_in
"""


def test_every_client_command_of_every_depth_can_be_loaded_bare(bare: Path):
    result = run(bare / "python", "-c", WALK)
    assert result.returncode == 0, result.stderr
    assert set(CLIENT_COMMANDS) <= set(result.stdout.splitlines())
    assert "mapping evaluate" in result.stdout  # of a group too


def test_the_plugin_loads_bare(bare: Path):
    result = run(bare / "python", "-c", LOAD)
    assert (result.returncode, result.stdout) == (0, "v3p3idp True\nv3p3idptoken True\n"), result.stderr


def test_the_doctor_looks_at_a_bare_machine(bare: Path):
    result = run(bare / "p3idp", "doctor", "--json")
    assert result.returncode == 0, result.stdout + result.stderr
    findings = {each["check"]: each["status"] for each in json.loads(result.stdout)["findings"]}
    assert (findings["plugin"], findings["cache-directory"], findings["cloud"]) == ("ok", "ok", "warn")
    missing = run(bare / "p3idp", "doctor", "--settings", "/nowhere")
    assert (missing.returncode, "p3idp[server]" in missing.stderr) == (2, True)


@pytest.mark.parametrize("command", sorted(name for name, entry in COMMANDS.items() if entry.extra))
def test_server_commands_say_what_to_install(bare: Path, command: str):
    result = run(bare / "p3idp", command, "--help")
    assert result.returncode == 2
    assert f"p3idp[{COMMANDS[command].extra}]" in result.stderr
    assert "Traceback" not in result.stderr


def test_an_installed_wheel_finds_its_templates(wheel: Path, tmp_path: Path):
    """The wheel before this checkout, with the libraries of this environment."""
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path, str(wheel)], check=True
    )
    code = """
from p3idp.adapters.templates import JinjaRenderer, templates_directory
names = JinjaRenderer()._environment.list_templates()
print(templates_directory("config"), templates_directory("web"), "apache.conf.j2" in names)
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={"PYTHONPATH": str(tmp_path)}, cwd=tmp_path
    )
    home = tmp_path / "p3idp/_templates"
    assert found.stdout.split() == [str(home / "config"), str(home / "web"), "True"], found.stderr


def test_the_wheel_carries_its_templates(wheel: Path):
    names = zipfile.ZipFile(wheel).namelist()
    shipped = {p.relative_to(ROOT / "templates").as_posix() for p in (ROOT / "templates").rglob("*") if p.is_file()}
    assert shipped
    assert {f"p3idp/_templates/{name}" for name in shipped} <= set(names)
