"""Errors of the history of applies, and of going back in it."""

from p3idp.errors.base import ExitStatus, P3idpError


class ApplyUnknown(P3idpError):
    """The history holds no apply of this number."""

    code = "apply-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp history` lists the applies that are kept."


class HistoryDamaged(P3idpError):
    """What the history holds of an apply is not what the ledger says was kept: it was changed afterwards."""

    code = "history-damaged"
    exit_status = ExitStatus.ERROR
    hint = "Restore the database from a backup, or roll back to another apply; `p3idp audit verify` checks the ledger."


class RollbackImpossible(P3idpError):
    """An apply left no state that can be gone back to here."""

    code = "rollback-impossible"
    exit_status = ExitStatus.REFUSED
    http_status = 409
    hint = (
        "`p3idp history` lists the applies; go back to one that ended with success, or with --before to what one found."
    )


class DirectoryNotEmpty(P3idpError):
    """A directory that a policy was to be written to holds something already."""

    code = "directory-not-empty"
    exit_status = ExitStatus.USAGE
    hint = "Name a directory that is empty, or that does not exist yet."
