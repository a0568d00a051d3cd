"""Errors of leaving p3idp: exports for other tools."""

from p3idp.errors.base import ExitStatus, P3idpError


class ExportImpossible(P3idpError):
    """The tool that the export is for cannot be told something that the policy says."""

    code = "export-impossible"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Export in another format."


class TargetExists(P3idpError):
    """An export was to be written where something is already. Nothing was written."""

    code = "target-exists"
    exit_status = ExitStatus.USAGE
    hint = "Name a directory that does not exist yet."
