"""`p3idp drift`: how policy and Keystone differ, and on which side it happened. Owns what is printed."""

from collections.abc import Iterator
from typing import Any

import click

from p3idp import wiring
from p3idp.cli.access_text import rule_texts, shown
from p3idp.cli.fitting import fit, wrapped
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, load_settings, settings_option
from p3idp.core.access.drift import SCHEMA_VERSION_RESET, Cause, Difference
from p3idp.core.access.history import place_of
from p3idp.core.access.resources import Resource
from p3idp.errors import ExitStatus
from p3idp.ops.drift import Drift, Written, find_drift
from p3idp.ports.request import request_id

MANY = 20  # foreign things of one kind that are named; --json has them all
_HEADINGS = {
    Cause.KEYSTONE: ("Changed directly in Keystone", "red"),
    Cause.BOTH: ("Changed in Keystone and in the policy, and differently", "red"),
    Cause.UNKNOWN: ("Different, and p3idp has no record of what it left", "yellow"),
    Cause.POLICY: ("Changed in the policy, and not applied", "cyan"),
}
_SIGNS = {"added": ("+", "green"), "gone": ("-", "red"), "changed": ("~", "yellow")}


@click.command()
@settings_option
@json_option
@click.option(
    "--detailed-exitcode",
    is_flag=True,
    help=f"End with status {ExitStatus.CHANGES_PENDING:d} where something differs, or Keystone did not show all.",
)
def drift(settings_file: str | None, as_json: bool, detailed_exitcode: bool) -> int:
    """Name each difference between the policy and Keystone, and the side it happened on. Changes nothing."""
    request_id.set(wiring.new_request_id())
    access = wiring.wire_access(load_settings(settings_file))
    found = find_drift(access.planned(wiring.now()), access.ledger())
    if as_json:
        click.echo(as_json_text(_as_json(found), indent=2))
    else:
        for line in drift_lines(found):
            click.echo(line)
    return ExitStatus.CHANGES_PENDING if detailed_exitcode and found.any else ExitStatus.OK


def drift_lines(found: Drift) -> Iterator[str]:
    """All of it for people, direct changes first."""
    yield f"Policy {found.policy} for {found.target}"
    yield from wrapped(_seen(found), None, indent=0)
    if found.rollback:
        number, to = found.rollback
        yield f"A rollback is in force: apply {number} went back to what {to.state}."
    for finding in found.findings:
        yield from wrapped(f"! {finding.name}: {finding.message}", "red")
    for part in found.missing:
        yield from wrapped(f"! Keystone cut the list of {part} short: what it did not show may differ as well.", "red")
    for cause, (heading, colour) in _HEADINGS.items():
        some = [each for each in found.differences if each.cause is cause]
        if some:
            yield from ("", click.style(f"{heading}:", fg=colour))
        for each in some:
            yield from _difference(each, found.written.get(place_of(each.change.resource)))
    if not found.differences:
        yield "Nothing differs: Keystone holds what the policy says."
    yield from _foreign(found.foreign)


def _seen(found: Drift) -> str:
    if found.seen is None:
        return "Nothing was applied so far that p3idp has a record of."
    number, at = found.seen
    when = f"{at:%Y-%m-%d %H:%M:%S}Z"
    changed = any(each.cause in (Cause.KEYSTONE, Cause.BOTH) for each in found.differences)
    direct = "Direct changes came after it; by whom, Keystone keeps no record of." if changed else ""
    return f"Last apply: {number}, at {when}. {direct}".rstrip()


def _difference(each: Difference, written: Written | None) -> Iterator[str]:
    resource = each.change.resource
    yield fit(f"  {resource.kind.replace('_', ' ')} {resource.name}: {_what(each)}")
    if each.trap == SCHEMA_VERSION_RESET:
        told = (
            f"{each.trap}: `openstack mapping set --rules` and Horizon's form leave the version out, and Keystone "
            "then falls back to its default."
        )
        yield from wrapped(told, None, indent=6)
    for rule, cause in each.rules:
        sign, colour = _SIGNS[rule.what]
        where = "" if cause is each.cause else f" [{_HEADINGS[cause][0].lower()}]"
        for mark, side in ((sign if rule.policy is None else "-", rule.keystone), (sign, rule.policy)):
            if side is not None:
                side_told = "Keystone" if side is rule.keystone else "policy"
                yield from wrapped(f"{mark} {side_told}: {rule_texts([side])[0]}{where}", colour, indent=6)
    if written:
        yield fit(f"      p3idp last wrote it at {written.at:%Y-%m-%d %H:%M:%S}Z ({written.record}, {written.account})")


def _what(each: Difference) -> str:
    if not each.attribute:
        return "in Keystone, not in the policy" if each.keystone else "in the policy, not in Keystone"
    if each.attribute == "rules":
        number = len(each.rules)
        return f"{number} rule{'s' * (number > 1)} differ{'s' * (number == 1)}" if number else "rules in another order"
    return f"{each.attribute} is {shown(each.keystone)} in Keystone, {shown(each.policy)} in the policy"


def _foreign(resources: tuple[Resource, ...]) -> Iterator[str]:
    if resources:
        yield from ("", "Not p3idp's, and left alone:")
    kinds = sorted({resource.kind for resource in resources})
    for kind in kinds:
        some = [resource for resource in resources if resource.kind is kind]
        for resource in some[:MANY]:
            owner = f" (of {resource.owner})" if resource.owner and kind != "protocol" else ""
            yield fit(f"  {kind.replace('_', ' ')} {resource.name}{owner}")
        if len(some) > MANY:
            yield f"  and {len(some) - MANY} more {kind.replace('_', ' ')}s"


def _as_json(found: Drift) -> dict[str, Any]:
    seen = found.seen
    return {
        "policy": found.policy,
        "target": found.target,
        "last_apply": {"number": seen[0], "at": seen[1].isoformat()} if seen else None,
        "rollback": {"number": found.rollback[0], "to": found.rollback[1].as_json()} if found.rollback else None,
        "differences": [_difference_json(each, found) for each in found.differences],
        "foreign": [{"kind": r.kind, "key": list(r.key), "name": r.name, "owner": r.owner} for r in found.foreign],
        "missing": list(found.missing),
        "findings": [finding.as_json() for finding in found.findings],
    }


def _difference_json(each: Difference, found: Drift) -> dict[str, Any]:
    resource, written = each.change.resource, found.written.get(place_of(each.change.resource))
    rules = [
        {"what": rule.what, "cause": cause, "keystone": rule.keystone, "policy": rule.policy}
        for rule, cause in each.rules
    ]
    direct = each.cause in (Cause.KEYSTONE, Cause.BOTH) and found.seen is not None
    return {
        "kind": resource.kind,
        "key": list(resource.key),
        "name": resource.name,
        "attribute": each.attribute or None,
        "policy": each.policy,
        "keystone": each.keystone,
        "cause": each.cause,
        "changed_after": found.seen[1].isoformat() if direct and found.seen else None,
        "changed_by": None,  # Keystone keeps no record of it
        "last_written": {"record": written.record, "at": written.at.isoformat(), "account": written.account}
        if written
        else None,
        "rules": rules,
        "trap": each.trap or None,
    }
