"""Errors of making, listing and ending application credentials of one's own."""

from p3idp.errors.base import ExitStatus, P3idpError


class CredentialNameTaken(P3idpError):
    """The person has an application credential of this name already."""

    code = "application-credential-name-taken"
    exit_status = ExitStatus.USAGE
    http_status = 409
    hint = "Choose another name, or end the first: p3idp application-credential revoke NAME"


class RoleNotYours(P3idpError):
    """An application credential can have no role that its owner has not in the project."""

    code = "role-not-yours"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Leave --role out for all of your roles, or name some of them."


class OwnCredentialUnknown(P3idpError):
    """The person has no application credential of this name or id, or several."""

    code = "application-credential-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "`p3idp application-credential list` shows yours."


class CredentialRefused(P3idpError):
    """Keystone did not make, show or end an application credential."""

    code = "application-credential-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Show this message to the site's administrators."
