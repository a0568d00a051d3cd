"""What the command line costs: a warm cache beside a new sign-in, from login to the first token, the plugin's import.

Owns these parts of ``make bench``. The person is scripted, and answers as fast as a script can: what it took is told.
Nothing is asserted: machines differ.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any

import keyring
from exchange import bench_lab
from keyring.backends.null import Keyring as NoKeyring
from researcher import BROWSER, Home
from scripted_browser import sign_in

from p3idp.client.clouds import Cloud
from p3idp.client.here import Desk, desk
from p3idp.lab.handle import LabHandle

PROGRAM = Path(sys.executable).with_name("p3idp")
PROJECT = "p3@egi"
Figures = dict[str, Any]


class Researcher:
    """Somebody's machine. ``person``: milliseconds that the scripted person took, each time."""

    def __init__(self, lab: LabHandle, place: Path) -> None:
        self.lab, self.place, self.person = lab, place, list[float]()
        self.homes = 0
        BROWSER.go = self.sign_in

    def sign_in(self, url: str) -> None:
        began = perf_counter()
        sign_in(str(self.lab.ca_file), "alice", url)
        self.person.append((perf_counter() - began) * 1000)

    def new_home(self) -> Home:
        """A machine on which nobody was signed in."""
        self.homes += 1
        home = Home(self.place / f"cache-{self.homes}", self.place / f"client-{self.homes}.toml")
        os.environ.update({name: value for name, value in home.environment().items() if name != "PATH"})
        return home

    def cloud(self) -> Cloud:
        """The lab as somebody's cloud, complete."""
        urls = self.lab.urls
        return Cloud(
            "lab", issuer=urls.issuer, client_id="p3idp-cli", broker=urls.broker_url, auth_url=urls.keystone_url,
            identity_provider="egi", protocol="openid", ca_file=str(self.lab.ca_file), project=PROJECT,
            scopes=("openid", "profile", "email", "voperson_id", "eduperson_entitlement", "entitlements",
                    "eduperson_assurance", "offline_access"),
        )  # fmt: skip

    def options(self) -> list[str]:
        """The same for `p3idp login`."""
        cloud = self.cloud()
        return [
            "--cloud=lab", f"--issuer={cloud.issuer}", f"--client-id={cloud.client_id}", f"--broker={cloud.broker}",
            f"--auth-url={cloud.auth_url}", f"--identity-provider={cloud.identity_provider}",
            f"--protocol={cloud.protocol}", f"--ca-file={cloud.ca_file}",
        ]  # fmt: skip

    @contextmanager
    def waiting(self) -> Iterator[str]:
        """What $BROWSER may say: a program that hands the address to the person, who sits ready in this process."""
        pipe, program = self.place / "addresses", self.place / "browser.sh"
        os.mkfifo(pipe)
        program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$1" > {pipe}\n')
        program.chmod(0o700)
        person = threading.Thread(target=self._answer, args=(pipe,), daemon=True)
        person.start()
        yield f"{program} %s"
        pipe.write_text("\n")
        person.join(10)

    def _answer(self, pipe: Path) -> None:
        while url := pipe.read_text().strip():
            self.sign_in(url)


def library(who: Researcher, rounds: int) -> Figures:
    """`Work.project_token`: from nothing, which is a sign-in and an exchange; from a sign-in; from the cache."""
    cloud = who.cloud()

    def anew(signed_in: Callable[[Desk], None]) -> tuple[Desk, float]:
        who.new_home()
        here = desk(ask=True, tell=void)
        signed_in(here)
        return here, milliseconds(lambda: here.work.project_token(cloud, PROJECT))

    found: dict[str, list[float]] = {"nothing kept": [], "signed in": [], "cache warm": []}
    for _ in range(rounds):
        here, spent = anew(lambda _: None)
        found["nothing kept"].append(spent)
        found["cache warm"] += [milliseconds(lambda h=here: h.work.project_token(cloud, PROJECT)) for _ in range(20)]
        _, spent = anew(lambda here: void(here.work.identity(cloud)))
        found["signed in"].append(spent)
    medians = {name: round(statistics.median(each), 2) for name, each in found.items()}
    return medians | {
        "a refresh alone": round(_refresh(who, cloud, rounds), 2),
        "the person's part of nothing kept": round(statistics.median(who.person), 1),
        "ratio": round(medians["nothing kept"] / medians["cache warm"]),
        "ratio without sign-in": round(medians["signed in"] / medians["cache warm"]),
    }


def _refresh(who: Researcher, cloud: Cloud, rounds: int) -> float:
    who.new_home()
    here = desk(ask=True, tell=void)
    spent = []
    for _ in range(rounds):
        identity = here.work.identity(cloud)
        spent.append(milliseconds(lambda now=identity: here.work.identity(cloud, spent=now.access_token)))
    return statistics.median(spent)


