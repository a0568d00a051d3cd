"""Groups of commands that are imported when they are called. Owns the table's form and the check for extras.

So the light client never loads the server, and help lists all commands without importing one.
"""

import importlib
from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, NamedTuple

import click
from click.shell_completion import CompletionItem

from p3idp.errors.settings import ExtraMissing

WORK, ADMINISTRATION = "Your work", "Site administration"


class Entry(NamedTuple):
    """A command: where it is (``module:attribute``), a line of help, the extra it belongs to, its section in help."""

    target: str
    help: str
    extra: str = "server"
    section: str = ""

    @property
    def heading(self) -> str:
        """Where help lists it: what a researcher's machine can do is a researcher's, unless it says otherwise."""
        return self.section or (ADMINISTRATION if self.extra else WORK)


# A package that only this extra brings: where it is not found, the extra is not installed.
_TELLTALE = {"server": "sqlalchemy", "lab": "supervisor"}


class LazyGroup(click.Group):
    """A group that knows its commands' names and imports a command only when it is called."""

    def __init__(self, *args: Any, table: Mapping[str, Entry], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.table = table

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command, or say that what it needs is not installed."""
        if cmd_name not in self.table:
            return None
        entry = self.table[cmd_name]
        require(entry.extra, f"{ctx.command_path} {cmd_name}")
        module, attribute = entry.target.split(":")
        command = getattr(importlib.import_module(module), attribute)
        if not isinstance(command, click.Command):
            raise TypeError(f"{module}:{attribute} is not a command")
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Names from the table, importing none of them; what is not installed is not offered."""
        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.table.items()
            if name.startswith(incomplete) and is_installed(entry.extra)
        ]
        return [*names, *click.Command.shell_complete(self, ctx, incomplete)]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, importing none of them."""
        headings = list(dict.fromkeys(entry.heading for entry in self.table.values()))
        for heading in sorted(headings, key=lambda each: each != WORK):  # who has no server finds theirs first
            rows = [(name, entry.help) for name, entry in self.table.items() if entry.heading == heading]
            with formatter.section(heading if len(headings) > 1 else "Commands"):
                formatter.write_dl(rows)


def is_installed(extra: str) -> bool:
    """Whether an extra is there; none is always."""
    return not extra or find_spec(_TELLTALE[extra]) is not None


def require(extra: str, asked: str) -> None:
    """Say what to install where a call needs more than is here. Raises ExtraMissing."""
    if not is_installed(extra):
        raise ExtraMissing(
            f"`{asked}` belongs to p3idp[{extra}], which is not installed here.",
            hint=f"Install p3idp[{extra}] to use this command.",
        )
