"""What somebody asks of a new application credential, read from the words of a call. Owns its bounds."""

from datetime import UTC, date, datetime, time, timedelta

from p3idp.cli.terminal import harmless
from p3idp.client.credential_values import RUN_PREFIX, AccessRule, Wish
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.errors.command import UsageMistaken

DAYS, MOST_DAYS = 30, 366
_TOO_LONG = (
    f"An application credential of p3idp ends after {MOST_DAYS} days at the latest: one that everybody has forgotten "
    "must not work for ever."
)
_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def wished(
    name: str, days: int | None, until: str | None, roles: tuple[str, ...], rules: tuple[str, ...], description: str,
    now: datetime,
) -> Wish:  # fmt: skip
    """The words as one value. Raises UsageMistaken."""
    return Wish(_name(name), _end(days, until, now), tuple(dict.fromkeys(roles)), _rules(rules), description)


def _name(name: str) -> str:
    taken = next((prefix for prefix in (CREDENTIAL_PREFIX, RUN_PREFIX) if name.startswith(prefix)), None)
    if taken:
        raise UsageMistaken(f"Names that begin with {taken} are p3idp's own.", hint="Choose another name.")
    if not name.strip() or len(name) > 255:
        raise UsageMistaken("A name has 1 to 255 characters.", hint="Choose another name.")
    return name


def _end(days: int | None, until: str | None, moment: datetime) -> datetime:
    """When it is to end. Raises UsageMistaken."""
    if days is not None and until is not None:
        raise UsageMistaken("--days and --until exclude each other.")
    try:
        ends = _moment(until) if until is not None else moment + timedelta(days=DAYS if days is None else days)
    except (ValueError, OverflowError) as exc:
        raise UsageMistaken("That is no date.", hint="Write --until 2026-12-31, or --until 2026-12-31T18:00.") from exc
    if ends <= moment:
        raise UsageMistaken("It would be over before it began.", hint="Give --days or --until in the future.")
    if ends > moment + timedelta(days=MOST_DAYS):
        raise UsageMistaken(_TOO_LONG, hint="Give a nearer end, and make another one in time.")
    return ends.replace(microsecond=0)


def _moment(text: str) -> datetime:
    """A day counts to its end; a time without a zone is UTC."""
    if len(text) == len("2026-12-31"):
        return datetime.combine(date.fromisoformat(text), time(23, 59, 59), UTC)
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def _rules(texts: tuple[str, ...]) -> tuple[AccessRule, ...]:
    parts = [text.split(":", 2) for text in texts]
    wrong = [
        text for text, part in zip(texts, parts, strict=True)
        if len(part) != 3 or part[0].upper() not in _METHODS or not part[1] or not part[2].startswith("/")
    ]  # fmt: skip
    if wrong:
        raise UsageMistaken(
            f"{harmless(wrong[0])} is no access rule.",
            hint=f"Write METHOD:SERVICE:PATH, such as GET:compute:/v2.1/servers; methods are {', '.join(_METHODS)}.",
        )
    return tuple(AccessRule(part[0].upper(), part[1], part[2]) for part in parts)
