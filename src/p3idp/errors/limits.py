"""Errors of somebody who asks for more than their share."""

from typing import ClassVar

from p3idp.errors.base import ExitStatus, P3idpError


class TooMany(P3idpError):
    """One address or one person asked too often; ``retry_after`` says how many seconds to wait (RFC 6585 section 4)."""

    code = "too-many-requests"
    exit_status = ExitStatus.UNREACHABLE
    http_status = 429
    temporary = True
    oauth_error: ClassVar[str] = "temporarily_unavailable"
    hint = "Wait that long, then try again. If it keeps happening, ask the site's administrators."
