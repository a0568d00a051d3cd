"""Errors on a researcher's machine: what the broker answered, or why it could not be asked."""

from p3idp.errors.base import ExitStatus, P3idpError


class BrokerUnreachable(P3idpError):
    """The broker does not answer, or something behind it does not."""

    code = "broker-unreachable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Check the address given with --broker, and --ca-file where the site has its own authority."


class BrokerRefused(P3idpError):
    """The broker refused the exchange; the text is the broker's."""

    code = "broker-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "The broker's administrators find more in their log, under the request id."


class SignInNeeded(P3idpError):
    """The identity provider's token is over."""

    code = "sign-in-needed"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    http_status = 401
    hint = "Get a fresh access token from the identity provider, for example with oidc-agent, and try again."


class TokenUnreadable(P3idpError):
    """There is no access token where the command was told to look."""

    code = "token-unreadable"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Give a file that holds the access token alone, or - to read it from standard input."


class BrokerUnsafe(P3idpError):
    """The broker's address would carry the token in clear text."""

    code = "broker-unsafe"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Use the broker's https address. Plain http is for this machine alone."
