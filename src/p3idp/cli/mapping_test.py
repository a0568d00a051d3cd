"""`p3idp mapping test`: the examples of a policy, on both engines. Owns what is printed of them."""

import warnings
from collections.abc import Iterator, Sequence

import click

from p3idp import wiring
from p3idp.cli.json_text import as_json_text
from p3idp.cli.options import json_option, settings_option
from p3idp.cli.policy_option import policy_in_force, policy_option
from p3idp.cli.terminal import harmless
from p3idp.cli.why_text import rules_json, trace_lines, wrapped
from p3idp.core.policy.examples import Access, told
from p3idp.errors import ExitStatus
from p3idp.ops.examples import ExampleReport, report_examples

NONE = "This policy carries no examples, so nothing says what it is meant to give: add `examples:` to its communities."


@click.command()
@settings_option
@json_option
@policy_option
def test(settings_file: str | None, as_json: bool, policy_dir: str | None) -> int:
    """Run the examples that a policy carries: claims in, access out.

    Each is held against the policy's own decision and against the mapping that Keystone gets.

    Exit status: 0 all hold, 1 one fails, 2 the policy cannot be read.
    """
    warnings.simplefilter("ignore")  # Python's remarks about the style of other people's patterns
    reports = report_examples(policy_in_force(settings_file, policy_dir), wiring.wire_search())
    failed = [report for report in reports if not report.holds]
    if as_json:
        click.echo(as_json_text(_as_json(reports), indent=2))
    else:
        click.echo("\n".join(_lines(reports)))
    return ExitStatus.ERROR if failed else ExitStatus.OK


def _lines(reports: Sequence[ExampleReport]) -> Iterator[str]:
    for report in reports:
        yield from _report(report)
    failed = sum(not report.holds for report in reports)
    if not reports:
        yield from wrapped(NONE, "")
    elif failed:
        yield click.style(f"{failed:,} of {len(reports):,} examples fail.", fg="red", bold=True)
    else:
        yield f"All {len(reports):,} examples hold, by the policy and at Keystone's own door."


def _report(report: ExampleReport) -> Iterator[str]:
    tried = report.tried
    verdict = click.style("ok  ", fg="green") if report.holds else click.style("FAIL", fg="red", bold=True)
    yield f"{verdict} {tried.place} {harmless(tried.example.title)}"
    if report.holds:
        return
    if tried.problem:
        yield from wrapped(tried.problem, "     ")
        return
    yield from wrapped(f"expected: {told(tried.expected)}", "     ")
    yield from wrapped(f"got:      {told(tried.got)}", "     ")
    if report.at_keystone:
        yield from wrapped(f"Keystone: {report.at_keystone}", "     ")
    if report.explanation is not None:
        yield from (f"     {line}" for line in trace_lines(report.explanation, tried.decision.granted))


def _as_json(reports: Sequence[ExampleReport]) -> dict[str, object]:
    return {
        "examples": [_example(report) for report in reports],
        "failed": sum(not report.holds for report in reports),
        "notes": [] if reports else [NONE],
    }


def _example(report: ExampleReport) -> dict[str, object]:
    tried = report.tried
    file, line = tried.example.place
    found = {
        "community": tried.community,
        "file": file,
        "line": line,
        "title": tried.example.title,
        "holds": report.holds,
        "expected": _access(tried.expected),
        "got": _access(tried.got),
        "problem": tried.problem,
        "at_keystone": report.at_keystone,
    }
    if report.holds:
        return found
    refusal, explanation = tried.decision.refusal, report.explanation
    return {
        **found,
        "refusal": refusal.detail if refusal else None,
        "rules": rules_json(tried.decision.trace, explanation.misses if explanation else ()),
    }


def _access(access: Access) -> dict[str, list[str]]:
    return {str(project): list(roles) for project, roles in access}
