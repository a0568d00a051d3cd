"""Errors of the conversation with Keystone."""

from p3idp.errors.base import ExitStatus, P3idpError


class KeystoneUnreachable(P3idpError):
    """Keystone does not answer, or answers with a server error."""

    code = "keystone-unreachable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Check the address in the settings ([keystone] auth_url) and that Keystone runs."


class KeystoneRefusedCredentials(P3idpError):
    """Keystone refused p3idp's own user name, password or application credential."""

    code = "keystone-credentials-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 503
    hint = "Check [keystone] in the settings: user, domain, and the secret it refers to."


class KeystoneForbids(P3idpError):
    """p3idp's own account lacks the rights for a call."""

    code = "keystone-forbids"
    exit_status = ExitStatus.REFUSED
    http_status = 503
    hint = "Reading needs the role reader on the system; writing needs admin. Check the account's assignments."


class KeystoneConflict(P3idpError):
    """Keystone would not store a change, because of what it already holds or because it found it malformed."""

    code = "keystone-conflict"
    exit_status = ExitStatus.ERROR
    http_status = 502
    hint = "Plan again to see what Keystone holds now."


class FederatedLoginRefused(P3idpError):
    """Keystone did not accept a person's token at its federation endpoint."""

    code = "federated-login-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "`p3idp doctor` checks the chain from the provider to Keystone."


class KeystoneUserDisabled(FederatedLoginRefused):
    """Keystone let a person in whose user there is disabled: their token is of no use."""

    code = "keystone-user-disabled"
    hint = (
        "Where p3idp disabled it because a membership had ended, it is enabled within minutes after a sign-in that "
        "shows the membership. Otherwise an administrator did it, and an administrator ends it."
    )