def processes(who: Researcher, rounds: int) -> Figures:
    """The same as whole commands: `p3idp login` and the first `p3idp token --keystone`, and that command again."""
    found: dict[str, list[float]] = {"login": [], "first token": [], "login to first token": [], "again": []}
    floor = [milliseconds(lambda: run([sys.executable, "-c", "pass"])) for _ in range(rounds)]
    version = [milliseconds(lambda: run([PROGRAM, "--version"])) for _ in range(rounds)]
    who.person.clear()
    token = [PROGRAM, "token", "--keystone", f"--project={PROJECT}"]
    with who.waiting() as browser:
        for _ in range(rounds):
            env = who.new_home().environment() | {"BROWSER": browser, "DISPLAY": ":99"}
            login = milliseconds(lambda env=env: run([PROGRAM, "login", *who.options()], env))
            first = milliseconds(lambda env=env: run(token, env))
            found["login"].append(login)
            found["first token"].append(first)
            found["login to first token"].append(login + first)
            found["again"] += [milliseconds(lambda env=env: run(token, env)) for _ in range(3)]
    medians = {name: round(statistics.median(each), 1) for name, each in found.items()}
    return medians | {
        "the person's part of login": round(statistics.median(who.person), 1),
        "a Python that does nothing": round(statistics.median(floor), 1),
        "p3idp --version": round(statistics.median(version), 1),
        "ratio": round(medians["login to first token"] / medians["again"], 1),
    }


_IMPORT = """
import keystoneauth1.loading, keystoneauth1.identity.v3, keystoneauth1.session, sys
from time import perf_counter
before, began = set(sys.modules), perf_counter()
import p3idp.client.plugin
print((perf_counter() - began) * 1000, len(set(sys.modules) - before))
"""
# Both ways through the same words, so that only the plugin makes the difference.
_OPENSTACK = """
import sys
from stevedore import _cache
every, keep = _cache.get_group_all, {keep}
_cache.get_group_all = lambda group: [each for each in every(group) if keep or not each.value.startswith("p3idp")]
from openstackclient.shell import main
sys.exit(main(sys.argv[1:]))
"""


def plugin(lab: LabHandle, rounds: int) -> Figures:
    """The import by itself, where keystoneauth is loaded already; and the `openstack` command with and without us."""
    told = [run([sys.executable, "-c", _IMPORT]).split() for _ in range(rounds)]
    password = lab.layout.secret("keystone-admin")
    env = {
        **os.environ, "OS_AUTH_URL": lab.urls.keystone_url, "OS_USERNAME": "admin", "OS_PASSWORD": password,
        "OS_PROJECT_NAME": "admin", "OS_USER_DOMAIN_ID": "default", "OS_PROJECT_DOMAIN_ID": "default",
        "OS_CACERT": str(lab.ca_file), "OS_IDENTITY_API_VERSION": "3",
    }  # fmt: skip
    found: Figures = {
        "import": round(statistics.median(float(each[0]) for each in told), 1), "modules": int(told[0][1])
    }  # fmt: skip
    for words in (["--version"], ["token", "issue"]):
        found[" ".join(["openstack", *words])] = _with_and_without(words, env, rounds)
    return found


def _with_and_without(words: list[str], env: dict[str, str], rounds: int) -> Figures:
    spent: dict[bool, list[float]] = {True: [], False: []}
    for turn in range(rounds + 1):
        for keep in (True, False) if turn % 2 else (False, True):
            took = milliseconds(lambda k=keep: run([sys.executable, "-c", _OPENSTACK.format(keep=k), *words], env))
            if turn:
                spent[keep].append(took)
    ours, without = (round(statistics.median(spent[keep])) for keep in (True, False))
    return {"with p3idp": ours, "without": without, "ratio": round(ours / without, 3)}


def run(command: list[Any], env: dict[str, str] | None = None) -> str:
    """Standard output of a command that has to succeed."""
    done = subprocess.run(command, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def milliseconds(step: Callable[[], object]) -> float:
    """How long it took."""
    began = perf_counter()
    step()
    return (perf_counter() - began) * 1000


def void(_: object) -> None:
    """For whoever wants to be told, and for a value of no interest."""


def main() -> None:
    """Measure, print, write JSON."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--rounds", type=int, default=9)
    asked.add_argument("--lab", type=Path, help="a lab that runs and has its policy, instead of one of its own")
    asked.add_argument("--json", type=Path, default=Path("build/bench-client.json"))
    options = asked.parse_args()
    keyring.set_keyring(NoKeyring())
    with bench_lab(options.lab) as lab, tempfile.TemporaryDirectory(prefix="p3idp-home-") as place:
        os.environ["DISPLAY"] = ":99"
        who = Researcher(lab, Path(place))
        found = {
            "library, ms": library(who, options.rounds),
            "commands, ms": processes(who, options.rounds),
            "plugin, ms": plugin(lab, options.rounds),
        }
    for part, figures in found.items():
        print(part)
        for name, figure in figures.items():
            print(f"  {name:<36}{json.dumps(figure) if isinstance(figure, dict) else figure:>10}")
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
