"""A researcher's desk: the real openstack, openstacksdk and Ansible, watched for tokens that come into the open."""

import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE
from p3idp.lab.handle import LabHandle
from p3idp.lab.own_environment import OwnEnvironment

ROOT = Path(__file__).parents[2]
ANSIBLE = OwnEnvironment("ansible", "a minute, 550 MB")
PAGE = ROOT / "docs/how-to/openstacksdk-and-ansible.md"
BIN = Path(sys.executable).parent
_SECRET = re.compile(r'"(?:access_token|refresh_token|token)": "([^"]{20,})"')


def snippet(language: str, begins: str) -> str:
    """The page's block of this language that begins so: what people copy is what is tried."""
    blocks = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (found,) = [block for block in blocks if block.startswith(begins)]
    return str(found)


@dataclass
class Desk:
    """Where commands are run, and everything that they said or showed."""

    directory: Path
    site: LabHandle
    python: Path
    secrets: set[str] = field(default_factory=set)
    arguments: set[bytes] = field(default_factory=set)
    said: list[str] = field(default_factory=list)
    opened: Path = field(init=False)

    def __post_init__(self) -> None:
        clouds = snippet("yaml", "clouds:").replace("https://broker.example.org", self.site.urls.broker_url)
        (self.directory / "clouds.yaml").write_text(f"{clouds}    cacert: {self.site.ca_file}\n", encoding="utf-8")
        (self.directory / "home").mkdir(mode=0o700)
        self.opened = self.directory / "opened"
        browser = self.directory / "browser"
        script = f"{ROOT}/tests/client/scripted_browser.py {self.site.ca_file} alice"
        browser.write_text(f'#!/bin/sh\necho tab >> {self.opened}\nexec {sys.executable} {script} "$1"\n')
        browser.chmod(0o700)

    @property
    def cache(self) -> Path:
        return self.directory / "home" / "p3idp"

    @property
    def environment(self) -> dict[str, str]:
        return {
            CACHE_VARIABLE: str(self.cache),
            CONFIG_VARIABLE: str(self.directory / "client.toml"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PATH": f"{BIN}:{ANSIBLE.home / 'bin'}:/usr/bin:/bin",
            "HOME": str(self.directory / "home"),
            "BROWSER": str(self.directory / "browser"),
            "DISPLAY": ":99",
            "OS_CLOUD": "p3",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_LOCALHOST_WARNING": "False",
            "ANSIBLE_PYTHON_INTERPRETER": str(self.python),
        }

    def run(self, *words: str, status: int = 0, only_out: bool = False) -> str:
        """What a command said; it must end with this status."""
        done = subprocess.run(
            words, cwd=self.directory, env=self.environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
        )
        self.said.append(done.stdout + done.stderr)
        self._learn()
        assert done.returncode == status, self.without_secrets(done.stdout + done.stderr)
        return done.stdout if only_out else done.stdout + done.stderr

    def login(self, *more: str) -> None:
        self.run("p3idp", "login", "--broker", self.site.urls.broker_url, "--ca-file", str(self.site.ca_file),
                 "--flow", "browser", *more)  # fmt: skip

    def openstack(self, *words: str) -> list[dict[str, str]]:
        found: list[dict[str, str]] = json.loads(self.run("openstack", *words, "-f", "json", only_out=True))
        return found

    def play(self, text: str, *words: str, status: int = 0) -> str:
        # A name of its own each time: the collection fails on a container that is there, whose id is an address.
        named = text.replace("from-ansible", f"from-ansible-{self.directory.name}-{len(self.said)}")
        (self.directory / "play.yml").write_text(named, encoding="utf-8")
        return self.run("ansible-playbook", "-i", "localhost,", "-c", "local", *words, "play.yml", status=status)

    def tabs(self) -> int:
        return len(self.opened.read_text().splitlines()) if self.opened.exists() else 0

    def forget_project_tokens(self) -> None:
        for kept in self.cache.glob("project-*.json"):
            kept.unlink()

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Look at the arguments of all processes, and at what is kept, every 50 ms."""
        over = threading.Event()
        watcher = threading.Thread(target=self._watch, args=(over,))
        watcher.start()
        try:
            yield
        finally:
            over.set()
            watcher.join()

    def leaks(self) -> list[str]:
        """Where a token was seen that belongs nowhere but into the cache, and files there that others could read."""
        places = {f"word {number}": said for number, said in enumerate(self.said)}
        places |= {
            str(file): file.read_text(errors="replace") for file in self._files() if self.cache not in file.parents
        }
        places |= {str(log): log.read_text(errors="replace") for log in self.site.layout.log("x").parent.glob("*.log")}
        places |= {f"arguments {line[:40]!r}": line.decode(errors="replace") for line in self.arguments}
        # A part of a token is as telling as the token for whoever looks for one.
        parts = {part for secret in self.secrets for part in (secret, secret.split(".")[-1][:60])}
        open_files = [str(file) for file in self.cache.rglob("*") if stat.S_IMODE(file.stat().st_mode) & 0o077]
        assert self.secrets, "there were tokens to look for"
        assert any(b"openstack" in line or b"ansible" in line for line in self.arguments), "processes were seen"
        return open_files + sorted(place for place, text in places.items() if any(part in text for part in parts))

    def without_secrets(self, text: str) -> str:
        for secret in self.secrets:
            text = text.replace(secret, "(a token)")
        return text

    def _watch(self, over: threading.Event) -> None:
        while not over.is_set():
            for file in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.arguments.add(file.read_bytes())
            self._learn()
            sleep(0.05)

    def _learn(self) -> None:
        for file in [*self.cache.glob("identity-*.json"), *self.cache.glob("project-*.json")]:
            with suppress(OSError, ValueError):
                self.secrets |= set(_SECRET.findall(json.loads(file.read_text())["body"]))

    def _files(self) -> list[Path]:
        return [Path(folder) / name for folder, _, names in os.walk(self.directory) for name in names]
