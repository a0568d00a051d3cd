"""Errors of signing in on a researcher's machine, and of what is kept there afterwards."""

from p3idp.errors.base import ExitStatus, P3idpError


class CloudUnknown(P3idpError):
    """It is not known where to sign in: no cloud of this name, or not enough about it."""

    code = "cloud-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Name the broker with `p3idp login --broker URL`, or the provider with --issuer and --client-id."


class CloudNameTaken(P3idpError):
    """The name already stands for another cloud."""

    code = "cloud-name-taken"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Choose another name with --cloud, or sign out of the first: p3idp logout --cloud NAME"


class ClientConfigInvalid(P3idpError):
    """The client's configuration file, or an option that stands for it, cannot be used."""

    code = "client-config-invalid"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "See docs/how-to/sign-in-from-the-command-line.md for the keys."


class SignInDenied(P3idpError):
    """The person, or the provider, said no to the sign-in."""

    code = "sign-in-denied"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Once the reason is gone, `p3idp login` begins anew."


class SignInTimedOut(P3idpError):
    """Nobody finished the sign-in while it was open."""

    code = "sign-in-timed-out"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    http_status = 401
    hint = "Run `p3idp login` again. Without a browser here, add --flow device."


class SignInFailed(P3idpError):
    """The provider did not take the sign-in, or gave something that cannot be believed."""

    code = "sign-in-failed"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Try again; if it stays, show this message to the site's administrators."


class ClockWrong(SignInFailed):
    """What the provider says of the time of a sign-in does not fit this machine's clock."""

    code = "clock-wrong"
    hint = "Set this machine's clock (`p3idp doctor` says how far off it is), and call the command again."


class ProjectNotChosen(P3idpError):
    """The command needs a project, and none is in use."""

    code = "project-not-chosen"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "`p3idp projects` lists yours; `p3idp use PROJECT` keeps the choice."


class CacheUnfit(P3idpError):
    """What is kept here could be read or changed by others, so it is not used."""

    code = "cache-unfit"
    http_status = 500
    hint = "Correct the rights as the message says; nothing was read or written."


class CacheNotWritten(P3idpError):
    """The disk took nothing more; what was kept before is still there."""

    code = "cache-not-written"
    http_status = 500
    hint = "Make room, or name another directory in P3IDP_CACHE_DIR. Nothing was lost."


class KeystoneRefusedPerson(P3idpError):
    """Keystone did not let the person in, or not into this project."""

    code = "keystone-refused-person"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "`p3idp projects` lists your projects; the site's page says why one is missing."
