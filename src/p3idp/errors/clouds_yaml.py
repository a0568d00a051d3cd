"""Errors of writing into clouds.yaml and secure.yaml, which belong to the user and to other programs too."""

from p3idp.errors.base import ExitStatus, P3idpError


class CloudsFileInvalid(P3idpError):
    """The file is not what openstacksdk could read, or an entry cannot be put in without touching the rest."""

    code = "clouds-file-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Correct the file, or name another with --file. Nothing was written."


class CloudsEntryTaken(P3idpError):
    """The file has an entry of this name that says something else."""

    code = "clouds-entry-taken"
    exit_status = ExitStatus.USAGE
    http_status = 409
    hint = "Choose another name with --as, or replace it as shown with --yes."


class CloudsFileNotWritten(P3idpError):
    """The file could not be written; what was in it is still there."""

    code = "clouds-file-not-written"
    hint = "Check the rights and the space on the disk, or name another file with --file. Nothing was lost."


class SecretFileOpen(P3idpError):
    """A file that is to hold a secret can be read by others."""

    code = "secret-file-open"
    http_status = 500
    hint = "Close it, and call the command again: chmod 600 FILE"
