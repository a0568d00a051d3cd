"""What the client is put together from on this machine. Owns the places and who can be asked."""

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import platformdirs

from p3idp.client.cache.entries import Cache
from p3idp.client.cache.files import PrivateFiles
from p3idp.client.cache.seal import find_seal
from p3idp.client.clouds import Cloud, Clouds
from p3idp.client.discovery import completed
from p3idp.client.env import now
from p3idp.client.http import Web
from p3idp.client.identity import Identity
from p3idp.client.seen import SeenProjects
from p3idp.client.work import Work

if TYPE_CHECKING:
    from p3idp.client.doctor.walk import Machine

CACHE_VARIABLE = "P3IDP_CACHE_DIR"
CONFIG_VARIABLE = "P3IDP_CLIENT_CONFIG"


@dataclass(frozen=True, slots=True)
class Desk:
    """Clouds, what is kept of them, and the work with both."""

    clouds: Clouds
    cache: Cache
    work: Work
    seen: SeenProjects

    def cloud(self, name: str | None = None) -> Cloud:
        """The cloud of this name, or the one in use, with all that a sign-in needs. Raises CloudUnknown."""
        found = self.clouds.find(name)
        return found if found.is_complete else self.completed(found)

    def cloud_at(self, broker: str, verify: object) -> Cloud:
        """The cloud that goes through this broker; one that nobody signed in at yet says what that takes.

        ``verify``: the file of the broker's authorities where it is not known yet, else anything. Raises CloudUnknown.
        """
        known = self.clouds.at_broker(broker)
        if known is not None:
            return self.cloud(known.name)
        ca_file = verify if isinstance(verify, str) else ""
        return self.completed(self.clouds.find(None, {"broker": broker, "ca_file": ca_file}), in_use=False)

    def completed(self, told: Cloud, *, in_use: bool = True) -> Cloud:
        """With what its broker says; remembered from now on. Raises CloudUnknown where too little is known."""
        full = completed(told, Web(told.verify))
        self.clouds.remember(told, full, in_use=in_use)
        return full


def desk(*, ask: bool, no_browser: bool = False, tell: Callable[[str], None] | None = None) -> Desk:
    """Put it together. ``ask``: whether somebody may be asked to sign in; ``no_browser``: not with one of this machine.

    ``tell`` shows a line; by default on standard error, where no pipe takes it for an answer.
    """
    say = tell or say_on_stderr
    files = PrivateFiles(_directory())
    cache = Cache(files, lambda: find_seal(files.directory, lambda: files.alone("seal", 60)), say)

    def sign_in(cloud: Cloud) -> Identity:
        from p3idp.client.flows import choose  # what only a sign-in needs is not waited for by others

        person = choose.Person(say, _read, qr=no_browser and sys.stderr.isatty())
        return choose.sign_in(cloud, person, os.environ, no_browser=no_browser)

    return Desk(Clouds(files, _config_file()), cache, Work(cache, sign_in if ask else None, say), SeenProjects(files))


def machine() -> "Machine":
    """This machine as the doctor looks at it."""
    from p3idp.client.doctor.walk import Machine

    here = desk(ask=False)
    return Machine(here.clouds, here.cache, os.environ, now)


def somebody_is_here() -> bool:
    """Whether a person sits at this terminal who could sign in."""
    return bool(sys.stdin and sys.stdin.isatty() and sys.stderr and sys.stderr.isatty())


def say_on_stderr(line: str) -> None:
    """Show a line; what would steer the terminal is shown as a mark."""
    shown = "".join(character if character.isprintable() or character == "\n" else "\ufffd" for character in line)
    click.echo(shown, err=True)


def _directory() -> Path:
    named = os.environ.get(CACHE_VARIABLE)
    return Path(named).expanduser().absolute() if named else platformdirs.user_state_path("p3idp", appauthor=False)


def _config_file() -> Path:
    named = os.environ.get(CONFIG_VARIABLE)
    return (
        Path(named).expanduser() if named else platformdirs.user_config_path("p3idp", appauthor=False) / "client.toml"
    )


def _read() -> str:
    try:
        return str(click.prompt("Address", prompt_suffix=": ", err=True))
    except click.Abort:
        raise KeyboardInterrupt from None
