"""`p3idp plan` and `p3idp apply`. Owns options and what is printed; the rules are core/access's."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import click

from p3idp import wiring
from p3idp.cli.access_text import applied_lines, plan_lines, progress_line
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import given_again, json_option, load_settings, settings_option
from p3idp.cli.policy_option import policy_option
from p3idp.client.env import token_from_file
from p3idp.core.access.plan import Change
from p3idp.core.access.proposal import ALONE, Warrant
from p3idp.core.login.tokens import RawToken
from p3idp.errors import ExitStatus
from p3idp.errors.access import ApplyIncomplete
from p3idp.ops.access import Applied
from p3idp.ops.access_ledger import Result, item
from p3idp.ops.access_write import Progress
from p3idp.ports.request import request_id
from p3idp.settings import Settings


def settings_of(settings_file: str | None, policy_dir: str | None) -> Settings:
    """The settings of this call, with the policy that it names."""
    settings = load_settings(settings_file)
    return settings.model_copy(update={"policy_dir": Path(policy_dir)}) if policy_dir else settings


def _for_its_owner(name: str, flags: int) -> int:
    """Open a file that names people and what they may use, also one that is there; never through a link."""
    handle = os.open(name, flags | os.O_NOFOLLOW, 0o600)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        os.fchmod(handle, 0o600)
    return handle


@click.command()
@settings_option
@json_option
@policy_option
@click.option(
    "--detailed-exitcode", is_flag=True, help=f"End with status {ExitStatus.CHANGES_PENDING:d} where changes wait."
)
@click.option("--out", type=click.Path(dir_okay=False, writable=True), help="Also write the plan as JSON to a file.")
def plan(
    settings_file: str | None, as_json: bool, policy_dir: str | None, detailed_exitcode: bool, out: str | None
) -> int:
    """Show what the policy would change in Keystone. Changes nothing.

    Exit status: 4 where the plan cannot be applied, since it holds a finding that nobody can accept, such as an example
    that fails; otherwise 0, and 6 for changes that wait where --detailed-exitcode asks for it.
    """
    request_id.set(wiring.new_request_id())
    found = wiring.wire_access(settings_of(settings_file, policy_dir)).plan(wiring.now())
    text = as_json_text(found.as_json(), indent=2)
    if out is not None:
        with open(out, "w", encoding="utf-8", opener=_for_its_owner) as file:
            file.write(text + "\n")
    if as_json:
        click.echo(text)
    else:
        for line in plan_lines(found, given_again(settings_file, policy_dir)):
            click.echo(line)
    if any(not finding.acceptable for finding in found.findings):
        return ExitStatus.REFUSED
    return ExitStatus.CHANGES_PENDING if detailed_exitcode and found.does_something else ExitStatus.OK


@click.command()
@settings_option
@json_option
@policy_option
@click.option("--digest", metavar="DIGEST", help="The digest of the plan that was reviewed.")
@click.option("--yes", is_flag=True, help="Plan and apply in one go, without a review.")
@click.option("--proposal", metavar="ID", help="Apply what two people decided (see `p3idp propose`).")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Accept a finding by its name; repeatable.")
@click.option("--token-file", metavar="FILE", help="Holds your access token, so that the ledger says who; - is stdin.")
def apply(
    settings_file: str | None,
    as_json: bool,
    policy_dir: str | None,
    digest: str | None,
    yes: bool,
    proposal: str | None,
    accepted: tuple[str, ...],
    token_file: str | None,
) -> int:
    """Apply a reviewed plan by its digest, what two people decided, or with --yes whatever the plan is now."""
    if (digest is not None) + yes + (proposal is not None) != 1:
        raise click.UsageError("Give --digest DIGEST of a reviewed plan (see `p3idp plan`), --proposal ID, or --yes.")
    if proposal is not None and accepted:
        raise click.UsageError("What is accepted stands in the proposal; --accept goes with `p3idp propose`.")
    request_id.set(wiring.new_request_id())
    settings = settings_of(settings_file, policy_dir)
    token = RawToken(token_from_file(token_file)) if token_file else None
    if proposal is not None:
        desk = wiring.wire_proposals(settings)
        return run_and_tell(lambda progress: desk.apply(proposal, token, wiring.now(), progress), as_json=as_json)
    warrant = Warrant(wiring.wire_proposals(settings).actor(token, wiring.now())) if token else ALONE
    access = wiring.wire_access(settings)
    return run_and_tell(
        lambda progress: access.apply(wiring.now(), digest, accepted, progress, warrant), as_json=as_json
    )


def run_and_tell(run: Callable[[Progress], Applied], *, as_json: bool) -> int:
    """Let a run happen, each change shown as it does, and say what it did."""

    def progress(change: Change, result: Result) -> None:
        if not as_json:
            click.echo(progress_line(change, result), err=True)

    try:
        done = run(progress)
    except KeyboardInterrupt as exc:
        raise ApplyIncomplete("Stopped by hand. What was done is in the ledger: p3idp audit list") from exc
    if as_json:
        click.echo(as_json_text(_as_json(done), indent=2))
    else:
        for line in applied_lines(done):
            click.echo(line)
    return ExitStatus.OK


def _as_json(done: Applied) -> dict[str, object]:
    items = [{**item(change), "result": result.word} for change, result in done.results]
    return {"digest": done.plan.digest, "items": items, "number": done.number, "settled": list(done.settled)}
