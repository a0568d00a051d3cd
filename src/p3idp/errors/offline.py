"""Errors of consents to be asked about while away."""

from p3idp.errors.base import ExitStatus, P3idpError


class ConsentBusy(P3idpError):
    """Another process asks the identity provider about this very person; one refresh token is never used twice."""

    code = "consent-busy"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Try again in a minute: the other process answers for the same person."


class ConsentRefused(P3idpError):
    """A consent was not kept: somebody else gave it, or the provider gave nothing to ask with (``reason``)."""

    code = "consent-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Go back to your access page and start again there, as the same person."

    def __init__(self, reason: str, detail: str, *, hint: str = "", debug: str = "") -> None:
        super().__init__(detail, hint=hint, debug=debug)
        self.reason = reason


class ConsentsUnreadable(P3idpError):
    """Consents to be asked about while away are kept that no key of the settings opens."""

    code = "consents-unreadable"
    exit_status = ExitStatus.ERROR
    hint = "Add the key that they were kept with to the file of [offline] key; else they end with their time."
