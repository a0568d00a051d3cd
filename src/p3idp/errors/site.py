"""Errors of the generated configuration and of the doctor."""

from p3idp.errors.base import ExitStatus, P3idpError


class ConfigurationRefused(P3idpError):
    """The generated configuration was refused by the program it is for."""

    code = "configuration-refused"
    exit_status = ExitStatus.ERROR
    hint = "The program's own message stands above; check the version it was generated for."


class ChainBroken(P3idpError):
    """The doctor found something wrong between the identity provider and Keystone."""

    code = "chain-broken"
    exit_status = ExitStatus.ERROR
    hint = "Each failed check above says what to do."
