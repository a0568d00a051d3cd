"""Show what lint found: to people one block a finding, to machines JSON. Owns the two forms."""

import json
from collections.abc import Iterator
from typing import Any

import click

from p3idp.cli.json_text import as_json_text
from p3idp.cli.terminal import harmless
from p3idp.cli.why_text import wrapped
from p3idp.core.mappings.lint import Finding, LintReport, Login, Severity
from p3idp.errors import ExitStatus

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_LONGEST = 120


def as_text(report: LintReport) -> str:
    """Blocks, then a line with the counts."""
    lines = [line for finding in report.findings for line in (*_block(finding), "")]
    counts = ", ".join(f"{report.count(severity)} {severity}{_s(report.count(severity))}" for severity in Severity)
    return "\n".join([*lines, f"{', '.join(map(harmless, report.looked_at))}: {counts}."])


def _s(count: int) -> str:
    return "" if count == 1 else "s"


def _block(finding: Finding) -> Iterator[str]:
    words = finding.words
    severity = click.style(str(finding.severity), fg=_COLOURS[finding.severity], bold=True)
    yield f"{harmless(finding.file)}:{finding.line}: {severity} {finding.code}"
    yield from wrapped(harmless(finding.found), "  ")
    yield from wrapped(f"What it means: {words.means}", "  ", "    ")
    if finding.login is not None and finding.shows is not None:
        yield f"  Example login: {_login(finding.login)}"
        at = f" on {finding.at:%Y-%m-%d}" if finding.at else ""
        yield f"    {harmless(_cut(finding.shows.told))}{at}"
    yield from wrapped(f"What to write: {harmless(finding.fix)}", "  ", "    ")


def _login(login: Login) -> str:
    """As JSON, with values cut that nobody reads to the end."""
    return harmless(json.dumps({name: _cut(value) for name, value in login.items()}, ensure_ascii=False))


def _cut(value: Any) -> Any:
    if not isinstance(value, str) or len(value) <= _LONGEST:
        return value
    return f"{value[:40]}… ({len(value):,} characters)"


def as_json(report: LintReport, status: ExitStatus) -> str:
    """All of it; ``exit_status`` as the command ends."""
    body = {
        "exit_status": int(status),
        "findings": [_finding(finding) for finding in report.findings],
        "looked_at": list(report.looked_at),
        "summary": {str(severity): report.count(severity) for severity in Severity},
    }
    return as_json_text(body, indent=2)


def _finding(finding: Finding) -> dict[str, Any]:
    shows = finding.shows
    return {
        "at": finding.at.isoformat() if finding.at else None,
        "code": finding.code,
        "file": finding.file,
        "fix": finding.fix,
        "found": finding.found,
        "instead": finding.instead or None,
        "line": finding.line,
        "login": finding.login,
        "means": finding.words.means,
        "rules": list(finding.rules),
        "severity": str(finding.severity),
        "shows": {"what": str(shows.what), "value": shows.value, "told": shows.told} if shows else None,
    }
