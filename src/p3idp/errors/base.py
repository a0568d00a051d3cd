"""What every error of p3idp is: a stable code, an exit status class, an HTTP status, and help.

Owns the base class and the table of exit statuses; the errors themselves stand by subject beside it.
"""

from enum import IntEnum
from typing import ClassVar


class ExitStatus(IntEnum):
    """Exit statuses of all commands (architecture note, "Exit statuses")."""

    OK = 0
    ERROR = 1
    USAGE = 2
    SIGN_IN_NEEDED = 3
    REFUSED = 4
    UNREACHABLE = 5
    CHANGES_PENDING = 6


class P3idpError(Exception):
    """An error that helps: what happened, what it means, what to try.

    ``detail`` may reach a browser or a terminal; ``debug`` reaches only the log, under the request id;
    neither ever holds a secret. ``temporary`` says that trying again may help, after ``retry_after`` seconds.
    Every concrete subclass has a ``code`` of its own, which never changes once released.
    """

    code: ClassVar[str]
    exit_status: ClassVar[ExitStatus] = ExitStatus.ERROR
    http_status: ClassVar[int] = 500
    hint: str = ""
    temporary: bool = False

    def __init__(self, detail: str, *, hint: str = "", debug: str = "", retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.debug = debug
        self.retry_after = retry_after
        if hint:
            self.hint = hint
