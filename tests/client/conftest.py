"""A researcher's home for each test: directories of its own, no keyring, the console script in this process."""

import sys
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import keyring
import pytest
from keyring.backends.null import Keyring as NoKeyring
from scripted_browser import sign_in

from p3idp.cli.main import run
from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE
from p3idp.lab.handle import LabHandle


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


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    place = Home(tmp_path / "cache", tmp_path / "client.toml")
    monkeypatch.setenv(CACHE_VARIABLE, str(place.cache))
    monkeypatch.setenv(CONFIG_VARIABLE, str(place.config))
    for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":99")
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield place
    keyring.set_keyring(before)


@pytest.fixture
def p3idp(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The console script in this process: one each would cost most of a second."""

    def call(*words: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["p3idp", *words])
        with pytest.raises(SystemExit) as left:
            run()
        printed = capsys.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


class ScriptedBrowser:
    """What `webbrowser` finds first. It does what the test says with an address, and notes that it was opened."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.go: Callable[[str], object] | None = None

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:
        self.opened.append(url)
        if self.go is not None:
            self.go(url)
        return self.go is not None


_BROWSER = ScriptedBrowser()
webbrowser.register("scripted", None, _BROWSER, preferred=True)


@pytest.fixture
def browser() -> Iterator[ScriptedBrowser]:
    """A browser in which nobody does anything, until the test says what."""
    _BROWSER.opened, _BROWSER.go = [], None
    yield _BROWSER
    _BROWSER.go = None


@pytest.fixture
def alice(browser: ScriptedBrowser, site: LabHandle) -> ScriptedBrowser:
    """A browser in which alice signs in."""
    browser.go = lambda url: sign_in(str(site.ca_file), "alice", url)
    return browser


@pytest.fixture
def at_the_lab(site: LabHandle) -> list[str]:
    """The options that a first sign-in at the lab needs."""
    return [
        "--cloud=lab", f"--issuer={site.urls.issuer}", "--client-id=p3idp-cli", f"--broker={site.urls.broker_url}",
        f"--auth-url={site.urls.keystone_url}", "--identity-provider=egi", "--protocol=openid",
        f"--ca-file={site.ca_file}",
    ]  # fmt: skip
