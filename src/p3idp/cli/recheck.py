"""`p3idp recheck`: ask providers about people who consented, and act on the answers. Owns options and exit status."""

from functools import partial

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.leavers import revoked_json, tell_step
from p3idp.cli.leavers_text import recheck_lines
from p3idp.cli.options import given_again, json_option, load_settings, settings_option
from p3idp.core.audit.event import Json
from p3idp.errors import ExitStatus
from p3idp.ops.recheck import Rechecked
from p3idp.ports.request import request_id


@click.command()
@settings_option
@json_option
@click.option("--everyone", is_flag=True, help="Also ask about people who were asked about a moment ago.")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Accept a finding by its name; repeatable.")
def recheck(settings_file: str | None, as_json: bool, everyone: bool, accepted: tuple[str, ...]) -> int:
    """Ask the identity providers about people who are away and consented to it, and act on the answers.

    Who left all that lets them in is disabled, who left some of it is signed in anew, who came back is enabled. A timer
    runs this every few minutes ([removal] every_minutes).

    Exit status: 4 where a finding keeps people from losing anything, 5 where somebody could not be asked about or
    Keystone did not answer, 1 where a step failed; the next run makes good what is left.
    """
    request_id.set(wiring.new_request_id())
    rechecker = wiring.wire_recheck(load_settings(settings_file))
    tell = partial(tell_step, as_json=as_json)
    done = rechecker.run(wiring.now(), everyone=everyone, accepted=accepted, progress=tell)
    if as_json:
        click.echo(as_json_text(_as_json(done), indent=2))
    else:
        for line in recheck_lines(done, given_again(settings_file)):
            click.echo(line)
        if rechecker.offline() is None:
            click.echo("Nobody can consent: the settings name no key in [offline].")
    return _status(done)


def _status(done: Rechecked) -> ExitStatus:
    if done.held:
        return ExitStatus.REFUSED
    if done.unasked or done.keystone:
        return ExitStatus.UNREACHABLE
    return ExitStatus.ERROR if done.revoked and done.revoked.undone else ExitStatus.OK


def _as_json(done: Rechecked) -> dict[str, Json]:
    return {
        "consented": done.consented,
        "unreadable": done.unreadable,
        "due": done.due,
        "outcomes": dict(done.outcomes),
        "providers": dict(done.providers),
        "keystone": done.keystone,
        "late": done.late,
        "seconds": int(done.took.total_seconds()),
        "too_slow": done.too_slow,
        "revoked": revoked_json(done.revoked) if done.revoked else None,
    }
