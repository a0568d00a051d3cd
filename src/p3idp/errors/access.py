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
    hint = "`p3idp plan` shows what is left to do."


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


class RecordUnknown(P3idpError):
    """The ledger has no record of this id."""

    code = "record-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp audit list` shows the ids of the newest records."


class ApplyRunning(P3idpError):
    """Another apply or rollback is at work on the same Keystone; nothing was done."""

    code = "apply-running"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Wait until it has ended, then run `p3idp plan` again. The lock of a process that was killed goes with it."


class LockLost(P3idpError):
    """The lock between two runs was lost in the middle of one, and another one began."""

    code = "lock-lost"
    exit_status = ExitStatus.ERROR
    http_status = 409
    hint = "See what the other run did (`p3idp history`), and plan again. Keep [coordination] reachable meanwhile."


class CoordinationUnavailable(P3idpError):
    """The lock between two applies cannot be had, so nothing was done."""

    code = "coordination-unavailable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Check [coordination] url in the settings; without it, the directory of the database must be writable."
