"""`p3idp import`: take over what a site has. Owns the group's list of commands."""

from collections.abc import Mapping

import click

from p3idp.cli.lazy import Entry, LazyGroup

IMPORT_COMMANDS: Mapping[str, Entry] = {
    "mapping": Entry("p3idp.cli.import_mapping:import_mapping", "Turn a Keystone mapping into a policy directory."),
    "projects": Entry("p3idp.cli.import_projects:import_projects", "Turn a file for os-projects into drafts."),
    "site": Entry("p3idp.cli.import_site:import_site", "Turn what Keystone holds into a policy directory."),
}


@click.group(cls=LazyGroup, table=IMPORT_COMMANDS)
def importing() -> None:
    """Take over what a site has: into files to review, never into Keystone."""
