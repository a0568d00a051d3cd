"""`p3idp promote FROM TO`: the plan that brings to one cloud what another has. Owns options and what is printed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.access_text import change_lines, plan_lines
from p3idp.cli.drift import drift_lines
from p3idp.cli.fitting import wrapped
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import given_again, json_option, load_settings, settings_file_option
from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind
from p3idp.errors import ExitStatus
from p3idp.ops.promote import Promotion, promote
from p3idp.ports.request import request_id


@click.command("promote")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@settings_file_option
@json_option
@click.option(
    "--detailed-exitcode", is_flag=True, help=f"End with status {ExitStatus.CHANGES_PENDING:d} where changes wait."
)
def promote_command(source: str, target: str, settings_file: str | None, as_json: bool, detailed_exitcode: bool) -> int:
    """Plan for the environment TO what the environment FROM has: the policy that was applied there last.

    Shows whether FROM still stands as applied, TO's plan, and how the two differ once it is applied: as the policy says
    (environments/<name>.yaml), or otherwise. Changes nothing; `p3idp apply --environment TO` applies the plan.

    Exit status: 4 where FROM does not stand as applied, or the plan cannot be applied; otherwise as for `p3idp plan`.
    """
    request_id.set(wiring.new_request_id())
    one, other = (load_settings(settings_file, name) for name in (source, target))
    access, there = wiring.wire_access(one), wiring.wire_access(other)
    if access.reader.target() == there.reader.target():
        raise click.UsageError(f"{source} and {target} are one Keystone, {there.reader.target()}.")
    found = promote(access, there, wiring.now())
    if as_json:
        click.echo(as_json_text(_as_json(found), indent=2))
    else:
        for line in _lines(found, source, target, given_again(settings_file)):
            click.echo(line)
    plan = found.planned.plan
    if not found.tried or any(not finding.acceptable for finding in plan.findings):
        return ExitStatus.REFUSED
    return ExitStatus.CHANGES_PENDING if detailed_exitcode and plan.does_something else ExitStatus.OK


def _lines(found: Promotion, source: str, target: str, options: str) -> Iterator[str]:
    applied, begun = found.applied, found.applied.begun
    commit = f", commit {begun.commit}" if begun.commit else ""
    yield f"What {source} has: apply {applied.number} of {applied.at:%Y-%m-%d %H:%M:%S}Z{commit}"
    if not found.tried:
        yield from ("", *wrapped(f"{source} does not stand as apply {applied.number} left it:", "red", indent=0))
        yield from drift_lines(found.drift)
    yield from ("", f"For {target}:")
    yield from plan_lines(found.planned.plan, next_step=False)
    meant = [_without_rules(change) for change in found.contrast.intended]
    yield from ("", *_differences(f"Then {target} differs from {source} as the policy says", meant))
    heading = click.style(f"and otherwise, which nobody wrote down: {source} -> {target}", fg="red")
    yield from _differences(heading, found.contrast.unintended) if found.contrast.unintended else ()
    yield from ("", *_next(found, source, target, options))


def _without_rules(change: Change) -> Change:
    """A mapping's rules follow from the rest: how many they are is enough here, and --json has them."""
    if change.resource.kind is not Kind.MAPPING or change.before is None or change.after is None:
        return change
    return Change(*(replace(side, attributes=_counted(side.attributes)) for side in (change.before, change.after)))


def _counted(attributes: Mapping[str, Any]) -> Mapping[str, Any]:
    counted = dict(attributes)
    rules = counted.pop("rules", None)
    return counted if rules is None else {**counted, "number of rules": len(rules)}


def _differences(heading: str, changes: Sequence[Change]) -> Iterator[str]:
    if not changes:
        yield f"{heading}: in nothing."
        return
    yield f"{heading}:"
    for change in changes:
        first, *others = change_lines(change)
        yield f"{first}  ({change.resource.kind.replace('_', ' ')})"
        yield from others


def _next(found: Promotion, source: str, target: str, options: str) -> Iterator[str]:
    plan, commit = found.planned.plan, found.applied.begun.commit
    if not found.tried:
        told = f"What {source} has now was not applied, so nobody tried this. Apply there, or take the changes back."
        yield from wrapped(told, "red", indent=0)
        return
    if not plan.does_something:
        return
    if not found.checked_out:
        where = f"commit {commit.id}" if commit else f"p3idp history restore-policy {found.applied.number} DIRECTORY"
        yield f"The policy directory holds another policy than {source} has. Check that one out first: {where}"
    yield f"To apply it: p3idp apply {options}--environment {target} --digest {plan.digest}"


def _as_json(found: Promotion) -> dict[str, Any]:
    applied, begun, plan = found.applied, found.applied.begun, found.planned.plan
    return {
        "applied": {
            "number": applied.number,
            "at": applied.at.isoformat(),
            "environment": begun.environment,
            "commit": begun.commit.as_json() if begun.commit else None,
            "policy_digest": begun.policy_digest,
            "target": begun.target,
        },
        "stands_as_applied": found.tried,
        "source_differences": [each.change.as_json() for each in found.drift.differences],
        "plan": plan.as_json(),
        "intended": [change.as_json() for change in found.contrast.intended],
        "unintended": [change.as_json() for change in found.contrast.unintended],
        "checked_out": found.checked_out,
    }
