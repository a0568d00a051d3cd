"""Errors of ending people's access in time."""

from p3idp.errors.base import ExitStatus, P3idpError


class RemovalRunning(P3idpError):
    """Another process is disabling or enabling people, or asking about them, for the same Keystone."""

    code = "removal-running"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = "Wait until it has ended. The lock of a process that was killed goes with it."


class RemovalIncomplete(P3idpError):
    """Some people were disabled or enabled and others not; the ledger holds which."""

    code = "removal-incomplete"
    exit_status = ExitStatus.ERROR
    http_status = 502
    hint = "Run `p3idp leavers` to see what is left; revoking again is safe, and the next recheck does it by itself."


class LeaverUnknown(P3idpError):
    """p3idp disabled no such user, or several."""

    code = "leaver-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp leavers disabled` lists them by name; --json has their ids."
