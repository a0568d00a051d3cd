"""A researcher's machine in a test: places for files, what a command left, and a browser that does as it is told."""

import sys
import webbrowser
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@dataclass
class Home:
    """Where one researcher's files are."""

    cache: Path
    config: Path

    def environment(self) -> dict[str, str]:
        """For a process of its own."""
        return {
            CACHE_VARIABLE: str(self.cache),
            CONFIG_VARIABLE: str(self.config),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        }


class ScriptedBrowser:
    """What `webbrowser` finds first. It does what the test says with an address, and notes that it was opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.go: Callable[[str], object] | None = None

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        if self.go is not None:
            self.go(url)
        return True


BROWSER = ScriptedBrowser()
webbrowser.register("scripted", None, BROWSER, preferred=True)
