"""Options that several commands share, so that they are called the same everywhere, and the settings that they name."""

import shlex
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from p3idp.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])
_ENVIRONMENT = "p3idp.environment"


def settings_option(command: F) -> F:
    """``--settings FILE`` and ``--environment NAME``: the settings in force for this call; see load_settings here."""
    return environment_option(settings_file_option(command))


def settings_file_option(command: F) -> F:
    """``--settings FILE`` alone, for commands that name environments themselves."""
    return click.option("--settings", "settings_file", metavar="FILE", help="The settings file.")(command)


def environment_option(command: F) -> F:
    """``--environment NAME``, which comes with ``--settings``. What is given to a group counts for its commands."""
    return click.option(
        "--environment",
        metavar="NAME",
        expose_value=False,
        callback=_keep_environment,
        help="Which of the settings' environments; default: $P3IDP_ENVIRONMENT.",
    )(command)


def _keep_environment(context: click.Context, _: click.Parameter, value: str | None) -> None:
    if value is not None:
        context.meta[_ENVIRONMENT] = value  # shared by the contexts of one call


def environment_of_call() -> str | None:
    """The environment that the options of this call name."""
    context = click.get_current_context(silent=True)
    return context.meta.get(_ENVIRONMENT) if context else None


def environment_named() -> str:
    """The environment that this call or ``$P3IDP_ENVIRONMENT`` names, for what needs no settings; else empty."""
    from p3idp.settings.load import environment_name  # as in load_settings

    return environment_name(environment_of_call()) or ""


def load_settings(settings_file: str | None, environment: str | None = None) -> "Settings":
    """The settings for an environment, else for the one that this call names. Raises as p3idp.settings does."""
    from p3idp.settings import load_settings as load  # the light client has options and no settings

    return load(settings_file, environment or environment_of_call())


def given_again(settings_file: str | None, policy_dir: str | None = None) -> str:
    """The options of this call with a space behind each, for the command that follows it."""
    options = {"--settings": settings_file, "--environment": environment_of_call(), "--policy-dir": policy_dir}
    return "".join(f"{option} {shlex.quote(value)} " for option, value in options.items() if value)


def json_option(command: F) -> F:
    """``--json``: answer for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)


def json_errors_option(command: F) -> F:
    """``--json`` of a command whose answer has a form of its own: cli/main tells its errors so."""
    return click.option("--json", is_flag=True, expose_value=False, help="Tell errors as JSON.")(command)
