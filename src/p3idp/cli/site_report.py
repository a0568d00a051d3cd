"""Show what the doctor found: to people as lines, worst explained; to machines as JSON. Owns the two forms."""

from collections.abc import Mapping
from dataclasses import asdict

import click

from p3idp.cli.fitting import width as columns
from p3idp.cli.json_text import as_json_text
from p3idp.cli.terminal import harmless_lines
from p3idp.core.site.catalogue import CHECKS, Check
from p3idp.core.site.findings import Finding, Report, Status

_COLOURS = {Status.OK: "green", Status.WARN: "yellow", Status.FAIL: "red", Status.SKIPPED: "cyan"}
_WIDE = 80  # characters; where there are fewer, room for words counts more than order


def as_table(report: Report) -> str:
    """One line a check; under what is not well, what it means and what to try. A summary ends it."""
    width = max((len(finding.check) for finding in report.findings), default=0)
    lines = [line for finding in report.findings for line in _lines(finding, width)]
    counts = ", ".join(f"{report.count(status)} {status}" for status in Status)
    return "\n".join([*lines, "", f"{len(report.findings)} checks: {counts}."])


def _lines(finding: Finding, width: int) -> list[str]:
    status = click.style(f"{finding.status:<8}", fg=_COLOURS[finding.status], bold=finding.status is Status.FAIL)
    lines = [f"{status}{finding.check:<{width}}  {harmless_lines(f'{finding.subject}: {finding.found}')}"]
    indent = " " * (8 + width + 2 if columns() >= _WIDE else 4)
    if finding.means:
        lines.append(f"{indent}What it means: {finding.means}")
    if finding.remedy:
        lines.append(f"{indent}What to try: {finding.remedy}")
    return lines


def to_json(report: Report, checks: Mapping[str, Check] = CHECKS) -> str:
    """All findings, with the question each check answers."""
    body = {
        "exit_status": int(report.exit_status),
        "summary": {str(status): report.count(status) for status in Status},
        "findings": [{**asdict(finding), "asks": checks[finding.check].asks} for finding in report.findings],
    }
    return as_json_text(body, indent=2)
