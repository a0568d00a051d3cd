"""``p3idp projects``: where one may work, by the broker's word or by Keystone's alone. Owns the command."""

from typing import Any

import click

from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option
from p3idp.cli.own_access import HEADS, columns, mark, notes, own_access, project_json, table
from p3idp.cli.sign_in import cloud_option
from p3idp.client.clouds import Cloud
from p3idp.client.here import Desk, desk, somebody_is_here
from p3idp.client.keystone import Keystone, ReachedProject
from p3idp.errors.exchange import NoAccess
from p3idp.errors.sign_in import KeystoneRefusedPerson


@click.command()
@cloud_option
@json_option
def projects(cloud: str | None, as_json: bool) -> None:
    """List the projects that you can work in: your roles, through which community, and until when.

    A broker says what the policy gives you, and whether Keystone has it. Without a broker, Keystone says what it has.
    """
    here = desk(ask=somebody_is_here())
    chosen = here.cloud(cloud)
    access = own_access(here, chosen)
    if access is None:
        _as_keystone_says(here, chosen, as_json)
        return
    here.seen.note(chosen.name, [each.reference for each in access.projects])
    if not access.projects:
        raise NoAccess(access.why_none)
    if as_json:
        click.echo(as_json_text([project_json(each, chosen) for each in access.projects]))
        return
    for line in (*table(access.projects, chosen), *notes(access)):
        click.echo(line)


def _as_keystone_says(here: Desk, cloud: Cloud, as_json: bool) -> None:
    reached = here.work.with_identity(cloud, lambda identity: Keystone(cloud, identity.access_token).projects())
    here.seen.note(cloud.name, [each.reference for each in reached])
    if not reached:
        raise KeystoneRefusedPerson("You reach no project now.", hint="Ask your community, or the site, for access.")
    if as_json:
        click.echo(as_json_text([_json(each, cloud) for each in reached]))
        return
    rows = [(each.reference, ", ".join(each.roles)) for each in reached]
    for line in columns([HEADS[:2], *rows], [" ", *(mark(each.reference, cloud) for each in reached)]):
        click.echo(line)


def _json(each: ReachedProject, cloud: Cloud) -> dict[str, Any]:
    """The members of the broker's list; what only a broker knows is null."""
    return {
        "project": each.reference,
        "id": each.id,
        "roles": list(each.roles),
        "communities": None,
        "rules": None,
        "until": None,
        "reachable": True,
        "in_use": mark(each.reference, cloud) == "*",
    }
