"""Errors of consents to be asked about while away."""

from p3idp.errors.base import ExitStatus, P3idpError


class ConsentBusy(P3idpError):
    """Another process asks the identity provider about this very person; one refresh token is never used twice."""

    code = "consent-busy"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Try again in a minute: the other process answers for the same person."
