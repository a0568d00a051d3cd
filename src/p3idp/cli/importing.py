"""`p3idp import`: take over what a site has. Owns the group's list of commands, and how an import is handed over."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import click

from p3idp.cli.json_text import as_json_text
from p3idp.cli.lazy import Entry, LazyGroup
from p3idp.cli.terminal import harmless, harmless_lines
from p3idp.errors import ExitStatus

IMPORT_COMMANDS: Mapping[str, Entry] = {
    "mapping": Entry("p3idp.cli.import_mapping:import_mapping", "Turn a Keystone mapping into a policy directory."),
    "projects": Entry("p3idp.cli.import_projects:import_projects", "Turn a file for os-projects into drafts."),
    "site": Entry("p3idp.cli.import_site:import_site", "Turn what Keystone holds into a policy directory."),
}


@click.group(cls=LazyGroup, table=IMPORT_COMMANDS)
def importing() -> None:
    """Take over what a site has: into files to review, never into Keystone."""


def hand_over(files: Mapping[str, str], target: Path | None, lines: Iterable[str], body: object | None) -> ExitStatus:
    """Print ``body`` as JSON where there is one; else ``lines``, after the ``files`` that were written nowhere."""
    if body is not None:
        click.echo(as_json_text(body))
        return ExitStatus.OK
    if target is None:
        for name, text in files.items():
            click.echo(f"--- {harmless(name)}\n{harmless_lines(text)}")
    for line in lines:
        click.echo(line, err=target is None)
    return ExitStatus.OK
