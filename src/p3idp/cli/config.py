"""``p3idp config``: clouds.yaml for the sign-in that is kept here. Owns what is shown before it is written."""

import shlex
import sys
from pathlib import Path
from typing import Any

import click

from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option
from p3idp.cli.sign_in import cloud_option
from p3idp.cli.terminal import harmless
from p3idp.cli.working import project_option
from p3idp.client import openstack_files
from p3idp.client.clouds import Cloud
from p3idp.client.clouds_entry import entry_of_sign_in, plain_entry
from p3idp.client.clouds_yaml import Edit, entries, with_entry
from p3idp.client.here import Desk, desk, say_on_stderr, somebody_is_here
from p3idp.client.openstack_files import CLOUDS, SECURE
from p3idp.errors.clouds_yaml import CloudsEntryTaken
from p3idp.errors.command import UsageMistaken

_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
file_option = click.option(
    "--file", "named", metavar="FILE", type=click.Path(dir_okay=False, path_type=Path),
    help="Which clouds.yaml; default: the one that openstacksdk reads here.",
)  # fmt: skip
as_option = click.option(
    "--as", "entry_name", metavar="NAME", help="The entry's name; default: the cloud's, or the credential's."
)


@click.group()
def config() -> None:
    """Write clouds.yaml, which openstack, the SDK and Ansible read."""


@config.command("write")
@cloud_option
@project_option
@as_option
@file_option
@click.option("--plain", is_flag=True, help="An entry that needs no p3idp: keystoneauth's own v3oidcaccesstoken.")
@click.option("--yes", is_flag=True, help="Write without asking, also over an entry that says something else.")
@click.option("--dry-run", is_flag=True, help="Show the difference and write nothing.")
@json_option
def write(
    cloud: str | None, project: str | None, entry_name: str | None, named: Path | None,
    plain: bool, yes: bool, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Add a cloud to clouds.yaml; the difference is shown first, and nothing else in the file changes.

    Then `openstack --os-cloud NAME` works, with the sign-in of `p3idp login`. The entry holds no secret.
    """
    here = desk(ask=somebody_is_here())
    chosen = here.cloud(cloud)
    name, file = entry_name or chosen.name, named or openstack_files.file_in_use(CLOUDS)
    entry = _entry(here, chosen, project or chosen.project, plain=plain)
    edit = with_entry(openstack_files.read_text(file), name, entry, str(file))
    if not as_json:
        _show(edit, file, name)
    written = _may_write(edit, name, file, yes=yes, dry_run=dry_run)
    if written:
        openstack_files.replace_text(file, edit.before, edit.after)
    if as_json:
        body = {"file": str(file), "name": name, "entry": entry, "changes": edit.changes, "written": written,
                "diff": edit.diff(file.name)}  # fmt: skip
        click.echo(as_json_text(body))
    elif not written:
        click.echo("Nothing was written.")
    else:
        token = 'OS_ACCESS_TOKEN="$(p3idp token)" ' if plain else ""
        click.echo(
            f"Written. Try: {token}openstack --os-cloud {harmless(shlex.quote(name))} project list --my-projects"
        )


@config.command("show")
@file_option
@json_option
def show(named: Path | None, as_json: bool) -> None:
    """List the clouds of clouds.yaml, the file that is read, and how each signs in; no secrets."""
    file, secure = named or openstack_files.file_in_use(CLOUDS), openstack_files.file_in_use(SECURE)
    rows = [_row(name, each) for name, each in entries(openstack_files.read_text(file), str(file)).items()]
    if as_json:
        told = {"file": str(file), "exists": file.exists(), "secure_file": str(secure), "clouds": rows}
        click.echo(as_json_text(told))
        return
    click.echo(f"{harmless(str(file))}{'' if file.exists() else ' (not there yet)'}")
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        click.echo(f"  {harmless(row['name']):<{width}}  {harmless(row['auth_type']):<24}  {harmless(row['project'])}")


def _entry(here: Desk, chosen: Cloud, project: str, *, plain: bool) -> dict[str, Any]:
    """An entry that was seen to work: the project gave a token just now, or a while ago."""
    token = here.work.project_token(chosen, project)
    if plain:
        return plain_entry(chosen, token.project, token.auth_url)
    same = here.clouds.at_broker(chosen.broker) if chosen.broker else None
    several = same is not None and same.name != chosen.name
    return entry_of_sign_in(chosen, token.project, token.auth_url, by_name=several)


def _may_write(edit: Edit, name: str, file: Path, *, yes: bool, dry_run: bool) -> bool:
    """Whether to write. Raises CloudsEntryTaken, or UsageMistaken where nobody can be asked."""
    if not edit.changes or dry_run:
        return False
    if edit.replaces and not yes:
        raise CloudsEntryTaken(f"{file} has another cloud named {name}.")
    if yes:
        return True
    if not somebody_is_here():
        raise UsageMistaken("Nobody can be asked here.", hint="Write it with --yes; --dry-run shows the difference.")
    return click.confirm("Write this?", err=True)


def _show(edit: Edit, file: Path, name: str) -> None:
    if not edit.changes:
        click.echo(f"{harmless(str(file))} has this cloud already, as {harmless(name)}.")
        return
    for line in edit.diff(str(file)):
        click.secho(harmless(line), fg=_COLOURS.get(line[:1]), bold=line.startswith(("+++", "---")) or None)
    sys.stdout.flush()
    hidden = openstack_files.hidden_by(file, CLOUDS)
    if hidden is not None:
        say_on_stderr(f"Note: once {file} is there, openstack reads it instead of {hidden}.")


def _row(name: str, entry: Any) -> dict[str, str]:
    auth = entry.get("auth")
    auth = auth if isinstance(auth, dict) else {}
    project, domain = (str(auth.get(key) or "") for key in ("project_name", "project_domain_name"))
    return {
        "name": name,
        "auth_type": str(entry.get("auth_type") or "password"),
        "project": f"{project}@{domain}" if project and domain else project,
    }
