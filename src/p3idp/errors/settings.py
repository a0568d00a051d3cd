"""Errors of the settings file and of the secrets it refers to."""

from p3idp.errors.base import ExitStatus, P3idpError


class SettingsInvalid(P3idpError):
    """The settings file is missing, cannot be read, or says something that makes no sense."""

    code = "settings-invalid"
    exit_status = ExitStatus.USAGE
    hint = "Correct the settings file named above; docs/reference/settings.md lists every key."


class SecretUnavailable(P3idpError):
    """A secret that the settings refer to cannot be read."""

    code = "secret-unavailable"
    exit_status = ExitStatus.ERROR
    hint = "Check that the file exists and is readable by this user, or that the variable is set."


class ExtraMissing(P3idpError):
    """A command of the server was called where only the light client is installed."""

    code = "extra-missing"
    exit_status = ExitStatus.USAGE
    hint = "Install p3idp[server] to use this command."
