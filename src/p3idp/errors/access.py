"""Errors of planning and applying changes in Keystone."""

from p3idp.errors.base import ExitStatus, P3idpError


class PlanStale(P3idpError):
    """The world or the policy changed since the digest was reviewed."""

    code = "plan-stale"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Run `p3idp plan` again, review it, and apply the new digest."


class FindingsUnaccepted(P3idpError):
    """The plan holds dangers that nobody accepted by name."""

    code = "findings-unaccepted"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Change the policy, or accept each finding by its name with --accept NAME."


class ApplyIncomplete(P3idpError):
    """Some changes of a plan were made and others not; the ledger holds which."""

    code = "apply-incomplete"
    exit_status = ExitStatus.ERROR
    http_status = 502
    hint = "Run `p3idp plan` to see what is left; applying again is safe."


class LedgerUnavailable(P3idpError):
    """The ledger could not be written, so nothing was done."""

    code = "ledger-unavailable"
    exit_status = ExitStatus.ERROR
    http_status = 503
    hint = "Check the database named in the settings ([store] url): disk space, rights, migrations."


class LedgerDamaged(P3idpError):
    """The ledger's hash chain does not hold."""

    code = "ledger-damaged"
    exit_status = ExitStatus.ERROR
    hint = "Compare with a backup; the first bad record is named above."


class HeadMalformed(P3idpError):
    """What was given as the head of a ledger's chain is not one."""

    code = "head-malformed"
    exit_status = ExitStatus.USAGE
    hint = "Give it as `p3idp audit verify` prints it: WRITER:COUNT:DIGEST."
