"""Values as words on a page. Owns the template filters: moments, lists, long names that may break."""

import hashlib
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flask import Flask
from markupsafe import Markup

from p3idp.core.credentials.outlook import Outlook
from p3idp.core.credentials.words import advice
from p3idp.core.policy.nearness import Nearness
from p3idp.core.policy.sentence import NEARNESS, unmet

_MAIL = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]+")
_AFTER_MARK = re.compile(r"(?<=[:/@])(?<!:/)(?<!//)(?=[^/])")  # but never inside "://"


def install(app: Flask) -> None:
    """Give the templates these filters, and the address of the style sheet."""
    app.jinja_env.filters.update(
        advised=advised,
        moment=moment,
        day=day,
        span=span,
        listed=listed,
        breakable=breakable,
        contact=contact,
        nearness=nearness,
        quoted=quoted,
        unmet=unmet,
    )
    app.jinja_env.globals["style"] = f"/static/p3idp.css?v={_digest(Path(app.static_folder or '') / 'p3idp.css')}"


def moment(value: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{value.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def advised(found: Outlook) -> str:
    """What its owner can do about an application credential, beside the moment at which it stops."""
    return advice(found, to_owner=True, dated=False)


def day(value: datetime) -> str:
    """The day of a moment, in UTC."""
    return f"{value.astimezone(UTC):%-d %B %Y}"


def span(value: timedelta) -> str:
    """A length of time in the largest unit that says it in a whole number: 8 hours, 1 day."""
    minutes = int(value.total_seconds()) // 60
    for unit, length in (("day", 24 * 60), ("hour", 60), ("minute", 1)):
        if minutes % length == 0 and minutes >= length:
            return f"{minutes // length:,} {unit}{'s' if minutes != length else ''}"
    return "less than a minute"


def listed(values: Iterable[str], word: str = "and") -> str:
    """A list as people write it: a, b and c."""
    items = list(values)
    return f" {word} ".join(filter(None, [", ".join(items[:-1]), items[-1]])) if items else ""


def breakable(text: object) -> Markup:
    """A long name that may be broken where a reader would: after a colon, a slash or an at sign."""
    return Markup("<wbr>").join(_AFTER_MARK.split(str(text)))  # joining escapes the pieces


def contact(text: str) -> Markup:
    """Whom to ask: a mail address or an https address becomes a link, anything else stays words."""
    if _MAIL.fullmatch(text):
        return Markup('<a href="mailto:{}">{}</a>').format(text, breakable(text))
    if text.startswith("https://"):
        return Markup('<a href="{}">{}</a>').format(text, breakable(text))
    return breakable(text)


def nearness(how: Nearness) -> str:
    """How an entitlement that is nearly right differs, as a sentence to be read after it."""
    return f"It {NEARNESS[how]}."


def quoted(text: str) -> Markup:
    """A sentence of ours; what it quotes between backticks is shown as a value."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # somebody's value has a backtick of its own: it stays a sentence
        return breakable(text)
    shown = [Markup("<code>{}</code>").format(breakable(p)) if n % 2 else breakable(p) for n, p in enumerate(pieces)]
    return Markup("").join(shown)


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()[:12]
