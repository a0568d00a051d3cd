"""`p3idp mapping replay`: who would gain and who would lose. Owns options, files and the exit status."""

import contextlib
import gc
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.mapping_file import raw_mapping
from p3idp.cli.options import environment_named, json_option, load_settings, settings_option
from p3idp.cli.replay_text import as_json as replay_json
from p3idp.cli.replay_text import replay_lines
from p3idp.core.keystone_rules.schema import VERSIONS
from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay_compare import Fate
from p3idp.errors import ExitStatus
from p3idp.ops.replay import Replay, replay
from p3idp.ops.replay_sides import RawMapping, make_sides
from p3idp.settings import settings_path

_PATH = click.Path(exists=True, path_type=Path)


@click.command(name="replay")
@click.argument("draft", metavar="DRAFT", type=_PATH)
@click.option(
    "--logins",
    "logins",
    metavar="FILE",
    required=True,
    help="Remembered logins, one a line; - reads them from standard input.",
)
@click.option(
    "--against", "current", metavar="CURRENT", type=_PATH, help="What is in force. Default: the settings' policy."
)
@click.option("--identity-provider", "provider", metavar="ID", help="Whose logins they are, where they do not say.")
@click.option(
    "--at", "moment", metavar="MOMENT", help="Compare as of a day or moment, such as 2027-01-01. Default: now."
)
@click.option("--by", type=click.Choice(["person", "rule"]), help="Show this table only.")
@click.option(
    "--schema-version", type=click.Choice(VERSIONS), help="Of Keystone JSON. Default: the one in the file, else 1.0."
)
@click.option("--limit", type=click.IntRange(0), default=20, show_default=True, help="Rows of a table; 0 shows all.")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help=f"End with status {ExitStatus.CHANGES_PENDING:d} where somebody gains or loses.",
)
@settings_option
@json_option
def replay_command(
    draft: Path,
    logins: str,
    current: Path | None,
    provider: str | None,
    moment: str | None,
    by: str | None,
    schema_version: str | None,
    limit: int,
    detailed_exitcode: bool,
    settings_file: str | None,
    as_json: bool,
) -> int:
    """Replay remembered logins: who gains by DRAFT, who loses, who stays. Changes nothing.

    DRAFT and CURRENT are policy directories, or Keystone mappings as JSON; where one is a mapping, both are compared as
    Keystone sees them.

    Exit status: 0 compared, 1 some lines are no logins (the others are compared), 2 DRAFT or CURRENT does not load.
    """
    now = _moment(moment) if moment else wiring.now()
    lab, environment = _lab_and_environment(settings_file)
    sources = [
        _source(path, schema_version, lab, environment)
        for path in (draft, current or load_settings(settings_file).policy_dir)
    ]
    sides = make_sides(sources[0], sources[1], provider, wiring.wire_search(), now)
    with _opened(logins) as file:
        gc.disable()  # nothing here makes cycles, and looking for them takes a quarter of the time
        done = replay(sides, file, _progress())
    named = {"draft": str(draft), "against": str(current or "the settings' policy"), "logins": logins}
    if as_json:
        click.echo(as_json_text({**named, "at": now.isoformat(), **replay_json(done, sides.notes)}))
    else:
        for line in replay_lines(done, named, now, sides.notes, by, limit):
            click.echo(line)
    return _status(done, detailed=detailed_exitcode)


def _status(done: Replay, *, detailed: bool) -> int:
    if not done.is_complete:
        return ExitStatus.ERROR
    totals = done.comparison.totals()
    changes = sum(totals.values()) - totals[Fate.STAYS]
    return ExitStatus.CHANGES_PENDING if detailed and changes else ExitStatus.OK


def _lab_and_environment(settings_file: str | None) -> tuple[bool, str]:
    """Whether plain http is permitted, and for which cloud. Where both sides are named, there need be no settings."""
    if settings_file is None and not settings_path().exists():
        return False, environment_named()
    settings = load_settings(settings_file)
    return settings.lab, settings.environment


def _source(path: Path, version: str | None, lab: bool, environment: str) -> Policy | RawMapping:
    if not path.is_dir():
        return raw_mapping(path, version)
    return wiring.wire_policy_directory(path, lab=lab, environment=environment)


def _moment(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError as exc:
        raise click.UsageError(
            f"--at {text!r} is no day or moment, such as 2027-01-01 or 2027-01-01T12:00+01:00."
        ) from exc
    return found if found.tzinfo else found.replace(tzinfo=UTC)


@contextlib.contextmanager
def _opened(logins: str) -> Iterator[BinaryIO]:
    if logins == "-":
        yield sys.stdin.buffer
        return
    with open(logins, "rb") as file:
        yield file


def _progress() -> Callable[[int], None]:
    """Tell a person at a terminal how far it is; a line that is overwritten."""
    shown = sys.stderr.isatty()

    def tell(logins: int) -> None:
        if shown:
            click.echo(f"\r{logins:,} logins", err=True, nl=False)

    return tell
