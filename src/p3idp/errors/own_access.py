"""Errors of asking for one's own access, in the words of RFC 6750 section 3.1; what is wrong with a token is in
exchange.py.
"""

from p3idp.errors.base import ExitStatus
from p3idp.errors.exchange import ExchangeError


class AccessRequestInvalid(ExchangeError):
    """The request for one's access is malformed."""

    code = "access-invalid-request"
    hint = "Send a plain GET with the access token in the header Authorization: see docs/reference/broker-api.md."


class AccessTokenMissing(ExchangeError):
    """No access token came with the request."""

    code = "access-token-missing"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    http_status = 401
    oauth_error = "invalid_token"
    hint = "Send an access token of the identity provider: Authorization: Bearer TOKEN"


class AccessMethodNotTaken(ExchangeError):
    """One's access was asked for with another method than GET."""

    code = "access-method"
    http_status = 405
    hint = "Ask with GET."
