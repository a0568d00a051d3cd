"""`p3idp audit`: read the ledger, and prove that nobody changed it. Owns what is printed."""

import json
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.options import json_option, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.audit.chain import Head, LedgerRecord
from p3idp.ops.audit import parse_head, verify_ledger
from p3idp.settings import load_settings


@click.group()
def audit() -> None:
    """Read and verify the ledger."""


@audit.command()
@settings_option
@json_option
@click.option("--head", "known", metavar="WRITER:COUNT:DIGEST", multiple=True, help="A head written down earlier.")
def verify(settings_file: str | None, as_json: bool, known: tuple[str, ...]) -> None:
    """Walk every chain of the ledger. Keep the heads it prints: with them, a shortened ledger shows as well."""
    heads = verify_ledger(wiring.wire_ledger(load_settings(settings_file)), [parse_head(text) for text in known])
    if as_json:
        click.echo(json.dumps({"heads": [str(head) for head in heads]}, indent=2))
        return
    for head in heads:
        click.echo(_head_lines(head))
    if not heads:
        click.echo("The ledger is empty.")


def _head_lines(head: Head) -> str:
    return f"{head.writer}: {head.count} records, unchanged\n  {head}"


@audit.command(name="list")
@settings_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@click.option("--action", default="", metavar="ACTION", help="Only actions that begin so, e.g. update/access.")
def list_records(settings_file: str | None, as_json: bool, limit: int, action: str) -> None:
    """Show the newest records."""
    records = wiring.wire_ledger(load_settings(settings_file)).latest(limit, action)
    for record in records:
        click.echo(record.event if as_json else told(record))
    if not records and not as_json:
        click.echo("The ledger holds nothing of that kind.")


def told(record: LedgerRecord) -> str:
    """One record in one line."""
    body: Any = record.body
    who = body["initiator"]["name"] or body["initiator"]["id"]
    reason = f" ({body['reason']['reasonCode']})" if "reason" in body else ""
    about = f" closes {body['about']}" if body["about"] else ""
    what = f"{body['action']} {body['outcome']}{reason}"
    return harmless(f"{body['eventTime'][:19]}Z  {record.id}  {what}  {who} -> {body['target']['id']}{about}")
