"""Errors of the token exchange, in the words of RFC 6749 section 5.2 and RFC 8693 section 2.2.2."""

from typing import ClassVar

from p3idp.errors.base import ExitStatus, P3idpError


class ExchangeError(P3idpError):
    """A refusal at the token endpoint; ``oauth_error`` is the member ``error`` of the reply."""

    code = "exchange-invalid-request"
    exit_status = ExitStatus.REFUSED
    http_status = 400
    oauth_error: ClassVar[str] = "invalid_request"
    hint = "See docs/how-to/exchange.md for the parameters."


class UnsupportedGrantType(ExchangeError):
    """The grant type is not token exchange."""

    code = "exchange-unsupported-grant-type"
    oauth_error = "unsupported_grant_type"


class InvalidGrant(ExchangeError):
    """The subject token was refused."""

    code = "exchange-invalid-grant"
    oauth_error = "invalid_grant"
    hint = "Get a fresh token from the identity provider, with one of the clients the site allows."


class InvalidScope(ExchangeError):
    """The scope asked for is malformed or wider than the source."""

    code = "exchange-invalid-scope"
    oauth_error = "invalid_scope"


class InvalidTarget(ExchangeError):
    """The project cannot be reached with this token; one text for every reason."""

    code = "exchange-invalid-target"
    oauth_error = "invalid_target"
    hint = "Ask without a project to see which ones this token reaches, or open the broker's page."


class ExchangeOff(ExchangeError):
    """The site has not named the clients whose tokens may be exchanged."""

    code = "exchange-off"
    http_status = 403
    oauth_error = "unauthorized_client"
    hint = "An administrator turns it on by naming issuing_clients or audiences in the policy's site file."


class ExchangeUnavailable(ExchangeError):
    """Something the exchange needs does not answer."""

    code = "exchange-unavailable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    oauth_error = "temporarily_unavailable"
    temporary = True
    hint = "Try again in a moment."


class LifetimeUnkept(ExchangeError):
    """Keystone would issue a token that outlives its source, and no way to shorten it is open."""

    code = "exchange-lifetime"
    http_status = 503
    oauth_error = "temporarily_unavailable"
    hint = "The administrator can set authorization_ttl in the policy, or shorten Keystone's [token] expiration."
