"""A virtual environment of its own for a large optional part of the lab. Owns its installation from a lock file.

The digest of the lock file is written last: an installation that was cut short is made anew.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from p3idp.errors.lab import PartMissing
from p3idp.lab.layout import CACHE, CHECKOUT, alone

_EVERY = 20


@dataclass(frozen=True, slots=True)
class OwnEnvironment:
    """What stands in ``.venvs/<name>``, from ``deploy/lock/<name>.txt``. ``cost``: what people wait for, in words."""

    name: str
    cost: str

    @property
    def home(self) -> Path:
        """The environment."""
        return CHECKOUT / ".venvs" / self.name

    @property
    def lock(self) -> Path:
        """The versions and hashes that it is made from."""
        return CHECKOUT / "deploy" / "lock" / f"{self.name}.txt"

    def is_installed(self) -> bool:
        """Whether it is there, whole, and the one that the lock file describes."""
        return self._done.exists() and self._done.read_text(encoding="ascii") == self._digest()

    def install(self, say: Callable[[str], None]) -> None:
        """Install it where it is not yet, telling the progress. Raises PartMissing with the end of pip's words."""
        with alone(CACHE / f"{self.name}-install.lock"):
            if self.is_installed():
                return
            wanted = sum("==" in line for line in self.lock.read_text(encoding="utf-8").splitlines())
            say(f"{self.name}: installing {wanted} packages into {self.home} ({self.cost}, once)")
            shutil.rmtree(self.home, ignore_errors=True)
            subprocess.run([sys.executable, "-m", "venv", str(self.home)], check=True, stdin=subprocess.DEVNULL)
            self._pip_install(say, wanted)
            self._done.write_text(self._digest(), encoding="ascii")
            say(f"{self.name}: installed")

    def _pip_install(self, say: Callable[[str], None], wanted: int) -> None:
        pip = [str(self.home / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        install = [*pip, "install", "--no-deps", "--require-hashes", "--progress-bar", "off", "-r", str(self.lock)]
        lines: list[str] = []
        with subprocess.Popen(
            install, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout is not None  # asked for a pipe
            for line in process.stdout:
                lines.append(line)
                collected = sum(known.startswith("Collecting ") for known in lines)
                if line.startswith("Collecting ") and collected % _EVERY == 0:
                    say(f"{self.name}: {collected} of {wanted} packages")
                elif line.startswith("Installing "):
                    say(f"{self.name}: unpacking")
        if process.returncode:
            shutil.rmtree(self.home, ignore_errors=True)
            end = "\n".join("".join(lines).splitlines()[-15:])
            raise PartMissing(
                f"{self.name} could not be installed. The end of what pip says:\n{end}",
                hint=f"It needs a package index and disk ({self.cost}). The lab runs without: `p3idp lab up`.",
            )

    @property
    def _done(self) -> Path:
        return self.home / "installed-from"

    def _digest(self) -> str:
        return sha256(self.lock.read_bytes()).hexdigest()
