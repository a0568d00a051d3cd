"""Where a browser may be sent after signing in: a page of our own, or the front page.

Owns the rule against open redirects (RFC 9700 section 4.11): two readings of the text must agree that it is a plain
path. One is RFC 3986 by ``urlsplit``; the other a grammar without anything that browsers read differently (WHATWG URL:
backslash is a slash, tabs and line ends vanish, percent escapes are undone, full-width characters become ASCII).
"""

import re
from urllib.parse import urlsplit

FRONT_PAGE = "/"
MAX_LENGTH = 128
_SEGMENT = r"/[A-Za-z0-9_-][A-Za-z0-9_.-]*"
_PAIR = r"[A-Za-z0-9_-]+=[A-Za-z0-9_.-]*"
_PLAIN = re.compile(rf"(?:{_SEGMENT})*/?(?:\?{_PAIR}(?:&{_PAIR})*)?")


def safe_return_to(text: str) -> str:
    """Return the text where it is a plain relative path by both readings; else the front page."""
    if len(text) > MAX_LENGTH or not text.startswith("/") or _PLAIN.fullmatch(text) is None:
        return FRONT_PAGE
    parts = urlsplit(text)
    return FRONT_PAGE if parts.scheme or parts.netloc or parts.fragment else text
