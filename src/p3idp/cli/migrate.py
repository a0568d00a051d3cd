"""`p3idp migrate claim|issuer`. Owns arguments, which stage is called, and what is printed as JSON."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import click

from p3idp import wiring
from p3idp.cli.community_place import Place, place_of, place_options
from p3idp.cli.community_text import change_lines
from p3idp.cli.json_text import as_json_text
from p3idp.cli.migrate_text import status_lines
from p3idp.cli.terminal import harmless
from p3idp.core.migration.move import Move, Subject
from p3idp.core.migration.status import Bounds, Status
from p3idp.ops.community import TextChange
from p3idp.ops.migrate import carry_out

F = TypeVar("F", bound=Callable[..., Any])
_BEGIN, _SWITCH, _STATUS, _FINISH = "begin", "switch", "status", "finish"


@click.group()
def migrate() -> None:
    """Move the policy from one claim or issuer to another, with both accepted for a time.

    Only policy text is changed: `p3idp plan` and `p3idp apply` follow each stage. Nobody's user id changes.
    """


def _options(command: F) -> F:
    bounds = Bounds()
    options = (
        click.option("--identity-provider", metavar="ID", help="At this identity provider alone."),
        click.option(
            "--days", type=click.IntRange(1, 730), default=bounds.days, show_default=True,
            help="For so long the old one must not have been used.",
        ),
        click.option(
            "--percent", type=click.IntRange(0, 100), default=bounds.percent, show_default=True,
            help="So many of Keystone's users must have been seen in those days.",
        ),
        click.option(
            "--accept", "accepted", metavar="NAME", multiple=True,
            help="With finish: accept a danger by its name; repeatable.",
        ),
    )  # fmt: skip
    for option in options:
        command = option(command)
    return place_options(command)


@migrate.command()
@click.argument("old")
@click.argument("new")
@click.argument("stage", type=click.Choice([_BEGIN, _STATUS, _FINISH]), default=_BEGIN)
@_options
def claim(old: str, new: str, stage: str, **options: Any) -> None:
    """Move entitlements from the claim OLD to the claim NEW.

    begin: both are honoured. status: who still needs the old one. finish: the old one goes, once nobody does.
    """
    _run(Subject.CLAIM, old, new, stage, **options)


@migrate.command()
@click.argument("old")
@click.argument("new")
@click.argument("stage", type=click.Choice([_BEGIN, _SWITCH, _STATUS, _FINISH]), default=_BEGIN)
@_options
def issuer(old: str, new: str, stage: str, **options: Any) -> None:
    """Move an identity provider from the issuer OLD to the issuer NEW, which must mean the same people.

    begin: both are trusted, and sign-ins still start at the old one. switch: they start at the new one. status: who
    still comes by the old one. finish: the old one goes, once nobody does.
    """
    _run(Subject.ISSUER, old, new, stage, **options)


def _run(
    subject: Subject, old: str, new: str, stage: str, *, identity_provider: str | None, days: int, percent: int,
    accepted: tuple[str, ...], settings_file: str | None, policy_dir: str | None, as_json: bool,
) -> None:  # fmt: skip
    if accepted and stage != _FINISH:
        raise click.UsageError("--accept goes with the stage finish.")
    place, move = place_of(settings_file, policy_dir), Move(subject, old, new, identity_provider)
    text = wiring.wire_site_text(place.directory, lab=bool(place.settings and place.settings.lab))
    migrations = wiring.wire_migrations(text, place.settings)
    if stage in (_BEGIN, _SWITCH):
        change = migrations.begin(move) if stage == _BEGIN else migrations.switch(move)
        carry_out(change, text)
        _tell(place, change, None, migrations.notes(move), as_json=as_json)
        return
    status = migrations.status(move, Bounds(days, percent), wiring.now())
    if stage == _STATUS:
        _tell(place, None, status, (), as_json=as_json)
        return
    change = migrations.finish(move, status, accepted)
    carry_out(change, text)
    _tell(place, change, None, migrations.notes(move), as_json=as_json)


def _tell(
    place: Place, change: TextChange | None, status: Status | None, notes: tuple[str, ...], *, as_json: bool
) -> None:
    if as_json:
        shown: dict[str, object] = dict(status.as_json()) if status else {}
        if change:
            shown = {
                "path": change.path,
                "changed": not change.nothing,
                "diff": "\n".join(change.diff()),
                "notes": list(notes),
            }
        shown["next"] = _plan(place)
        click.echo(as_json_text(shown, indent=2))
        return
    lines = _change_lines(place, change, notes) if change else status_lines(status) if status else ()
    for line in lines:
        click.echo(line)


def _change_lines(place: Place, change: TextChange, notes: tuple[str, ...]) -> Iterator[str]:
    yield from change_lines(change, effects=False)
    file = harmless(str(place.directory / change.path))
    if change.nothing:
        yield f"Nothing to change: {file} says so already."
    else:
        yield f"Changed: {file}"
        yield f"To see what this does to Keystone and to whom: {_plan(place)}"
    yield from ("", *map(harmless, notes)) if notes else ()


def _plan(place: Place) -> str:
    return f"p3idp plan{place.options}"
