"""`p3idp lab`: up, demo, down, status, token. Owns what people see of the lab; running.py does the work."""

import json
from pathlib import Path

import click

from p3idp.errors.lab import LabNotRunning
from p3idp.lab import running
from p3idp.lab.demo import run_demo
from p3idp.lab.layout import Layout, existing_layout, lost_layout, open_layout
from p3idp.lab.running import Row
from p3idp.lab.servers import OPTIONAL
from p3idp.lab.sign_in import Person, sign_in

_DIRECTORY = click.option(
    "--dir", "directory", type=click.Path(path_type=Path, file_okay=False), default=Path(".lab"), show_default=True,
    help="Where the lab keeps its state.",
)  # fmt: skip
_FREE_PORTS = click.option(
    "--free-ports", is_flag=True, help="For a new lab: choose free ports instead of the usual ones."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="Answer as JSON.")


@click.group()
def lab() -> None:
    """Run the demonstration: real servers on this machine."""


@lab.command()
@_DIRECTORY
@_FREE_PORTS
@click.option("--with", "extras", multiple=True, type=click.Choice(sorted(OPTIONAL)), help="Also start this one.")
@_JSON
def up(directory: Path, *, free_ports: bool, extras: tuple[str, ...], as_json: bool) -> None:
    """Start the lab, or what of it is not running."""
    layout = open_layout(directory, free_ports=free_ports)
    rows = running.up(layout, _progress, extras=extras)
    _show(rows, as_json=as_json)


@lab.command()
@_DIRECTORY
@_FREE_PORTS
def demo(directory: Path, *, free_ports: bool) -> None:
    """Start the lab, apply the example policy, and say what to try. What `make run` does."""
    click.echo(run_demo(open_layout(directory, free_ports=free_ports), _progress))


@lab.command()
@_DIRECTORY
def down(directory: Path) -> None:
    """Stop everything the lab started, and nothing else."""
    ran = running.down(lost_layout(directory))
    click.echo("The lab is down." if ran else "The lab was not running.")


@lab.command()
@_DIRECTORY
@_JSON
def status(directory: Path, *, as_json: bool) -> None:
    """Tell how each server is. Exit status 5 unless all of them are ready or missing."""
    rows = running.status(_existing(directory))
    _show(rows, as_json=as_json)
    if any(row.state not in {"ready", "missing"} for row in rows):
        raise LabNotRunning("Not everything runs.")


@lab.command()
@_DIRECTORY
@click.option("--user", required=True, metavar="LOGIN", help="Who signs in: alice, bob, …")
@click.option("--client", default="p3idp-cli", show_default=True, metavar="NAME", help="Through which client.")
@click.option("--provider", type=click.Choice(["egi", "hub"]), default="egi", show_default=True)
def token(directory: Path, user: str, client: str, provider: str) -> None:
    """Print a Check-in access token, gotten as a browser would get it."""
    reply = sign_in(_existing(directory), Person(user, provider=provider, client=client))
    click.echo(reply["access_token"])


def _progress(line: str) -> None:
    click.echo(line, err=True)


def _existing(directory: Path) -> Layout:
    layout = existing_layout(directory)
    if layout is None:
        raise LabNotRunning(f"There is no lab in {directory}.")
    return layout


def _show(rows: list[Row], *, as_json: bool) -> None:
    if as_json:
        known = [{"name": r.name, "address": r.address, "state": r.state, "log": str(r.log)} for r in rows]
        click.echo(json.dumps(known, indent=2))
        return
    width, names = (max(map(len, column)) for column in zip(*((r.address, r.name) for r in rows), strict=True))
    click.echo(f"{'name':<{names}} {'address':<{width}} {'state':<9} log")
    for row in rows:
        click.echo(f"{row.name:<{names}} {row.address:<{width}} {row.state:<9} {row.hint or row.log}")
