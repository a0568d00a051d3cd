"""`p3idp propose`, `approve` and `proposals`: what two people decide. Owns options and what is printed.

Who somebody is comes from the token alone. `p3idp login`, once there is one, is another place that a token comes from.
"""

from collections.abc import Iterator
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.access import settings_of
from p3idp.cli.access_text import plan_lines
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import given_again, json_option, settings_option
from p3idp.cli.policy_option import policy_option
from p3idp.cli.terminal import harmless
from p3idp.client.env import token_from_file
from p3idp.core.access.proposal import Approval, Proposal
from p3idp.core.access.proposal_text import approval_as_json, proposal_as_json
from p3idp.core.access.way_back import WayBack
from p3idp.core.login.tokens import RawToken
from p3idp.errors import P3idpError
from p3idp.ports.request import request_id

TOKEN_HELP = "Holds your access token, issued lately; - is standard input."  # noqa: S105  # words about a token


@click.command()
@settings_option
@json_option
@policy_option
@click.option("--rollback", "number", metavar="NUMBER", type=click.IntRange(min=1), help="The way back to an apply.")
@click.option("--before", is_flag=True, help="With --rollback: to what that apply found.")
@click.option("--accept", "accepted", metavar="NAME", multiple=True, help="Accept a finding by its name; repeatable.")
@click.option("--token-file", required=True, metavar="FILE", help=TOKEN_HELP)
def propose(
    settings_file: str | None,
    as_json: bool,
    policy_dir: str | None,
    number: int | None,
    before: bool,
    accepted: tuple[str, ...],
    token_file: str,
) -> None:
    """Plan, and keep the plan until a second person approves it. Changes nothing in Keystone."""
    if before and number is None:
        raise click.UsageError("--before goes with --rollback NUMBER.")
    request_id.set(wiring.new_request_id())
    desk = wiring.wire_proposals(settings_of(settings_file, policy_dir))
    back = None if number is None else WayBack(number, before=before)
    proposal, plan = desk.propose(RawToken(token_from_file(token_file)), accepted, back, wiring.now())
    if as_json:
        _echo({**proposal_as_json(proposal), "plan": plan.as_json()})
        return
    for line in plan_lines(plan, next_step=False):
        click.echo(line)
    options = given_again(settings_file, policy_dir)
    click.echo(f"Proposed as {proposal.id} by {harmless(str(proposal.proposer))}, until {_moment(proposal)}.")
    click.echo(f"Another approver looks at it and approves: p3idp approve {options}{proposal.id}")


@click.command()
@click.argument("identity", metavar="ID")
@settings_option
@json_option
@policy_option
@click.option("--digest", metavar="DIGEST", help="The digest of the plan that you looked at: approve it.")
@click.option("--token-file", metavar="FILE", help=TOKEN_HELP)
def approve(
    identity: str,
    settings_file: str | None,
    as_json: bool,
    policy_dir: str | None,
    digest: str | None,
    token_file: str | None,
) -> None:
    """Show the plan of a proposal as it is now; with --digest and --token-file, approve it."""
    if (digest is None) != (token_file is None):
        raise click.UsageError("To approve, give both --digest and --token-file; to look at it, neither.")
    request_id.set(wiring.new_request_id())
    desk = wiring.wire_proposals(settings_of(settings_file, policy_dir))
    options = given_again(settings_file, policy_dir)
    if digest is not None and token_file is not None:
        approval = desk.approve(identity, digest, RawToken(token_from_file(token_file)), wiring.now())
        if as_json:
            _echo(approval_as_json(approval))
        else:
            click.echo(f"Approved by {harmless(str(approval.approver))} (ledger record {approval.record}).")
            click.echo(f"To apply it: p3idp apply {options}--proposal {identity}")
        return
    proposal, plan = desk.look(identity, wiring.now())
    if as_json:
        _echo({**proposal_as_json(proposal), "plan": plan.as_json()})
        return
    for line in plan_lines(plan, next_step=False):
        click.echo(line)
    for line in _lines(proposal, desk.approval(identity)):
        click.echo(line)
    click.echo(f"To approve it: p3idp approve {options}{identity} --digest {plan.digest} --token-file FILE")


@click.command()
@click.argument("identity", metavar="[ID]", required=False)
@settings_option
@json_option
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, 10_000), help="How many, newest first.")
def proposals(identity: str | None, settings_file: str | None, as_json: bool, limit: int) -> None:
    """List proposals, newest first, or tell of one; --json also tells the plan of that one as it was made."""
    desk = wiring.wire_proposals(settings_of(settings_file, None))
    if identity is not None:
        proposal, approval = desk.find(identity), desk.approval(identity)
        if as_json:
            approved = approval_as_json(approval) if approval else None
            _echo({**proposal_as_json(proposal), "approval": approved, "plan": proposal.plan})
            return
        for line in _lines(proposal, approval):
            click.echo(line)
        return
    found = [_summary(desk, each) for each in desk.proposals().latest(limit)]
    if as_json:
        _echo(found)
        return
    for each in found:
        click.echo(
            harmless(each["damaged"] if "damaged" in each else f"{each['id']}  {each['at'][:16]}  {each['state']}")
        )
    if not found:
        click.echo("Nothing was proposed so far.")


def _summary(desk: Any, identity: str) -> dict[str, Any]:
    try:
        proposal, approval = desk.find(identity), desk.approval(identity)
    except P3idpError as exc:
        return {"id": identity, "damaged": exc.detail}
    by = f"by {proposal.proposer}"
    state = f"approved by {approval.approver}, {by}" if approval else f"proposed {by}"
    return {**proposal_as_json(proposal), "state": f"{'over; ' if proposal.is_over(wiring.now()) else ''}{state}"}


def _lines(proposal: Proposal, approval: Approval | None) -> Iterator[str]:
    yield harmless(f"Proposal {proposal.id} by {proposal.proposer}, {proposal.at:%Y-%m-%d %H:%M}Z")
    yield f"Plan {proposal.digest}, until {_moment(proposal)}; ledger record {proposal.record}"
    if proposal.accepted:
        yield harmless(f"Accepted by name: {', '.join(proposal.accepted)}")
    if approval:
        yield harmless(
            f"Approved by {approval.approver}, {approval.at:%Y-%m-%d %H:%M}Z; ledger record {approval.record}"
        )


def _moment(proposal: Proposal) -> str:
    return f"{proposal.until:%Y-%m-%d %H:%M}Z"


def _echo(value: object) -> None:
    click.echo(as_json_text(value, indent=2))
