"""What lint finds, as values: a defect with its name, place, a login that shows it, and what to write instead.

Owns the shapes. The names and their words are catalogue.py's; what a login shows is shows.py's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.mappings.lint.catalogue import CATALOGUE, Severity, Words
from p3idp.core.mappings.lint.shows import Shows

Login = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Finding:
    """One defect at one place.

    ``code`` is a name of the catalogue; ``found`` says what stands there, ``fix`` what to write instead, and
    ``instead`` that text alone where it is one value. ``login`` is an example login that shows the harm and
    ``shows`` what comes of it: environment keys and the answer of Keystone's engine to ``rules`` (numbers from 0, in
    order; empty: all of them), or claims and the policy's answer ``at`` a moment. None where there is no login to
    show it: what Keystone does not save, and what only a look into Keystone tells.
    """

    code: str
    file: str
    line: int
    found: str
    fix: str
    login: Login | None = None
    shows: Shows | None = None
    rules: tuple[int, ...] = ()
    instead: str = ""
    at: datetime | None = None

    @property
    def words(self) -> Words:
        """What the catalogue says of this defect."""
        return CATALOGUE[self.code]

    @property
    def severity(self) -> Severity:
        """How bad it is."""
        return self.words.severity


@dataclass(frozen=True, slots=True)
class LintReport:
    """All findings, by file and line. ``looked_at``: what was read."""

    findings: tuple[Finding, ...]
    looked_at: tuple[str, ...] = ()

    def count(self, severity: Severity) -> int:
        """How many findings are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)


def report(findings: "list[Finding]", looked_at: tuple[str, ...]) -> LintReport:
    """Findings in the order in which a person reads files, each once."""
    ordered = sorted(findings, key=lambda each: (each.file, each.line, each.severity.rank, each.code, each.found))
    unique = {(each.code, each.file, each.line, each.found): each for each in reversed(ordered)}
    return LintReport(tuple(reversed(unique.values())), looked_at)
