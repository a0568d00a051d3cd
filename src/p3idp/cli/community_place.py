"""Which policy directory and which catalogue a community's command speaks of, and the names that can be completed."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from p3idp import wiring
from p3idp.cli.options import given_again, json_option, load_settings, settings_option
from p3idp.cli.policy_option import policy_option
from p3idp.core.policy.vo_catalogue import Catalogue
from p3idp.errors import P3idpError
from p3idp.errors.command import UsageMistaken
from p3idp.ops.community import Communities
from p3idp.ports.policy_text import PolicyText
from p3idp.settings import Settings, settings_path

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """One call's policy directory. ``settings`` is None where a directory alone was given and there are none."""

    directory: Path
    settings: Settings | None
    options: str

    @property
    def text(self) -> PolicyText:
        """The directory, to read and to change."""
        return wiring.wire_policy_text(self.directory, lab=bool(self.settings and self.settings.lab))

    @property
    def communities(self) -> Communities:
        """The directory's communities, which this can only read."""
        return Communities(self.text)

    def catalogue(self, given: str | None) -> Catalogue | None:
        """The catalogue that was given, else the settings'; None where neither is."""
        file = Path(given) if given else self.settings.catalogue if self.settings else None
        return wiring.wire_catalogue(file) if file else None

    def settings_for(self, purpose: str) -> Settings:
        """The settings. Raises UsageMistaken where there are none."""
        if self.settings is None:
            raise UsageMistaken(f"{purpose} needs a settings file.", hint="Give one with --settings FILE.")
        return self.settings


def place_of(settings_file: str | None, policy_dir: str | None) -> Place:
    """The directory of the options, else of the settings. Raises SettingsInvalid."""
    options = f" {given_again(settings_file, policy_dir)}".rstrip()
    if policy_dir is not None and settings_file is None and not settings_path().exists():
        return Place(Path(policy_dir), None, options)
    settings = load_settings(settings_file)
    return Place(Path(policy_dir) if policy_dir else settings.policy_dir, settings, options)


def place_options(command: F) -> F:
    """``--settings``, ``--policy-dir`` and ``--json``."""
    return settings_option(json_option(policy_option(command)))


def catalogue_option(command: F) -> F:
    """``--catalogue FILE``."""
    return click.option(
        "--catalogue",
        metavar="FILE",
        help="A local copy of EGI's vo-mappings.yaml; default: the one in the settings.",
    )(command)


def name_argument(command: F) -> F:
    """NAME, completed from the policy directory."""
    return click.argument("name", shell_complete=complete)(command)


def complete(context: click.Context, _: click.Parameter, begun: str) -> list[str]:
    """The communities that begin so. A completion never fails: where nothing can be read, there is nothing."""
    try:
        place = place_of(context.params.get("settings_file"), context.params.get("policy_dir"))
        names = place.text.names()
    except P3idpError:
        return []
    return [name for name in names if name.startswith(begun)]
