"""`p3idp logins`: how many are remembered, forget somebody, write them out. Owns what is printed and the export's file.

A consent to be asked about while away is a memory of a person too: it is counted and forgotten along with the login.
"""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.login.remembered import RememberedLogin
from p3idp.errors.logins import LoginsOff, LoginsUnreadable
from p3idp.errors.offline import ConsentsUnreadable
from p3idp.ops.logins import COMMAND, exported, record_export, record_forgotten
from p3idp.ports.logins import LoginStore, Recalled
from p3idp.ports.offline import Consents, OfflineAccess
from p3idp.settings import Settings


@click.group()
def logins() -> None:
    """What p3idp remembers of the logins that it saw: per person the last one, encrypted, for a time."""


@logins.command()
@settings_option
@json_option
def count(settings_file: str | None, as_json: bool) -> None:
    """Say of how many people a login is remembered, since when, and how many consented to be asked about while away."""
    settings = load_settings(settings_file)
    now, store, consents = wiring.now(), wiring.wire_logins(settings), wiring.wire_consents(settings)
    _refuse_off(store, consents)
    found = store.recall(now) if store else Recalled()
    agreed = consents.consents(now) if consents else Consents()
    if as_json:
        click.echo(as_json_text(_counted(found, agreed, settings), indent=2))
        return
    if store:
        _tell_logins(found, settings)
    if consents:
        _tell_consents(agreed)


def _counted(found: Recalled, agreed: Consents, settings: Settings) -> dict[str, Any]:
    moments = sorted(login.at for login in found.logins)
    ends = {"first": moments[0].isoformat(), "last": moments[-1].isoformat()} if moments else {}
    return {
        "people": dict(_by_provider(found.logins)),
        "unreadable": found.unreadable,
        "keep_days": settings.logins.keep_days,
        "consents": {"people": dict(_by_provider(agreed.kept)), "unreadable": agreed.unreadable},
        **ends,
    }


def _tell_logins(found: Recalled, settings: Settings) -> None:
    for provider, number in _by_provider(found.logins):
        click.echo(harmless(f"{number:,} of the identity provider {provider}"))
    moments = sorted(login.at for login in found.logins)
    if moments:
        click.echo(f"Last logins of {_day(moments[0])} to {_day(moments[-1])}; each is kept for", nl=False)
        click.echo(f" {settings.logins.keep_days} days.")
    else:
        click.echo("No login is remembered.")
    if found.unreadable:
        click.echo(f"{found.unreadable:,} more cannot be read with the key of the settings.")


def _tell_consents(agreed: Consents) -> None:
    for provider, number in _by_provider(agreed.kept):
        click.echo(harmless(f"{number:,} of the identity provider {provider} consented to be asked about while away"))
    if not agreed.kept:
        click.echo("Nobody consented to be asked about while away.")
    if agreed.unreadable:
        click.echo(f"Consents that cannot be read with the key of the settings: {agreed.unreadable:,}.")


def _by_provider(kept: Iterable[RememberedLogin | OfflineAccess]) -> list[tuple[str, int]]:
    return sorted(Counter(str(each.provider) for each in kept).items())


@logins.command()
@click.argument("subject")
@settings_option
@json_option
def forget(subject: str, settings_file: str | None, as_json: bool) -> None:
    """Forget what is remembered of SUBJECT, at every identity provider, and end their consents to be asked about.

    The next login is remembered again; a consent is kept again only when they give it again.
    """
    settings, now = load_settings(settings_file), wiring.now()
    store, offline = wiring.wire_logins(settings), wiring.wire_offline(settings)
    _refuse_off(store, offline)
    # The consent first: asking with it would have the person remembered again.
    agreed = [str(each.provider) for each in offline.forget(subject, now, COMMAND)] if offline else []
    found = store.forget(subject, now) if store else Recalled()
    providers = [str(login.provider) for login in found.logins]
    if providers:
        record_forgotten(wiring.wire_ledger(settings), subject, providers, now)
    if as_json:
        told: dict[str, Any] = {"forgotten": providers, "consents": agreed, "unreadable": found.unreadable}
        click.echo(as_json_text(told, indent=2))
    else:
        click.echo(harmless(f"{subject}: {_forgotten(providers, agreed)}."))
    _refuse_unreadable(found, "one of them may be this person's")
    if offline and (unreadable := offline.consents(now).unreadable):
        told_of = f"{unreadable:,} consents cannot be read with the key of the settings; one may be this person's."
        raise ConsentsUnreadable(told_of)


def _forgotten(providers: Sequence[str], agreed: Sequence[str]) -> str:
    told = f"forgotten ({', '.join(providers)})" if providers else "not remembered"
    return f"{told}; consent ended ({', '.join(agreed)})" if agreed else told


@logins.command()
@click.argument("file", metavar="FILE", type=click.Path(dir_okay=False, allow_dash=True))
@settings_option
@json_option
def export(file: str, settings_file: str | None, as_json: bool) -> None:
    """Write the remembered logins to a new FILE, for `p3idp mapping replay --logins FILE`.

    This is personal data in the clear: who may use what, person by person. The file is readable by you alone (mode
    0600); delete it when you are done. - writes to standard output.
    """
    settings, now = load_settings(settings_file), wiring.now()
    store, policy = _store(settings), wiring.wire_policy(settings)
    found = store.recall(now)
    _refuse_unreadable(found, "a replay without them would say too little")
    lines = "".join(f"{line}\n" for line in exported(found.logins, policy))
    record_export(wiring.wire_ledger(settings), len(found.logins), file, now)
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


def _refuse_off(store: object | None, consents: object | None) -> None:
    if store is None and consents is None:
        raise LoginsOff("p3idp remembers no logins here, and keeps no consents.")


def _refuse_unreadable(found: Recalled, why: str) -> None:
    if found.unreadable:
        told = f"{found.unreadable:,} remembered logins cannot be read with the key of the settings; {why}."
        raise LoginsUnreadable(told)


def _day(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
