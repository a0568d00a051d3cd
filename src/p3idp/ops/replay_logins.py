"""Remembered logins, one JSON object a line. Owns the form of a line, its bounds, and what is said of a bad one.

A line is `{"claims": {…}, "identity_provider": "egi", "at": "2026-11-01T10:00:00Z", "id": "…"}`, of which only the
claims are needed, or the claims alone. Bare claims never hold a claim called `claims`.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from json import JSONDecodeError
from typing import NamedTuple, Protocol

from p3idp.core.login.limits import LIMITS
from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.core.policy.claims import LARGEST

_MEMBERS = frozenset({"claims", "identity_provider", "at", "id"})
_CHUNK = 1024 * 1024
_SHOWN = 60


class Lines(Protocol):
    """A file that is read in bytes."""

    def readline(self, limit: int, /) -> bytes:
        """The next line with its end, or so much of it; empty at the end of the file."""
        ...


class Login(NamedTuple):
    """A remembered login; ``provider`` and ``at`` are None where the line does not say."""

    line: int
    claims: Mapping[str, object]
    provider: str | None
    at: datetime | None


class BadLine(NamedTuple):
    """A line that is no login, and why."""

    line: int
    message: str


class _NoLogin(Exception):
    pass


def read_logins(file: Lines) -> Iterator[Login | BadLine]:
    """All lines but empty ones. However long a line is, no more than 4 MB of it are held."""
    number = 0
    while raw := file.readline(LARGEST):
        number += 1
        if len(raw) == LARGEST and raw[-1:] != b"\n" and _skip(file):
            yield BadLine(number, f"the line is longer than {LARGEST // 1024 // 1024} MB")
        elif raw and not raw.isspace():
            try:
                yield _login(number, raw)
            except _NoLogin as exc:
                yield BadLine(number, str(exc))


def _skip(file: Lines) -> bool:
    """Go on to the end of the line; whether there was more of it."""
    more = file.readline(_CHUNK)
    found = more not in (b"", b"\n", b"\r\n")
    while more and more[-1:] != b"\n":
        more = file.readline(_CHUNK)
    return found


def _login(number: int, raw: bytes) -> Login:
    try:
        read = parse_object(raw, LIMITS.depth + 1)
    except NotStrictJson as exc:
        raise _NoLogin(_told(exc)) from exc
    if "claims" not in read:
        return Login(number, read, None, None)
    if not read.keys() <= _MEMBERS:
        unknown = sorted(read.keys() - _MEMBERS)[0]
        raise _NoLogin(f"{unknown[:_SHOWN]!r} is not known here; a login has {', '.join(sorted(_MEMBERS))}")
    claims, provider = read["claims"], read.get("identity_provider")
    if not isinstance(claims, dict):
        raise _NoLogin("`claims` is no object")
    if provider is not None and not isinstance(provider, str):
        raise _NoLogin("`identity_provider` is not text")
    return Login(number, claims, provider, _moment(read.get("at")))


def _moment(text: object) -> datetime | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text)  # type: ignore[arg-type]  # what is no text raises TypeError
    except (TypeError, ValueError):
        found = None
    if found is None or found.tzinfo is None:
        raise _NoLogin("`at` is no moment with its offset, such as 2026-11-01T10:00:00Z")
    return found


def _told(error: NotStrictJson) -> str:
    cause = error.__cause__
    if isinstance(cause, JSONDecodeError):
        return f"no JSON at column {cause.colno} ({cause.msg})"
    if isinstance(cause, UnicodeDecodeError):
        return f"no UTF-8 at byte {cause.start + 1}"
    return str(error)
