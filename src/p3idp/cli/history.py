"""`p3idp history`: the applies so far, what each did and left, and what lies between two. Owns what is printed."""

import difflib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.access_text import change_lines
from p3idp.cli.fitting import fit
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.access.history import Entry, between
from p3idp.core.access.history_text import begun_to_text, snapshot_to_text
from p3idp.core.access.plan import Change
from p3idp.ops.access_history import AccessHistory, Unbelieved

_TWO = ("proposer", "approver")
_SIGNS = {"create": "+", "update": "~", "delete": "-"}


@click.group(invoke_without_command=True)
@settings_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
@click.pass_context
def history(ctx: click.Context, settings_file: str | None, as_json: bool, limit: int) -> None:
    """List the applies so far, newest first; the commands below look closer.

    Those of every Keystone, or with --environment of that one.
    """
    if ctx.invoked_subcommand is not None:
        return
    entries = _past(settings_file).latest(limit)
    if as_json:
        _echo([_summary(entry) for entry in entries])
        return
    for entry in entries:
        click.echo(_line(entry))
    if not entries:
        click.echo("Nothing was applied so far.")


@history.command()
@click.argument("number", type=click.IntRange(min=1))
@settings_option
@json_option
def show(number: int, settings_file: str | None, as_json: bool) -> None:
    """Show one apply: who, when, by which policy, and every change. --json also tells what it found and left."""
    entry = _past(settings_file).entry(number)
    if as_json:
        begun = json.loads(begun_to_text(entry.begun))
        left = json.loads(snapshot_to_text(entry.left)) if entry.left else None
        _echo({**_summary(entry), "found": begun["found"], "files": begun["files"], "left": left})
        return
    for line in _lines(entry):
        click.echo(line)


@history.command()
@click.argument("one", type=click.IntRange(min=1))
@click.argument("other", type=click.IntRange(min=1))
@settings_option
@json_option
def diff(one: int, other: int, settings_file: str | None, as_json: bool) -> None:
    """Show what differs between what apply ONE and apply OTHER left in Keystone, and between their policies."""
    past = _past(settings_file)
    first, second = past.entry(one), past.entry(other)
    changes = between(first.left, second.left)
    texts = list(_text_lines(first.begun.files, second.begun.files))
    if as_json:
        _echo({"changes": [change.as_json() for change in changes], "policy": texts})
        return
    for line in (line for change in changes for line in _kind_lines(change)):
        click.echo(line)
    for line in texts:
        click.echo(fit(line))
    if not changes and not texts:
        click.echo("Nothing differs.")


@history.command(name="restore-policy")
@click.argument("number", type=click.IntRange(min=1))
@click.argument("directory", type=click.Path(file_okay=False, path_type=Path))
@settings_option
@json_option
def restore_policy(number: int, directory: Path, settings_file: str | None, as_json: bool) -> None:
    """Write the policy of apply NUMBER into a new DIRECTORY, as it was to the byte."""
    begun = _past(settings_file).entry(number).begun
    wiring.write_policy(directory, begun.files)
    if as_json:
        _echo({"digest": begun.policy_digest, "files": sorted(begun.files)})
    else:
        click.echo(
            f"{len(begun.files)} files of the policy {begun.policy} {begun.policy_digest[:12]}… are in {directory}"
        )


def _past(settings_file: str | None) -> AccessHistory:
    """The history in the settings of this call; those given to `history` itself count for its commands too."""
    parent = click.get_current_context().parent
    return wiring.wire_past(load_settings(settings_file or (parent.params.get("settings_file") if parent else None)))


def _summary(entry: Entry | Unbelieved) -> dict[str, Any]:
    if isinstance(entry, Unbelieved):
        return {"number": entry.number, "damaged": entry.why}
    begun = entry.begun
    return {
        "number": entry.number,
        "at": entry.at.isoformat(),
        "account": entry.account,
        "outcome": entry.outcome,
        "policy": begun.policy,
        "policy_digest": begun.policy_digest,
        "commit": begun.commit.as_json() if begun.commit else None,
        "environment": begun.environment or None,
        "target": begun.target,
        "plan": begun.plan,
        "rollback_to": begun.rollback_to.as_json() if begun.rollback_to else None,
        "accepted": list(entry.accepted),
        "decided": entry.decided or None,
        "record": entry.intent,
        "changes": [change.as_json() for change in begun.wanted],
    }


def _line(entry: Entry | Unbelieved) -> str:
    if isinstance(entry, Unbelieved):
        return fit(f"{entry.number:>4}  damaged: {entry.why}")
    counted = Counter(change.action for change in entry.begun.wanted)
    counts = " ".join(f"{sign}{counted[action]}" for action, sign in _SIGNS.items())
    back = "" if entry.begun.rollback_to is None else f"  rollback to {entry.begun.rollback_to}"
    commit, environment = entry.begun.commit, entry.begun.environment
    of = [f"@{commit.id[:12]}{'+' * bool(commit.changed)}"] if commit else []
    # What a narrow terminal cuts off is what the commit says as well.
    policy = "  ".join((*of, *filter(None, [environment]), f"{entry.begun.policy} {entry.begun.policy_digest[:12]}"))
    return fit(f"{entry.number:>4}  {entry.at:%Y-%m-%d %H:%M:%S}Z  {entry.outcome:<11}  {counts}{back}  {policy}")


def _lines(entry: Entry) -> Iterator[str]:
    begun = entry.begun
    yield f"Apply {entry.number} of {entry.at:%Y-%m-%d %H:%M:%S}Z: {entry.outcome}"
    yield harmless(f"By the account {entry.account}; ledger record {entry.intent}")
    if decided := entry.decided:
        proposer, approver = (f"{decided[who]['subject']} ({decided[who]['provider']})" for who in _TWO)
        yield harmless(f"Proposal {decided['proposal']} by {proposer}, approved by {approver}")
    if begun.rollback_to is not None:
        yield f"A rollback to what {begun.rollback_to.state}"
    yield f"Policy {begun.policy} {begun.policy_digest}"
    if begun.commit is not None:
        differs = f" and {', '.join(begun.commit.changed)} as nobody committed them" if begun.commit.changed else ""
        yield harmless(f"Commit {begun.commit.id}{differs}")
    yield harmless(f"Keystone {begun.target}{f', environment {begun.environment}' if begun.environment else ''}")
    yield f"Plan {begun.plan}"
    if entry.accepted:
        yield f"Accepted by name: {harmless(', '.join(entry.accepted))}"
    yield "Changes that it was to make:"
    for change in begun.wanted:
        yield from _kind_lines(change)


def _kind_lines(change: Change) -> Iterator[str]:
    first, *others = change_lines(change)
    yield f"{first}  ({change.resource.kind.replace('_', ' ')})"
    yield from others


def _text_lines(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*old, *new}):
        before, after = (side.get(name, "").splitlines() for side in (old, new))
        for line in difflib.unified_diff(before, after, name, name, lineterm="", n=1):
            yield harmless(line)


def _echo(value: object) -> None:
    click.echo(as_json_text(value, indent=2))
