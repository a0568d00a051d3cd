"""Errors of looking after application credentials."""

from p3idp.errors.base import ExitStatus, P3idpError


class OwnerUnknown(P3idpError):
    """Keystone has no user of the policy's identity providers that is called so."""

    code = "owner-unknown"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "Give the subject as the identity provider says it, Keystone's user name, or the user's id."
