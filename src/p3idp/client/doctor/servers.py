"""Look at one server from here: does it answer, how fast, with which certificate and by which clock.

Owns the look and its verdicts. Nothing that is secret is sent, so that also a server nobody believes can be looked at.
"""

import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http.client import HTTPException, HTTPSConnection
from urllib.parse import urlsplit

from p3idp.client.doctor.words import bad, odd, unseen, well
from p3idp.client.trust import bundle_of, check_bundle, distrust
from p3idp.core.login.metadata import origin_of
from p3idp.core.site.findings import Finding
from p3idp.errors import P3idpError

Clock = Callable[[], datetime]
_SECONDS = 10.0  # for each of connecting and answering
_SLOW = 3.0
_CLOCK_ODD, _CLOCK_BAD = timedelta(seconds=5), timedelta(seconds=10)  # ID tokens are given ten seconds of leeway
_SOON = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look showed. ``offset``: the server's clock minus ours, None where it does not say."""

    seconds: float
    certificate_ends: datetime | None
    offset: timedelta | None


def examine_server(
    who: str, url: str, verify: str | bool, clock: Clock, other_bundles: Sequence[str] = ()
) -> Iterator[Finding]:
    """Reachability, certificate and clock of one server. ``who`` is what people call it.

    ``other_bundles``: files that other programs here trust; one that would do is named, and never used.
    """
    subject = f"{who} {url}"
    if origin_of(url) is None:
        yield bad(
            "reachable", subject, "This is not a plain https address, so it is not asked.", "Correct the address."
        )
        return
    try:
        seen = _look(url, check_bundle(verify), clock)
    except ssl.SSLCertVerificationError as exc:
        yield well("reachable", subject, "It answers.")
        yield from _unbelieved(subject, url, exc, clock, other_bundles)
        return
    except (OSError, HTTPException, UnicodeError) as exc:  # the last one says that a host's name is no name
        yield bad("reachable", subject, _why(exc), unreachable=True)
        return
    yield _pace(subject, seen.seconds)
    yield _certificate(subject, seen, verify, clock())
    yield _time(subject, seen.offset)


def _look(url: str, context: ssl.SSLContext, clock: Clock) -> Seen:
    parts = urlsplit(url)
    began = time.monotonic()
    connection = HTTPSConnection(str(parts.hostname), parts.port or 443, timeout=_SECONDS, context=context)
    try:
        connection.connect()
        peer = connection.sock.getpeercert() or {}
        before = clock()
        connection.request("GET", parts.path or "/", headers={"Accept": "application/json", "Connection": "close"})
        reply = connection.getresponse()
        middle = before + (clock() - before) / 2
        ends = peer.get("notAfter")
        seconds = time.monotonic() - began
        return Seen(seconds, _moment(str(ends)) if ends else None, _offset(reply.headers.get("Date", ""), middle))
    finally:
        connection.close()


def _unbelieved(
    subject: str, url: str, error: ssl.SSLCertVerificationError, clock: Clock, other_bundles: Sequence[str]
) -> Iterator[Finding]:
    found = distrust(error)
    fitting = next((file for file in other_bundles if _would_do(url, file, clock)), None)
    hint = f"If you trust it, {fitting} knows its authority: --ca-file {fitting}" if fitting else found.hint
    yield bad("certificate", subject, f"Its certificate {found.why}.", hint)
    if not found.by_time:
        return
    # Only to ask what time it is there: this word is a clue and nothing is built on it.
    anybody = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anybody.check_hostname, anybody.verify_mode = False, ssl.CERT_NONE
    try:
        yield _time(subject, _look(url, anybody, clock).offset)
    except (OSError, HTTPException):
        yield unseen("clock", subject, "It does not say its time.")


def _would_do(url: str, bundle: str, clock: Clock) -> bool:
    try:
        _look(url, check_bundle(bundle), clock)
    except (OSError, HTTPException, P3idpError):
        return False
    return True


def _why(exc: Exception) -> str:
    if isinstance(exc, TimeoutError):
        return f"It does not answer within {_SECONDS:.0f} s."
    if isinstance(exc, HTTPException | ssl.SSLError):
        return "Something answers there that speaks no HTTPS."
    return f"It cannot be reached: {getattr(exc, 'strerror', None) or type(exc).__name__}."


def _pace(subject: str, seconds: float) -> Finding:
    if seconds > _SLOW:
        return odd("reachable", subject, f"It answers after {seconds:.1f} s.")
    return well("reachable", subject, f"It answers in {seconds * 1000:.0f} ms.")


def _certificate(subject: str, seen: Seen, verify: str | bool, now: datetime) -> Finding:
    ends = seen.certificate_ends
    if ends is not None and ends - now < _SOON:
        return odd(
            "certificate", subject, f"It ends at {ends:%Y-%m-%d %H:%M} UTC.", "Tell the site, before it is over."
        )
    return well("certificate", subject, f"It is believed by {bundle_of(verify)}.")


def _time(subject: str, offset: timedelta | None) -> Finding:
    if offset is None:
        return unseen("clock", subject, "It does not say its time.")
    if abs(offset) <= _CLOCK_ODD:
        return well("clock", subject, f"This clock and its agree within {_CLOCK_ODD.total_seconds():.0f} s.")
    direction = "behind" if offset > timedelta(0) else "ahead of"
    judge = bad if abs(offset) > _CLOCK_BAD else odd
    return judge("clock", subject, f"This machine's clock is {shown(abs(offset))} {direction} its.")


def shown(span: timedelta) -> str:
    """A span in the unit that suits it."""
    seconds = span.total_seconds()
    for unit, size in (("days", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"


def _moment(text: str) -> datetime:
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(text), UTC)


def _offset(date: str, middle: datetime) -> timedelta | None:
    """From a Date header, which counts whole seconds (RFC 9110 section 6.6.1)."""
    try:
        said = parsedate_to_datetime(date)
    except (ValueError, OverflowError):
        return None
    return (said if said.tzinfo else said.replace(tzinfo=UTC)) + timedelta(seconds=0.5) - middle
