"""The policy that a command speaks of: the settings' own, or a directory. Owns how it is named and found."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from p3idp import wiring
from p3idp.cli.options import environment_named, load_settings
from p3idp.core.policy.model import Policy
from p3idp.settings import settings_path

F = TypeVar("F", bound=Callable[..., Any])


def policy_option(command: F) -> F:
    """``--policy-dir DIR``: a policy directory instead of the settings' own."""
    return click.option(
        "--policy-dir",
        metavar="DIR",
        type=click.Path(exists=True, file_okay=False),
        help="A policy directory instead of the settings' own, such as a draft.",
    )(command)


def policy_in_force(settings_file: str | None, policy_dir: str | None) -> Policy:
    """The policy. A directory alone needs no settings, so that a policy can be tested anywhere.

    Raises PolicyInvalid, or SettingsInvalid where neither says which policy.
    """
    if policy_dir is not None and settings_file is None and not settings_path().exists():
        return wiring.wire_policy_directory(Path(policy_dir), environment=environment_named())
    settings = load_settings(settings_file)
    directory = Path(policy_dir) if policy_dir is not None else settings.policy_dir
    return wiring.wire_policy_directory(directory, lab=settings.lab, environment=settings.environment)
