"""``p3idp application-credential``: keys of one's own for scripts and machines. Owns its commands and their order."""

import contextlib
import sys
from datetime import datetime
from pathlib import Path

import click

from p3idp.cli.config import as_option, file_option
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option
from p3idp.cli.own_credentials_secret import body_of, place_of, refuse_terminal, undone, with_secret
from p3idp.cli.own_credentials_text import (
    CredentialProject,
    Projects,
    as_body,
    as_lines,
    created_lines,
    shown_lines,
)
from p3idp.cli.own_credentials_wish import DAYS, MOST_DAYS, wished
from p3idp.cli.sign_in import cloud_option
from p3idp.cli.terminal import harmless
from p3idp.cli.working import project_option
from p3idp.client.access import ask_broker
from p3idp.client.clouds import Cloud
from p3idp.client.env import now
from p3idp.client.here import Desk, desk, say_on_stderr, somebody_is_here
from p3idp.client.own_credentials import OwnCredentials, own_credentials
from p3idp.errors import P3idpError
from p3idp.errors.command import UsageMistaken
from p3idp.errors.sign_in import ProjectNotChosen


@click.group("application-credential")
def application_credential() -> None:
    """Make, list and end application credentials of your own: keys for scripts, Terraform and CI."""


@application_credential.command()
@click.argument("name")
@cloud_option
@project_option
@click.option("--days", metavar="N", type=int, help=f"How long it lasts; default: {DAYS}, at most {MOST_DAYS}.")
@click.option("--until", metavar="DATE", help="Or until when: 2026-12-31, or with a time, 2026-12-31T18:00 (UTC).")
@click.option("--role", "roles", metavar="NAME", multiple=True, help="Only these of your roles; default: all.")
@click.option("--access-rule", "rules", metavar="METHOD:SERVICE:PATH", multiple=True,
              help="Only such requests: GET:compute:/v2.1/servers.")  # fmt: skip
@click.option("--description", metavar="TEXT", default="", help="What it is for.")
@click.option("--write", is_flag=True, help="Add it to clouds.yaml, and its secret to secure.yaml.")
@as_option
@file_option
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Write shell lines into this new file.")
@click.option("--show", is_flag=True, help="Print the secret on a terminal too.")
@json_option
def create(
    name: str, cloud: str | None, project: str | None, days: int | None, until: str | None, roles: tuple[str, ...],
    rules: tuple[str, ...], description: str, write: bool, entry_name: str | None, named: Path | None,
    out: Path | None, show: bool, as_json: bool,
) -> None:  # fmt: skip
    """Make an application credential of the project in use. It is restricted, and it ends.

    Its secret goes to --write, to --out, or into a pipe: eval "$(p3idp application-credential create ci)".
    """
    if (entry_name or named) and not write:
        raise UsageMistaken("--as and --file are for --write.")
    if write and out:
        raise UsageMistaken("--write and --out exclude each other.")
    refuse_terminal(show=show, elsewhere=write or out is not None)
    wish = wished(name, days, until, roles, rules, description, now())
    here = desk(ask=somebody_is_here())
    chosen = here.cloud(cloud)
    if not (project or chosen.project):
        raise ProjectNotChosen(f"No project of the cloud {chosen.name} is in use.")
    with place_of(entry_name or name if write else None, named, out) as place:
        keystone = own_credentials(here, chosen)
        made = keystone.create(keystone.keystone.project(project or chosen.project), wish)
        with undone(lambda: keystone.end(made.credential)):
            if place:
                place.keep(made, chosen.ca_file)
            else:
                if sys.stdout.isatty():
                    say_on_stderr("Whoever reads the next lines can act as you in this project.")
                click.echo(with_secret(made, chosen.ca_file, as_json=as_json), nl=as_json)
                sys.stdout.flush()
    if as_json and place:
        click.echo(as_json_text({**body_of(made), "written_to": place.files}))
    elif not as_json:
        for line in created_lines(made, place.told if place else ""):
            say_on_stderr(line)


@application_credential.command("list")
@cloud_option
@click.option("--all", "everything", is_flag=True, help="Also those that a broker made for exchanges.")
@json_option
def list_(cloud: str | None, everything: bool, as_json: bool) -> None:
    """List your application credentials of all projects, as Keystone says now."""
    here = desk(ask=somebody_is_here())
    chosen = here.cloud(cloud)
    keystone = own_credentials(here, chosen)
    found = keystone.listed()
    shown = [each for each in found if everything or not each.is_of_exchange]
    projects = _projects(here, chosen, keystone) if shown else {}
    if as_json:
        click.echo(as_json_text([as_body(each, projects, now()) for each in shown]))
        return
    for line in as_lines(shown, projects, now(), hidden=len(found) - len(shown)):
        click.echo(line)


@application_credential.command("show")
@click.argument("name")
@cloud_option
@json_option
def show_(name: str, cloud: str | None, as_json: bool) -> None:
    """Show one, by name or id. Its secret is shown by nobody: make another where it is lost."""
    here = desk(ask=somebody_is_here())
    chosen = here.cloud(cloud)
    keystone = own_credentials(here, chosen)
    body = as_body(keystone.named(name), _projects(here, chosen, keystone), now())
    if as_json:
        click.echo(as_json_text(body))
        return
    for line in shown_lines(body):
        click.echo(line)


@application_credential.command()
@click.argument("name")
@cloud_option
@json_option
def revoke(name: str, cloud: str | None, as_json: bool) -> None:
    """End one, by name or id, with every token that was made with it. Keystone is asked afterwards."""
    here = desk(ask=somebody_is_here())
    keystone = own_credentials(here, here.cloud(cloud))
    found = keystone.named(name)
    keystone.end(found)
    if as_json:
        click.echo(as_json_text({"id": found.id, "name": found.name, "revoked": True}))
    else:
        click.echo(f"Revoked {harmless(found.name)}; its tokens ended with it.")


def _projects(here: Desk, cloud: Cloud, keystone: OwnCredentials) -> Projects:
    """By name, as Keystone says; with the ends that the broker knows, where there is one that answers."""
    ends: dict[str, datetime | None] = {}
    if cloud.broker:
        with contextlib.suppress(P3idpError):
            access = here.work.with_identity(cloud, lambda identity: ask_broker(cloud, identity.access_token))
            ends = {each.id: each.until for each in access.projects} if access else {}
    found = keystone.keystone.projects()
    return {each.id: CredentialProject(each.reference, ends.get(each.id)) for each in found}
