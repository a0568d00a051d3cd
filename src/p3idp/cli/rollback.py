"""`p3idp rollback`: plan the way back to an earlier apply, or go it. Owns options only; what is printed is a plan."""

import click

from p3idp import wiring
from p3idp.cli.access import run_and_tell
from p3idp.cli.access_text import plan_lines
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import given_again, json_option, load_settings, settings_option
from p3idp.core.access.plan import Plan
from p3idp.core.access.way_back import WayBack
from p3idp.errors import ExitStatus
from p3idp.ports.request import request_id


@click.command()
@click.argument("number", type=click.IntRange(min=1))
@settings_option
@json_option
@click.option("--before", is_flag=True, help="Go back to what it found, such as before an apply that ended half-way.")
@click.option("--digest", metavar="DIGEST", help="The digest of this plan as it was reviewed: apply it.")
@click.option("--yes", is_flag=True, help="Plan and apply in one go, without a review.")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Accept a finding by its name; repeatable.")
def rollback(
    number: int,
    settings_file: str | None,
    as_json: bool,
    before: bool,
    digest: str | None,
    yes: bool,
    accepted: tuple[str, ...],
) -> int:
    """Plan the way back to what apply NUMBER left, or found; with --digest or --yes, go it.

    The policy stays as it is: change it as well, or the next plan wants to undo the rollback (`p3idp history
    restore-policy` writes the policy of an apply into a directory).
    """
    if digest is not None and yes:
        raise click.UsageError("Give --digest DIGEST of a reviewed plan, or --yes, not both.")
    request_id.set(wiring.new_request_id())
    access = wiring.wire_access(load_settings(settings_file))
    to = WayBack(number, before=before)
    if digest is None and not yes:
        return _show(access.plan_rollback(to, wiring.now()), settings_file, as_json=as_json)
    return run_and_tell(lambda progress: access.rollback(to, wiring.now(), digest, accepted, progress), as_json=as_json)


def _show(plan: Plan, settings_file: str | None, *, as_json: bool) -> int:
    if as_json:
        click.echo(as_json_text(plan.as_json(), indent=2))
    else:
        for line in plan_lines(plan, given_again(settings_file)):
            click.echo(line)
    refused = any(not finding.acceptable for finding in plan.findings)
    return ExitStatus.REFUSED if refused else ExitStatus.OK
