"""Options that several commands share, so that they are called the same everywhere."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])


def settings_option(command: F) -> F:
    """``--settings FILE``: the settings file in force for this call."""
    return click.option("--settings", "settings_file", metavar="FILE", help="The settings file.")(command)


def json_option(command: F) -> F:
    """``--json``: answer for machines."""
    return click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")(command)
