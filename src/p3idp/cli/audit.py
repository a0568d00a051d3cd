"""`p3idp audit`: read the ledger, and prove that nobody changed it. Owns what is printed."""

import json
from typing import Any, TextIO

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text, escaped
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless, harmless_lines
from p3idp.core.audit.chain import Head, LedgerRecord
from p3idp.errors.access import RecordUnknown
from p3idp.ops.audit import parse_head, parse_heads, verify_ledger


@click.group()
def audit() -> None:
    """Read and verify the ledger."""


@audit.command()
@settings_option
@json_option
@click.option("--head", "known", metavar="WRITER:COUNT:DIGEST", multiple=True, help="A head written down earlier.")
@click.option(
    "--head-file",
    type=click.File(encoding="utf-8", errors="replace"),
    help="Heads that export-head wrote; - is standard input.",
)
def verify(settings_file: str | None, as_json: bool, known: tuple[str, ...], head_file: TextIO | None) -> None:
    """Walk every chain of the ledger. With heads that were kept elsewhere, a shortened ledger shows as well."""
    kept = [*map(parse_head, known), *(parse_heads(head_file.read()) if head_file else ())]
    heads = verify_ledger(wiring.wire_ledger(load_settings(settings_file)), kept)
    if as_json:
        click.echo(as_json_text({"heads": [str(head) for head in heads]}, indent=2))
        return
    for head in heads:
        click.echo(_head_lines(head))
    if not heads:
        click.echo("The ledger is empty.")


def _head_lines(head: Head) -> str:
    return f"{head.writer}: {head.count} records, unchanged\n  {head}"


@audit.command(name="export-head")
@settings_option
@json_option
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Write to a file instead.")
def export_head(settings_file: str | None, as_json: bool, out: str | None) -> None:
    """Verify the ledger and print where its chains end, a line each, for `audit verify --head-file`.

    Keep it where whoever can write the database cannot write.
    """
    heads = verify_ledger(wiring.wire_ledger(load_settings(settings_file)))
    text = as_json_text({"heads": [str(head) for head in heads]}) if as_json else "\n".join(map(str, heads))
    if out is None:
        click.echo(text)
        return
    with open(out, "w", encoding="utf-8") as file:
        file.write(text + "\n")


@audit.command()
@click.argument("identity", metavar="ID")
@settings_option
@json_option
def show(identity: str, settings_file: str | None, as_json: bool) -> None:
    """Show one record whole, by its ID as `audit list` prints it."""
    record = wiring.wire_ledger(load_settings(settings_file)).record(identity)
    if record is None:
        raise RecordUnknown(f"The ledger holds no record {identity}.")
    if as_json:
        click.echo(escaped(record.event))
        return
    click.echo(harmless_lines(json.dumps(record.body, ensure_ascii=False, indent=2, sort_keys=True)))
    click.echo(f"previous {record.previous}\ndigest   {record.digest}")


@audit.command(name="list")
@settings_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@click.option("--action", default="", metavar="ACTION", help="Only actions that begin so, e.g. update/access.")
def list_records(settings_file: str | None, as_json: bool, limit: int, action: str) -> None:
    """Show the newest records."""
    records = wiring.wire_ledger(load_settings(settings_file)).latest(limit, action)
    for record in records:
        click.echo(escaped(record.event) if as_json else told(record))
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
