"""What a check of the chain finds, as values: one finding a check and subject, and the verdict of them all."""

from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.site.catalogue import CHECKS
from p3idp.errors.base import ExitStatus


class Status(StrEnum):
    """How a check ended. ``warn`` works and could hurt; ``skipped`` could not be looked at, and says why."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found on one subject (a provider, a file, an address).

    ``check`` is the check's name and never changes; ``found`` says what is, ``means`` what that does to people,
    ``remedy`` what to try. ``unreachable`` marks a failure to reach the thing at all.
    """

    check: str
    subject: str
    status: Status
    found: str
    means: str = ""
    remedy: str = ""
    unreachable: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, in the order in which the chain is walked."""

    findings: tuple[Finding, ...]

    def count(self, status: Status) -> int:
        """How many findings ended so."""
        return sum(finding.status is status for finding in self.findings)

    @property
    def exit_status(self) -> ExitStatus:
        """0 where nothing failed, 5 where something could not be reached, else 1."""
        failed = [finding for finding in self.findings if finding.status is Status.FAIL]
        if any(finding.unreachable for finding in failed):
            return ExitStatus.UNREACHABLE
        return ExitStatus.ERROR if failed else ExitStatus.OK


def ok(check: str, subject: str, found: str) -> Finding:
    """All is well here."""
    return Finding(check, subject, Status.OK, found)


def fail(check: str, subject: str, found: str, *, unreachable: bool = False) -> Finding:
    """This is broken; the catalogue says what that means and what to try."""
    words = CHECKS[check]
    return Finding(check, subject, Status.FAIL, found, words.means, words.remedy, unreachable)


def warn(check: str, subject: str, found: str) -> Finding:
    """This works and could hurt."""
    words = CHECKS[check]
    return Finding(check, subject, Status.WARN, found, words.means, words.remedy)


def skipped(check: str, subject: str, why: str) -> Finding:
    """This could not be looked at."""
    return Finding(check, subject, Status.SKIPPED, why)
