"""Plans and outcomes as lines for people: sorted, as wide as the terminal, colour only on a terminal."""

from collections.abc import Iterator

import click

from p3idp.cli.fitting import fit, wrapped
from p3idp.cli.json_text import as_json_text
from p3idp.cli.people_text import people_lines
from p3idp.cli.terminal import harmless
from p3idp.core.access.plan import Change, Finding, Plan
from p3idp.core.access.resources import Kind
from p3idp.core.mappings.patterns import PREAMBLE
from p3idp.ops.access import Applied
from p3idp.ops.access_ledger import Result

_SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "delete": ("-", "red")}
_DONE = {"create": "made", "update": "changed", "delete": "removed"}


def plan_lines(plan: Plan, options: str = "", *, next_step: bool = True) -> Iterator[str]:
    """The plan: changes by kind, people, findings, the digest, and what to type next (with ``options``, as now)."""
    back = "" if plan.rollback_to is None else f", back to what {plan.rollback_to.state}"
    yield f"Policy {plan.policy} for {plan.target}{back}"
    if not plan.changes:
        yield _nothing(plan)
    heading = ""
    for change in plan.changes:
        kind = _kind(change)
        if kind != heading:
            heading = kind
            yield from ("", f"{kind}:")
        yield from change_lines(change)
    if plan.people is not None:
        yield from people_lines(plan.people)
    yield from _findings(plan.findings)
    yield from _unfinished(plan)
    yield ""
    if plan.changes:
        yield f"{_count(plan)}."
    yield f"Digest: {plan.digest}"
    if next_step:
        yield from _next(plan, options)


def _nothing(plan: Plan) -> str:
    whose = "the policy says" if plan.rollback_to is None else plan.rollback_to.state
    return f"Nothing to change: Keystone holds what {whose}."


def _kind(change: Change) -> str:
    plural = change.resource.kind.replace("_", " ") + "s"
    return f"{plural} to remove" if change.action == "delete" else plural


def change_lines(change: Change) -> Iterator[str]:
    """One change, and what of the thing it changes."""
    sign, colour = _SIGNS[change.action]
    whole = change.resource.kind is Kind.MEMBERSHIP  # who somebody is, is never cut
    named = f"  {sign} {change.resource.name}"
    yield click.style(harmless(named) if whole else fit(named), fg=colour)
    if change.adopts and change.before is not None:
        yield fit(f"      owner: {change.before.owner or 'nobody'} -> {change.after.owner if change.after else ''}")
    for name, (old, new) in change.different.items():
        if change.resource.kind is Kind.MAPPING and name == "rules":
            yield from _rule_lines(old, new)
        else:
            yield fit(f"      {name}: {shown(old)} -> {shown(new)}")
    if change.action == "create" and change.resource.kind is Kind.MAPPING:
        rules = change.resource.attributes["rules"]
        yield fit(f"      {len(rules) if isinstance(rules, list) else 0} rules, for the groups above")


def _rule_lines(old: object, new: object) -> Iterator[str]:
    """The rules that go and come, whole: what a login must show, and the group it leads to."""
    before, after = map(rule_texts, (old, new))
    for sign, rules in (("-", [r for r in before if r not in after]), ("+", [r for r in after if r not in before])):
        for rule in rules:
            yield from wrapped(f"{sign} {rule}", "red" if sign == "-" else "green", indent=6)


def rule_texts(rules: object) -> list[str]:
    """Each rule in one line: the group it leads to, and what a login must show."""
    found = []
    for rule in rules if isinstance(rules, list | tuple) else ():
        # Rules of others may lead to anything; ours lead to one group each.
        groups = [(local.get("group") or {}).get("name") for local in rule["local"]]
        by_name = [set(local) for local in rule["local"]] == [{"user"}]
        where = groups[0] if len(groups) == 1 and groups[0] else "no group" if by_name else as_json_text(rule["local"])
        told = [f"{entry['type']} {'/'.join(map(str, _condition(entry)))}".strip() for entry in rule["remote"]]
        found.append(f"{where} <- {' & '.join(told)}")
    return found


def _condition(entry: dict[str, object]) -> list[object]:
    for name in ("any_one_of", "not_any_of", "whitelist", "blacklist"):
        values = entry.get(name)
        if isinstance(values, list):
            told: list[object] = [str(value).removeprefix(PREAMBLE) for value in values]
            return told if name == "any_one_of" else [name, *told]
    return []


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    if not findings:
        return
    yield from ("", "Findings:")
    for finding in findings:
        colour = "red" if finding.blocking else "cyan"
        yield from wrapped(
            f"! {finding.name}: {finding.message}" if finding.blocking else f"· {finding.message}", colour
        )


def _unfinished(plan: Plan) -> Iterator[str]:
    if plan.changes and plan.unfinished is not None:
        told = "The last apply has not ended well; this goes on from where Keystone stands. To go back instead to what "
        yield from ("", *wrapped(f"{told}{plan.unfinished.state}: p3idp rollback {plan.unfinished}", "cyan", indent=0))


def _count(plan: Plan) -> str:
    words = (("create", "to make"), ("update", "to change"), ("delete", "to remove"))
    counted = [(sum(change.action == action for change in plan.changes), text) for action, text in words]
    return ", ".join(f"{number} {text}" for number, text in counted if number)


def _next(plan: Plan, options: str) -> Iterator[str]:
    blocking = plan.unaccepted(())
    if any(not finding.acceptable for finding in blocking):
        yield "This plan cannot be applied; correct what stands above."
    elif plan.does_something:
        accept = "".join(f" --accept {name}" for name in sorted({f.name for f in blocking if not f.second_person}))
        if any(finding.second_person for finding in blocking):
            back = "" if plan.rollback_to is None else f"--rollback {plan.rollback_to} "
            yield "One person cannot decide this. To have a second one approve of it:"
            yield f"  p3idp propose {options}{back}--token-file FILE{accept}"
            return
        command = "apply" if plan.rollback_to is None else f"rollback {plan.rollback_to}"
        yield f"To apply it: p3idp {command} {options}--digest {plan.digest}{accept}"


def progress_line(change: Change, result: Result) -> str:
    """One change as it happens."""
    sign, colour = _SIGNS[change.action]
    return click.style(fit(f"{sign} {change.resource.kind.replace('_', ' ')} {change.resource.name}"), fg=colour)


def applied_lines(done: Applied) -> Iterator[str]:
    """What a run did."""
    for intent in done.settled:
        yield f"An earlier run was interrupted (ledger record {intent}); what it left open is settled."
    if done.number is None:
        yield _nothing(done.plan)
        return
    for action, word in _DONE.items():
        if number := sum(change.action == action for change, _ in done.results):
            yield f"{number} {word}"
    yield f"Applied {done.plan.digest}. It is number {done.number} in the history: p3idp history show {done.number}"


def shown(value: object) -> str:
    """A value of an attribute for people."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
