"""Who is to be told of which credentials. Owns the choice, the words, and that nobody hears the same too soon again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.audit.event import Json
from p3idp.core.credentials.outlook import Outlook, Owner, State
from p3idp.core.credentials.words import advice, fate, span
from p3idp.core.policy.model import Site
from p3idp.core.policy.quoted import harmless

_STOPPED = (State.LAPSED, State.OWNER_NOT_A_MEMBER)


@dataclass(frozen=True, slots=True)
class Told:
    """What somebody was told of a credential, and when. ``stops_at`` as it was then."""

    state: str
    stops_at: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Notice:
    """One message to one owner. ``about``: what it tells of, the most urgent first."""

    owner: Owner
    about: tuple[Outlook, ...]
    subject: str
    text: str

    def items(self) -> Sequence[Json]:
        """What the ledger keeps of it: which credentials, and what was told of them."""
        return [
            {"credential": each.credential.id, "state": str(each.state), "stops_at": _stops(each)}
            for each in self.about
        ]


def notices(
    outlooks: Iterable[Outlook],
    told: Mapping[str, Told],
    site: Site,
    within: timedelta,
    again_after: timedelta,
    now: datetime,
) -> tuple[Notice, ...]:
    """One message for each owner of something to be warned of: what stops ``within`` so long, and what has stopped.

    ``told``: by credential, what was told last. That it stops is told again when it stops at another moment, or after
    ``again_after``; that it has stopped, once.
    """
    due = [each for each in outlooks if _is_due(each, within, now) and not _is_known(each, told, again_after, now)]
    owners: dict[str, list[Outlook]] = {}
    for each in sorted(due, key=lambda each: each.urgency):
        owners.setdefault(each.owner.id, []).append(each)
    return tuple(_notice(tuple(about), site, now) for about in owners.values())


def _is_due(found: Outlook, within: timedelta, now: datetime) -> bool:
    return found.state in _STOPPED or found.stops_within(within, now)


def _is_known(found: Outlook, told: Mapping[str, Told], again_after: timedelta, now: datetime) -> bool:
    before = told.get(found.credential.id)
    if before is None:
        return False
    if found.state in _STOPPED:
        return before.state in _STOPPED
    return (before.state, before.stops_at) == (found.state, _stops(found)) and now - before.at < again_after


def _stops(found: Outlook) -> str:
    return found.stops_at.isoformat(timespec="minutes") if found.stops_at else ""


def _notice(about: tuple[Outlook, ...], site: Site, now: datetime) -> Notice:
    return Notice(about[0].owner, about, _subject(about, site, now), _text(about, site))


def _subject(about: tuple[Outlook, ...], site: Site, now: datetime) -> str:
    """The most urgent thing first: an inbox shows a few words."""
    many = f"{len(about)} application credentials" if len(about) > 1 else "an application credential"
    ends = [each.stops_at for each in about if each.stops_at]
    what = f"stops working in {span(min(ends) - now)}" if ends else "has stopped working"
    if len(about) > 1:
        what = what.replace("stops", "stop", 1).replace("has", "have", 1)
    return harmless(f"{site.title}: {many} of yours {what}", 200)


def _text(about: tuple[Outlook, ...], site: Site) -> str:
    parts = [
        f"You made application credentials at {harmless(site.title)}. They go on working while you are a member of a",
        "community that gives you their roles. About these you should know:",
        "",
    ]
    for each in about:
        credential = each.credential
        where = credential.project or credential.project_id
        parts += [
            f"* {harmless(credential.name, 255)}",
            f"  on {harmless(str(where), 255)}, as {', '.join(map(harmless, credential.roles))}",
            f"  {fate(each)}",
            f"  {advice(each, to_owner=True)}",
            f"  (its id is {harmless(credential.id)})",
            "",
        ]
    parts += [f"Questions: {harmless(site.contact)}", ""]
    return "\n".join(parts)
