"""`p3idp logins`: how many are remembered, forget one, write them out. Owns what is printed and the export's file."""

import os
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.errors.logins import LoginsOff, LoginsUnreadable
from p3idp.ops.logins import exported
from p3idp.ports.logins import LoginStore, Recalled
from p3idp.settings import Settings


@click.group()
def logins() -> None:
    """What p3idp remembers of the logins that it saw: per person the last one, encrypted, for a time."""


@logins.command()
@settings_option
@json_option
def count(settings_file: str | None, as_json: bool) -> None:
    """Say of how many people a login is remembered, and since when."""
    settings = load_settings(settings_file)
    found = _store(settings).recall(wiring.now())
    moments = sorted(login.at for login in found.logins)
    people = Counter(str(login.provider) for login in found.logins)
    if as_json:
        ends: dict[str, Any] = {"first": moments[0].isoformat(), "last": moments[-1].isoformat()} if moments else {}
        shown = {"people": dict(people), "unreadable": found.unreadable, "keep_days": settings.logins.keep_days}
        click.echo(as_json_text({**shown, **ends}, indent=2))
        return
    for provider, number in sorted(people.items()):
        click.echo(harmless(f"{number:,} of the identity provider {provider}"))
    if moments:
        click.echo(f"Last logins of {_day(moments[0])} to {_day(moments[-1])}; each is kept for", nl=False)
        click.echo(f" {settings.logins.keep_days} days.")
    else:
        click.echo("No login is remembered.")
    if found.unreadable:
        click.echo(f"{found.unreadable:,} more cannot be read with the key of the settings.")


@logins.command()
@click.argument("subject")
@settings_option
@json_option
def forget(subject: str, settings_file: str | None, as_json: bool) -> None:
    """Forget what is remembered of SUBJECT, at every identity provider. The next login is remembered again."""
    found = _store(load_settings(settings_file)).forget(subject, wiring.now())
    providers = [str(login.provider) for login in found.logins]
    if as_json:
        click.echo(as_json_text({"forgotten": providers, "unreadable": found.unreadable}, indent=2))
    else:
        told = f"forgotten ({', '.join(providers)})" if providers else "not remembered"
        click.echo(harmless(f"{subject}: {told}."))
    _refuse_unreadable(found, "one of them may be this person's")


@logins.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@settings_option
@json_option
def export(file: str, settings_file: str | None, as_json: bool) -> None:
    """Write the remembered logins to a new FILE, for `p3idp mapping replay --logins FILE`.

    This is personal data in the clear: who may use what, person by person. The file is readable by you alone (mode
    0600); delete it when you are done. - writes to standard output.
    """
    settings = load_settings(settings_file)
    store, policy = _store(settings), wiring.wire_policy(settings)
    found = store.recall(wiring.now())
    _refuse_unreadable(found, "a replay without them would say too little")
    lines = "".join(f"{line}\n" for line in exported(found.logins, policy))
    if file == "-":
        click.echo(lines, nl=False)
        return
    # Never a file that is there: it may be readable by others, or a link to somewhere else.
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
        stream.write(lines)
    click.echo(
        as_json_text({"logins": len(found.logins)}) if as_json else f"{len(found.logins):,} logins are in {file}"
    )


def _store(settings: Settings) -> LoginStore:
    store = wiring.wire_logins(settings)
    if store is None:
        raise LoginsOff("p3idp remembers no logins here.")
    return store


def _refuse_unreadable(found: Recalled, why: str) -> None:
    if found.unreadable:
        told = f"{found.unreadable:,} remembered logins cannot be read with the key of the settings; {why}."
        raise LoginsUnreadable(told)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
