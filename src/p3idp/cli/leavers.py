"""`p3idp leavers`: whose access ends or comes back, doing it, and how long it may take. Owns options and JSON."""

from functools import partial

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.leavers_text import bound_lines, removal_lines, revoked_lines, step_line
from p3idp.cli.options import given_again, json_option, load_settings, settings_option
from p3idp.cli.terminal import harmless
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.audit.event import Json
from p3idp.core.removal.steps import Action, Step
from p3idp.errors import ExitStatus
from p3idp.ops.access_ledger import Result
from p3idp.ops.removal import Revoked
from p3idp.ops.removal_tell import Ends, bounds_of, what_ends
from p3idp.ports.offline import Consents
from p3idp.ports.request import request_id


@click.group(invoke_without_command=True)
@settings_option
@json_option
@click.option(
    "--detailed-exitcode", is_flag=True, help=f"End with status {ExitStatus.CHANGES_PENDING:d} where somebody is named."
)
@click.pass_context
def leavers(ctx: click.Context, settings_file: str | None, as_json: bool, detailed_exitcode: bool) -> int:
    """List whose access would end or come back, why, and what ends with it. Asks nobody and changes nothing.

    Judged by the newest claims that p3idp knows; `p3idp recheck` asks the identity providers first.
    """
    if ctx.invoked_subcommand is not None:
        return ExitStatus.OK
    request_id.set(wiring.new_request_id())
    ops = wiring.wire_removal(load_settings(settings_file))
    reviewed = ops.review(wiring.now())
    ends = partial(what_ends, reviewed.look, ops.holdings)
    if as_json:
        shown = dict(reviewed.removal.as_json())
        shown["steps"] = [{**step.as_json(), "ends": _ends_json(ends(step))} for step in reviewed.removal.steps]
        click.echo(as_json_text(shown, indent=2))
    else:
        for line in removal_lines(reviewed.removal, ends, given_again(settings_file)):
            click.echo(line)
    return ExitStatus.CHANGES_PENDING if detailed_exitcode and reviewed.removal.steps else ExitStatus.OK


@leavers.command()
@settings_option
@json_option
@click.option("--digest", metavar="DIGEST", required=True, help="The digest of what was reviewed.")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Accept a finding by its name; repeatable.")
def revoke(settings_file: str | None, as_json: bool, digest: str, accepted: tuple[str, ...]) -> int:
    """Disable and enable whom `p3idp leavers` named. A recheck does the same by itself, where no finding stops it."""
    request_id.set(wiring.new_request_id())
    ops = wiring.wire_removal(load_settings(settings_file))
    done = ops.revoke(wiring.now(), digest, accepted, partial(tell_step, as_json=as_json))
    if as_json:
        click.echo(as_json_text(revoked_json(done), indent=2))
    else:
        for line in revoked_lines(done):
            click.echo(line)
    return ExitStatus.OK


@leavers.command()
@settings_option
@json_option
def bounds(settings_file: str | None, as_json: bool) -> None:
    """Show for each person how soon access that ends at their identity provider ends here, and what sees to it."""
    request_id.set(wiring.new_request_id())
    settings = load_settings(settings_file)
    ops, now = wiring.wire_removal(settings), wiring.now()
    store = ops.consents()
    kept = store.consents(now) if store else Consents()
    found = bounds_of(ops.look(), kept, wiring.wire_rechecks(settings), ops.pace, now)
    if as_json:
        people: Json = [
            {"identity_provider": each.provider, "subject": each.subject, **each.bound.as_json()}
            for each in found.people
        ]
        click.echo(as_json_text({"people": people, "unreadable": found.unreadable}, indent=2))
        return
    for line in bound_lines(found):
        click.echo(line)


@leavers.command()
@settings_option
@json_option
def disabled(settings_file: str | None, as_json: bool) -> None:
    """List whom p3idp disabled, since when and why. Whom somebody else disabled is not in it."""
    request_id.set(wiring.new_request_id())
    found = wiring.wire_removal(load_settings(settings_file)).look().disabled()
    if as_json:
        click.echo(as_json_text({"users": [_user_json(user) for user in found]}, indent=2))
        return
    for user in found:
        if mark := user.disabled_by:
            click.echo(harmless(f"{mark.at:%Y-%m-%d %H:%M:%S}Z  {mark.cause:<8}  {user.name} of {user.provider}"))
    if not found:
        click.echo("p3idp has disabled nobody.")


@leavers.command("keep-out")
@click.argument("user")
@settings_option
@json_option
def keep_out(user: str, settings_file: str | None, as_json: bool) -> None:
    """Keep a USER (by name or id) out whom p3idp disabled, also after a return: from now on it is your disabling."""
    request_id.set(wiring.new_request_id())
    done = wiring.wire_removal(load_settings(settings_file)).keep_out(user, wiring.now())
    if as_json:
        click.echo(as_json_text(revoked_json(done), indent=2))
    else:
        for step, result in done.results:
            click.echo(step_line(step, result))


def _user_json(user: ShadowUser) -> Json:
    mark = user.disabled_by
    return {
        "user": user.id,
        "name": user.name,
        "identity_provider": user.provider,
        "cause": str(mark.cause) if mark else None,
        "since": mark.at.isoformat() if mark else None,
    }


def tell_step(step: Step, result: Result, *, as_json: bool) -> None:
    """Show a step as it is made."""
    if not as_json:
        click.echo(step_line(step, result), err=True)


def revoked_json(done: Revoked) -> dict[str, Json]:
    """What a run did, for machines."""
    return {
        "digest": done.removal.digest,
        "items": [
            {**step.item(), "told": step.told, "result": result.word, "detail": result.detail}
            for step, result in done.results
        ],
        "held": [step.as_json() for step in done.held],
        "findings": [finding.as_json() for finding in done.removal.findings],
        "kept": [each.as_json() for each in done.removal.kept],
        "settled": list(done.settled),
        "disabled": sum(s.action is Action.DISABLE and r.word == "done" for s, r in done.results),
    }


def _ends_json(ends: Ends) -> Json:
    held = ends.holdings
    return {
        "roles": [dict(right._asdict()) for right in sorted(ends.rights)],
        "application_credentials": [{"id": each.id, "name": each.name} for each in held.credentials],
        "ec2_credentials": held.ec2,
        "trusts": held.trusts,
    }
