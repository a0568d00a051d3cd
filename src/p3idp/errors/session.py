"""Errors of sessions in the browser."""

from p3idp.errors.base import ExitStatus, P3idpError


class SessionsUnavailable(P3idpError):
    """The database of sessions does not answer; nobody is let in on a guess."""

    code = "sessions-unavailable"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 503
    temporary = True
    hint = "Try again in a minute. Administrators: check the database named in the settings ([store] url)."


class SignInDeclined(P3idpError):
    """The identity provider, or the person, ended the sign-in without success."""

    code = "sign-in-declined"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Start again from the sign-in page when you are ready."


class ProviderSuspended(P3idpError):
    """The site's policy suspends the identity provider: nobody comes in through it for now."""

    code = "provider-suspended"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Ask the site's administrators, whose address is on the front page."


class FormRefused(P3idpError):
    """A form came without the session's own token, or from another site (CSRF)."""

    code = "form-refused"
    exit_status = ExitStatus.REFUSED
    http_status = 403
    hint = "Open the page again and use its own button."


class PageNotFound(P3idpError):
    """There is no such page."""

    code = "page-not-found"
    exit_status = ExitStatus.USAGE
    http_status = 404
    hint = "Start again from the front page."


class RequestRefused(P3idpError):
    """The request has a form that no page of p3idp takes: wrong method, too large, malformed."""

    code = "request-refused"
    exit_status = ExitStatus.USAGE
    http_status = 400
    hint = "Start again from the front page."


class UnexpectedError(P3idpError):
    """Something went wrong inside p3idp itself."""

    code = "unexpected"
    exit_status = ExitStatus.ERROR
    http_status = 500
    hint = "Tell the site's administrators the request id; their log has the details under it."
