"""Errors of signing in on another device at the broker, in the words of RFC 8628 section 3.5, and of its page."""

from p3idp.errors.base import ExitStatus, P3idpError
from p3idp.errors.exchange import ExchangeError

_AGAIN = "Sign in again: p3idp login"


class DevicePending(ExchangeError):
    """Nobody has agreed yet."""

    code = "device-pending"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    oauth_error = "authorization_pending"
    hint = "Go to the address that was shown, and ask again after the interval."


class DeviceSlowDown(ExchangeError):
    """The device asks too often; from now on it waits five seconds longer each time."""

    code = "device-slow-down"
    oauth_error = "slow_down"
    hint = "Wait five seconds more between two questions."


class DeviceCodeOver(ExchangeError):
    """The device code is not known, was used, or belongs to another client."""

    code = "device-code-over"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    oauth_error = "invalid_grant"
    hint = _AGAIN


class DeviceExpired(ExchangeError):
    """The time of the code is over."""

    code = "device-expired"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    oauth_error = "expired_token"
    hint = _AGAIN


class DeviceDenied(ExchangeError):
    """The person said no."""

    code = "device-denied"
    oauth_error = "access_denied"
    hint = "If it was you who asked, sign in again: p3idp login"


class DeviceRefused(ExchangeError):
    """The person agreed, and may not come in."""

    code = "device-refused"
    oauth_error = "access_denied"
    hint = "The broker's page shows what the policy gives you, and whom to ask."


class DeviceInterrupted(ExchangeError):
    """The identity provider answered, and the answer was lost here before it could be handed on."""

    code = "device-interrupted"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    oauth_error = "invalid_grant"
    hint = "Sign in again: p3idp login. The identity provider's page of your sessions may list the one that was lost."


class RefreshTokenOver(ExchangeError):
    """The identity provider does not honour the refresh token any more."""

    code = "refresh-token-over"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    oauth_error = "invalid_grant"
    hint = _AGAIN


class PublicClientUnknown(ExchangeError):
    """The client is not the one that the site signs people in with on the command line."""

    code = "public-client-unknown"
    http_status = 401
    oauth_error = "invalid_client"
    hint = "An administrator names it in the settings ([providers.<id>] command_line_client)."


class UserCodeRefused(P3idpError):
    """There is no open sign-in with this code."""

    code = "user-code-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 404
    hint = (
        "Compare it with what the other device shows: eight letters, no digits. After ten minutes it needs a new one."
    )
