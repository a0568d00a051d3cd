"""A researcher's home for each test: directories of its own, no keyring, the console script in this process."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.null import Keyring as NoKeyring
from researcher import BROWSER, Done, Home, ScriptedBrowser
from scripted_browser import sign_in
from small_site import SmallSite, small_site

from p3idp.cli.main import run
from p3idp.client.here import CACHE_VARIABLE, CONFIG_VARIABLE
from p3idp.lab.handle import LabHandle


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    place = Home(tmp_path / "cache", tmp_path / "client.toml")
    monkeypatch.setenv(CACHE_VARIABLE, str(place.cache))
    monkeypatch.setenv(CONFIG_VARIABLE, str(place.config))
    for name in ("SSH_CONNECTION", "SSH_CLIENT", "SSH_TTY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DISPLAY", ":99")
    yield place
    keyring.set_keyring(NoKeyring())


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


@pytest.fixture
def browser() -> Iterator[ScriptedBrowser]:
    """A browser in which nobody does anything, until the test says what."""
    BROWSER.opened, BROWSER.go = [], None
    yield BROWSER
    BROWSER.go = None


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


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallSite]:
    """A site of a test's own, to be broken."""
    with small_site(tmp_path) as place:
        yield place


@pytest.fixture
def mary(p3idp: Callable[..., Done], small: SmallSite, browser: ScriptedBrowser) -> Callable[..., Done]:
    """The console script after Mary signed in at the small site, and chose her project."""
    browser.go = small.sign_in
    for words in (["login", *small.options()], ["use", "p3@egi"]):
        done = p3idp(*words)
        assert done.returncode == 0, done.stderr
    return p3idp
