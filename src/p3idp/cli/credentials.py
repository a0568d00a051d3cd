"""`p3idp credentials`: what federated people's application credentials depend on. Owns options and what is printed."""

from datetime import timedelta
from math import isnan
from pathlib import Path
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.credentials_mail import address_of, write_messages
from p3idp.cli.credentials_text import coverage_line, credential_lines, outlook_json, survey_json
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.credentials.notice import Notice
from p3idp.core.credentials.outlook import Outlook
from p3idp.core.policy.model import ProjectRef, Site
from p3idp.errors import ExitStatus
from p3idp.errors.command import UsageMistaken
from p3idp.ports.request import request_id

DAYS = 14.0
_EVERY = 1000  # people between two words on how far it is


class _Days(click.FloatRange):
    """Days; not a number is below and above nothing, so the range alone would let it through."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        days: float = super().convert(value, param, ctx)
        if isnan(days):
            self.fail(f"{value!r} is not a number of days.", param, ctx)
        return days


_DAYS = _Days(min=0, max=3650)


@click.group()
def credentials() -> None:
    """Application credentials of federated people: they live while their owner is a member."""


@credentials.command("list")
@settings_option
@json_option
@click.option("--owner", metavar="SUBJECT", help="Of this person alone: subject, Keystone's user name, or user id.")
@click.option("--project", metavar="NAME@DOMAIN", help="On this project alone; without @DOMAIN in the site's domain.")
@click.option("--lapsing", metavar="DAYS", type=_DAYS, help="Only what stops so soon and nothing keeps alive.")
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help=f"End with status {ExitStatus.CHANGES_PENDING:d} where something stops within --lapsing DAYS (default "
    f"{DAYS:.0f}) and nothing keeps it alive, or Keystone did not show all.",
)
def list_(
    settings_file: str | None,
    as_json: bool,
    owner: str | None,
    project: str | None,
    lapsing: float | None,
    detailed_exitcode: bool,
) -> int:
    """List them, the worst first: whose, until when they work and why, and what keeps them alive. Changes nothing.

    Keystone is asked once for each federated user, a few at a time, unless --owner names one.
    """
    request_id.set(wiring.new_request_id())
    watch, now = wiring.wire_credentials(load_settings(settings_file)), wiring.now()
    wanted = _project(project, watch.policy().site) if project else None
    survey = watch.survey(now, owner, _tell_progress)
    within = timedelta(days=DAYS if lapsing is None else lapsing)
    there = tuple(each for each in survey.outlooks if wanted in (None, each.credential.project))
    urgent = tuple(each for each in there if each.needs_somebody(within, now))
    shown = there if lapsing is None else urgent
    if as_json:
        click.echo(as_json_text(survey_json(survey, shown), indent=2))
    else:
        for line in credential_lines(survey, shown):
            click.echo(line)
    waits = urgent or not survey.coverage.complete
    return ExitStatus.CHANGES_PENDING if detailed_exitcode and waits else ExitStatus.OK


@credentials.command()
@settings_option
@json_option
@click.option("--to", "target", metavar="DIR", help="Write each message to a file in this directory (RFC 5322).")
@click.option("--from", "sender", metavar="ADDRESS", help="The sender of messages; default: the policy's contact.")
@click.option("--lapsing", metavar="DAYS", type=_DAYS, default=DAYS, show_default=True, help="What stops so soon.")
@click.option(
    "--again-after", metavar="DAYS", type=_DAYS, default=7.0, show_default=True, help="When the same is told again."
)
@click.option("--dry-run", is_flag=True, help="Show whom it would tell of what; write and remember nothing.")
def warn(
    settings_file: str | None,
    as_json: bool,
    target: str | None,
    sender: str | None,
    lapsing: float,
    again_after: float,
    dry_run: bool,
) -> None:
    """Write a message for each owner of what stops soon, and of what has stopped; the site's own mailer sends it.

    --to DIR writes files, --json one JSON object a line. What was told stands in the ledger: that something stops is
    told again after --again-after, that it has stopped is told once. What is renewed by consent is not told.
    """
    if not (dry_run or as_json or target):
        raise click.UsageError("Say where the messages go: --to DIR, or --json for standard output; or --dry-run.")
    request_id.set(wiring.new_request_id())
    settings, now = load_settings(settings_file), wiring.now()
    watch, desk = wiring.wire_credentials(settings), wiring.wire_credential_notices(settings)
    site = watch.policy().site
    address = address_of(sender or site.contact)
    if target and address is None:
        whose = "What --from names" if sender else "The policy's contact"
        raise UsageMistaken(f"{whose} is no mail address: name the sender with --from ADDRESS.")
    survey = watch.survey(now, progress=_tell_progress)
    due = desk.due(survey, site, timedelta(days=lapsing), timedelta(days=again_after))
    if as_json:
        for notice in due:
            click.echo(as_json_text(_notice_json(notice)))
    if dry_run:
        _show(due, as_json=as_json)
        return
    if target and address:
        write_messages(due, address, Path(target), now)
    desk.record(due, now)
    click.echo(f"{_messages(len(due))}.", err=as_json)
    click.echo(coverage_line(survey.coverage), err=True)


def _show(due: tuple[Notice, ...], *, as_json: bool) -> None:
    if as_json:
        return
    for notice in due:
        click.echo(harmless(f"{notice.owner.email or notice.owner.name}: {notice.subject}"))
    click.echo(f"{_messages(len(due))} would be written.")


def _messages(number: int) -> str:
    return f"{number:,} message{'' if number == 1 else 's'}"


def _notice_json(notice: Notice) -> dict[str, object]:
    about: tuple[Outlook, ...] = notice.about
    return {
        "to": notice.owner.email if address_of(notice.owner.email) else None,
        "owner": notice.owner.name,
        "subject": notice.subject,
        "text": notice.text,
        "credentials": [outlook_json(each) for each in about],
    }


def _project(text: str, site: Site) -> ProjectRef:
    name, _, domain = text.rpartition("@")
    return ProjectRef(domain, name) if name else ProjectRef(site.domain, text)


def _tell_progress(done: int, every: int) -> None:
    if done % _EVERY == 0:
        click.echo(f"{done:,} of {every:,} people asked about", err=True)
