"""Where a browser may be sent after signing in: a page of our own, or the front page.

Owns the rule against open redirects (RFC 9700 section 4.11): two readings of the text must agree that it is a plain
path. One is RFC 3986 by ``urlsplit``; the other is what browsers make of it (WHATWG URL: backslash is a slash, tabs
and line ends vanish, percent escapes are undone, full-width characters become ASCII).
"""

import re
import unicodedata
from urllib.parse import unquote, urlsplit

FRONT_PAGE = "/"
MAX_LENGTH = 128
_PLAIN = re.compile(
    r"(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?(?:\?[A-Za-z0-9_-]+=[A-Za-z0-9_.-]*(?:&[A-Za-z0-9_-]+=[A-Za-z0-9_.-]*)*)?"
)


def safe_return_to(text: str) -> str:
    """Return the text where it is a plain relative path that both readings agree on; else the front page."""
    if len(text) > MAX_LENGTH or not text.startswith("/"):
        return FRONT_PAGE
    return text if _by_rfc3986(text) and _by_browser(text) else FRONT_PAGE


def _by_rfc3986(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return not parts.scheme and not parts.netloc and not parts.fragment and parts.path.startswith("/")


def _by_browser(text: str) -> bool:
    seen = text
    for _ in range(2):  # once as a browser does, once more as a careless server behind it would
        seen = unicodedata.normalize("NFKC", unquote(seen)).replace("\\", "/")
        seen = re.sub(r"[\x00-\x20\x7f]", "", seen)
    # Whatever a reading changes is not plain; and a plain path has no empty segment, so never begins with two slashes.
    return seen == text and _PLAIN.fullmatch(text) is not None
