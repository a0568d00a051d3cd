"""Errors of the lab: what it needs from the machine and does not find."""

from p3idp.errors.base import ExitStatus, P3idpError


class PortTaken(P3idpError):
    """Another process listens on a port that a server needs."""

    code = "port-taken"
    exit_status = ExitStatus.ERROR
    hint = "Stop the other process, or choose another port."


class PartMissing(P3idpError):
    """A program that the lab needs is not installed."""

    code = "part-missing"
    exit_status = ExitStatus.ERROR


class ServerFailed(P3idpError):
    """A server of the lab did not start or did not become ready in time."""

    code = "server-failed"
    exit_status = ExitStatus.ERROR
    hint = "Read the end of its log, named above."


class LabNotRunning(P3idpError):
    """A command needs the lab, and the lab is not up."""

    code = "lab-not-running"
    exit_status = ExitStatus.UNREACHABLE
    hint = "Start it with `make run` or `p3idp lab up`."


class LabSignInFailed(P3idpError):
    """The stand-in did not sign the person in, or does not know the client."""

    code = "lab-sign-in-failed"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    hint = "In the lab the password is the login; `p3idp lab demo` lists the people."


class LabDirectoryUnfit(P3idpError):
    """The lab cannot keep its state where it was told to."""

    code = "lab-directory-unfit"
    exit_status = ExitStatus.USAGE
    hint = "Choose another directory with --dir."
