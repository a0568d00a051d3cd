"""What a shell offers after a tab: from tables and files alone, at once, and never a word of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from researcher import Done, Home
from small_site import SmallSite

from p3idp.cli.lazy import is_installed
from p3idp.cli.main import COMMANDS, run
from p3idp.client.cache.files import PrivateFiles
from p3idp.client.seen import SeenProjects

PROGRAM = Path(sys.executable).with_name("p3idp")
Command = Callable[..., Done]
Complete = Callable[..., list[str]]
TOML = "".join(f'[clouds.{name}]\nbroker = "https://localhost:1/{name}"\n' for name in ("lab", "large", "other"))
# As bash calls a function of completion: words so far, and which is being typed.
BASH = """
eval "$("$1" completion bash)"; shift
for line in "$@"; do
    read -ra COMP_WORDS <<< "$line"; [[ $line == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$(( ${#COMP_WORDS[@]} - 1 )) COMPREPLY=()
    _p3idp_completion p3idp
    echo "${COMPREPLY[*]}"
done
"""


@pytest.fixture
def known(home: Home) -> Home:
    """Two clouds whose names begin alike, and projects that were listed at the first."""
    home.config.write_text(f'default = "lab"\n{TOML}')
    SeenProjects(PrivateFiles(home.cache)).note("lab", ["p3@egi", "p4@egi", "fusion@egi"])
    SeenProjects(PrivateFiles(home.cache)).note("other", ["elsewhere@egi"])
    return home


@pytest.fixture
def completed(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Complete:
    """What click's protocol answers a shell, in this process."""

    def complete(line: str, shell: str = "zsh") -> list[str]:
        words = line.split(" ")
        number = words[-1] if shell == "fish" else str(len(words) - 1)
        monkeypatch.setenv("_P3IDP_COMPLETE", f"{shell}_complete")
        monkeypatch.setenv("COMP_WORDS", line)
        monkeypatch.setenv("COMP_CWORD", number)
        monkeypatch.setattr(sys, "argv", ["p3idp"])
        with pytest.raises(SystemExit):
            run()
        printed = capsys.readouterr()
        assert printed.err == ""
        return printed.out.split("\n")[:-1] if printed.out.strip() else []

    return complete


def test_bash_itself_completes(known: Home):
    lines = ["p3idp logo", "p3idp login --no", "p3idp whoami --cloud la", "p3idp use p", "p3idp token --project fu",
             "p3idp use --cloud other ", "p3idp completion f", "p3idp nonsense x"]  # fmt: skip
    done = subprocess.run(
        ["bash", "--norc", "-c", BASH, "bash", PROGRAM, *lines], capture_output=True, text=True, env=known.environment()
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "logout", "--no-browser", "lab large", "p3@egi p4@egi", "fusion@egi", "elsewhere@egi", "fish", ""
    ]  # fmt: skip


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_a_script_of_its_own(p3idp: Command, shell: str):
    done = p3idp("completion", shell)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"_P3IDP_COMPLETE={shell}_complete" in done.stdout
    assert {"bash": "complete -o", "zsh": "compdef", "fish": "complete --no-files"}[shell] in done.stdout


def test_zsh_and_fish_get_descriptions(known: Home, completed: Complete):
    assert completed("p3idp whoa", "zsh") == ["plain", "whoami", COMMANDS["whoami"].help]
    assert completed("p3idp whoa", "fish") == [f"plain,whoami\t{COMMANDS['whoami'].help}"]
    assert completed("p3idp use p", "fish") == ["plain,p3@egi", "plain,p4@egi"]


def test_every_command_and_group_completes(completed: Complete):
    assert set(completed("p3idp ")) >= COMMANDS.keys()
    assert "--json" in completed("p3idp whoami --")
    assert "evaluate" in completed("p3idp mapping ")


def test_what_is_not_installed_is_not_offered_and_says_nothing(completed: Complete, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("p3idp.cli.lazy.find_spec", lambda _: None)
    assert not is_installed("server")
    offered = set(completed("p3idp "))
    assert "login" in offered
    assert "plan" not in offered
    assert completed("p3idp plan --") == []


@pytest.mark.parametrize("text", ["[clouds.a\n", "clouds = 3", None], ids=["no TOML", "another form", "none"])
def test_files_that_cannot_be_read_complete_to_nothing(home: Home, completed: Complete, text: str | None):
    if text is not None:
        home.config.write_text(text)
    assert completed("p3idp whoami --cloud ") == []
    assert completed("p3idp use ") == []


def test_a_cache_open_to_others_completes_to_nothing(known: Home, completed: Complete):
    known.cache.chmod(0o755)
    assert completed("p3idp use ") == []
    assert completed("p3idp whoami --cloud ") == []


WATCHED = """
import os, sys
met = []
sys.addaudithook(lambda event, _: met.append(event) if event in ("socket.connect", "socket.getaddrinfo") else None)
from p3idp.cli.main import run
sys.argv = ["p3idp"]
try:
    run()
except SystemExit:
    pass
heavy = {"requests", "keyring", "keystoneauth1", "cryptography", "joserfc", "flask", "sqlalchemy", "pydantic", "yaml",
         "httpx", "openstack", "p3idp.wiring"}
print("loaded", sorted(heavy & set(sys.modules)), "met", met, file=sys.stderr)
"""


@pytest.mark.parametrize(
    "line", ["p3idp ", "p3idp login --", "p3idp use p", "p3idp exec --project ", "p3idp doctor --"]
)
def test_completing_loads_nothing_heavy_and_asks_nobody(known: Home, line: str):
    asked = {"_P3IDP_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split(" ")) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", WATCHED], capture_output=True, text=True, env=known.environment() | asked
    )
    assert done.stderr == "loaded [] met []\n"
    assert "plain," in done.stdout


def test_projects_are_remembered_when_they_are_listed_and_hold_up_nobody(
    mary: Command, home: Home, completed: Complete
):
    assert mary("projects").returncode == 0
    assert completed("p3idp use ") == ["plain", "p3@egi", "_"]
    assert json.loads((home.cache / "projects.json").read_text())["clouds"] == {"small": ["p3@egi"]}
    assert (home.cache / "projects.json").stat().st_mode & 0o077 == 0
    (home.cache / "projects.json").write_text("nonsense")
    assert completed("p3idp use ") == []
    (home.cache / "projects.json").unlink()
    (home.cache / "projects.json").mkdir()
    assert mary("projects").returncode == 0


def test_the_scripts_name_no_secret_and_run_the_program_alone(p3idp: Command, mary: Command, small: SmallSite):
    said = "".join(p3idp("completion", shell).stdout for shell in ("bash", "zsh", "fish"))
    assert [secret for secret in small.issued if secret in said] == []
    assert os.environ["HOME"] not in said
