"""Errors of trust in tokens and of the browser sign-in."""

from p3idp.errors.base import ExitStatus, P3idpError


class TokenRefused(P3idpError):
    """A token did not pass verification. ``reason`` is a stable word for logs and tests, never shown with the token."""

    code = "token-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 401
    hint = "Get a fresh token from the identity provider and try again."

    def __init__(self, reason: str, detail: str, *, hint: str = "", debug: str = "") -> None:
        super().__init__(detail, hint=hint, debug=debug)
        self.reason = reason


class SignInRefused(P3idpError):
    """A callback from the identity provider did not belong to a sign-in that this browser began."""

    code = "sign-in-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 400
    hint = "Start again from the sign-in page."

    def __init__(self, reason: str, detail: str, *, hint: str = "", debug: str = "") -> None:
        super().__init__(detail, hint=hint, debug=debug)
        self.reason = reason


class ProviderUnreachable(P3idpError):
    """The identity provider does not answer in time, or answers nonsense."""

    code = "provider-unreachable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Try again in a minute; `p3idp doctor` checks the chain from the provider to Keystone."


class ProviderUntrusted(P3idpError):
    """The identity provider's published configuration contradicts the policy (issuer, scheme, host)."""

    code = "provider-untrusted"
    exit_status = ExitStatus.REFUSED
    http_status = 503
    hint = "Compare the issuer in the policy with the provider's discovery document."


class ProviderRefusedClient(P3idpError):
    """The identity provider does not accept p3idp's own client id and secret."""

    code = "provider-refused-client"
    exit_status = ExitStatus.REFUSED
    http_status = 503
    hint = "Check client_id and client_secret of this provider in the settings ([providers.<id>])."


class ConsentEnded(P3idpError):
    """The identity provider does not honour a person's refresh token any more: withdrawn, expired, or used twice."""

    code = "consent-ended"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    http_status = 401
    hint = "The person signs in again and consents again."
