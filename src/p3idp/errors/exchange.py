"""Errors of the token exchange, in the words of RFC 6749 section 5.2 and RFC 8693 section 2.2.2."""

from typing import ClassVar

from p3idp.errors.base import ExitStatus, P3idpError


class ExchangeError(P3idpError):
    """A refusal at the token endpoint; ``oauth_error`` is the member ``error`` of the reply."""

    code = "exchange-invalid-request"
    exit_status = ExitStatus.REFUSED
    http_status = 400
    oauth_error: ClassVar[str] = "invalid_request"
    hint = "See docs/reference/broker-api.md for the parameters."


class UnsupportedGrantType(ExchangeError):
    """The grant type is not token exchange."""

    code = "exchange-unsupported-grant-type"
    oauth_error = "unsupported_grant_type"


class SubjectTokenRefused(ExchangeError):
    """The subject token is not acceptable. RFC 8693 section 2.2.2 wants ``invalid_request`` for that."""

    code = "exchange-subject-token-refused"
    hint = "Use an access token of the identity provider, made by one of the clients the site allows."


class SubjectTokenOver(ExchangeError):
    """The subject token has ended, was taken back, or ends in a moment."""

    code = "exchange-subject-token-over"
    exit_status = ExitStatus.SIGN_IN_NEEDED
    hint = "Sign in again to get a fresh token from the identity provider."


class OtherClient(ExchangeError):
    """Who asks is not the client that the subject token was issued to."""

    code = "exchange-other-client"
    oauth_error = "invalid_client"
    hint = "Leave client_id out, or give the client of the token (azp): it alone says who asks here."


class NoAccess(ExchangeError):
    """The token is good, and the policy gives its holder nothing."""

    code = "exchange-no-access"
    hint = "The broker's page shows what the identity provider says of you, what would be needed, and whom to ask."


class KeystoneDisagrees(ExchangeError):
    """The policy gives access, and Keystone does not let the person in."""

    code = "exchange-keystone-refused"
    hint = "Ask the site's administrator to run `p3idp plan` and `p3idp doctor`."


class InvalidScope(ExchangeError):
    """The scope asked for is malformed or wider than the source."""

    code = "exchange-invalid-scope"
    oauth_error = "invalid_scope"
    hint = "Ask for exactly one scope, project:<name>@<domain>, with name and domain percent-encoded."


class InvalidTarget(ExchangeError):
    """The project cannot be reached with this token; one text for every reason."""

    code = "exchange-invalid-target"
    oauth_error = "invalid_target"
    hint = "Ask without a project to see which ones this token reaches, or open the broker's page."


class ProjectNotNamed(ExchangeError):
    """No project was asked for; the answer names those that the person has."""

    code = "exchange-no-project"
    oauth_error = "invalid_target"
    hint = "Name one of them with scope or resource."


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


class MethodNotTaken(ExchangeError):
    """The token endpoint was asked with another method than POST."""

    code = "exchange-method"
    http_status = 405


class ExchangeFailed(ExchangeError):
    """Something is broken in p3idp or its settings; the log holds what, under the request id."""

    code = "exchange-failed"
    exit_status = ExitStatus.ERROR
    http_status = 500
    oauth_error = "server_error"
    hint = "Tell the site's administrators the request id; their log has the details."


class LifetimeUnkept(ExchangeError):
    """Keystone would issue a token that outlives its source, and no way to shorten it is open."""

    code = "exchange-lifetime"
    http_status = 503
    oauth_error = "temporarily_unavailable"
    hint = "The administrator can set authorization_ttl in the policy, or shorten Keystone's [token] expiration."
