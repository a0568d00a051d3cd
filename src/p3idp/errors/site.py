"""Errors of the generated configuration and of the doctor."""

from p3idp.errors.base import ExitStatus, P3idpError


class ConfigurationRefused(P3idpError):
    """The generated configuration was refused by the program it is for."""

    code = "configuration-refused"
    exit_status = ExitStatus.ERROR
    hint = "The program's own message stands above; check the version it was generated for."


class Unreached(P3idpError):
    """Something the doctor asked does not answer, or answers what cannot be read."""

    code = "unreached"
    exit_status = ExitStatus.UNREACHABLE
    temporary = True
    hint = "Check the address, and that the server runs."


class CertificateUntrusted(P3idpError):
    """A server's TLS certificate is not signed by the CA of the settings, or is for another name or time."""

    code = "certificate-untrusted"
    exit_status = ExitStatus.ERROR
    hint = "Check ca_file in the settings, and the names and dates of the server's certificate."
