"""Errors of calling a command: how it was asked, and files that it was told to read or write."""

from p3idp.errors.base import ExitStatus, P3idpError


class UsageMistaken(P3idpError):
    """An option or argument is missing, unknown or malformed."""

    code = "usage-mistaken"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "The command's --help lists what it takes."


class FileUnusable(P3idpError):
    """A file or directory cannot be read or written, or the answer cannot be written out."""

    code = "file-unusable"
    exit_status = ExitStatus.ERROR
    hint = "Check the path, its rights, and the space on the disk; then call the command again."
