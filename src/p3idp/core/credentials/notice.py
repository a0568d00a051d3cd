"""Who is to be told of which credentials. Owns the choice, the words, and that nobody hears the same too soon again."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from textwrap import fill

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
class Terms:
    """``within``: how soon something stops that is told; ``again_after``: when the same is told again. ``page``: where
    people see their own credentials; empty where there is no such page.
    """

    site: Site
    within: timedelta
    again_after: timedelta
    page: str = ""


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


def notices(outlooks: Iterable[Outlook], told: Mapping[str, Told], terms: Terms, now: datetime) -> tuple[Notice, ...]:
    """One message for each owner of something to be told of: what stops soon, and what has stopped.

    ``told``: by credential, what was told last. That it stops is told again when it stops at another moment, or after
    a time; that it has stopped, once.
    """
    due = [each for each in outlooks if _is_due(each, terms, now) and not _is_known(each, told, terms, now)]
    owners: dict[str, list[Outlook]] = {}
    for each in sorted(due, key=lambda each: each.urgency):
        owners.setdefault(each.owner.id, []).append(each)
    return tuple(_notice(tuple(about), terms, now) for about in owners.values())


def _is_due(found: Outlook, terms: Terms, now: datetime) -> bool:
    return found.state in _STOPPED or found.needs_somebody(terms.within, now)


def _is_known(found: Outlook, told: Mapping[str, Told], terms: Terms, now: datetime) -> bool:
    before = told.get(found.credential.id)
    if before is None:
        return False
    if found.state in _STOPPED:
        return before.state in _STOPPED
    return (before.state, before.stops_at) == (found.state, _stops(found)) and now - before.at < terms.again_after


def _stops(found: Outlook) -> str:
    return found.stops_at.isoformat(timespec="minutes") if found.stops_at else ""


def _notice(about: tuple[Outlook, ...], terms: Terms, now: datetime) -> Notice:
    return Notice(about[0].owner, about, _subject(about, terms.site, now), _text(about, terms))


def _subject(about: tuple[Outlook, ...], site: Site, now: datetime) -> str:
    """How soon, first: an inbox shows a few words."""
    ends = [each.stops_at for each in about if each.stops_at]
    one = len(about) == 1
    what = "an application credential" if one else f"{len(about)} application credentials"
    when = (
        f"stop{'s' * one} working in {span(min(ends) - now)}" if ends else f"{'has' if one else 'have'} stopped working"
    )
    return harmless(f"{site.title}: {what} of yours {when}", 200)


def _text(about: tuple[Outlook, ...], terms: Terms) -> str:
    site = terms.site
    began = (
        f"You made application credentials at {site.title}. They work while you are a member of a community that gives "
        "you their roles. About these you should know:"
    )
    told = [_filled(began)]
    told += [_about(each) for each in about]
    if terms.page:
        told.append(_filled(f"To sign in, and to see all of them: {terms.page}"))
    told.append(_filled(f"Questions: {site.contact}"))
    return "\n\n".join(told) + "\n"


def _about(found: Outlook) -> str:
    credential = found.credential
    lines = [
        f"{credential.name} on {credential.project or credential.project_id}, as {', '.join(credential.roles)}",
        fate(found),
        advice(found, to_owner=True),
        f"Its id is {credential.id}.",
    ]
    return "\n".join(_filled(line, "  " if number else "* ", "  ") for number, line in enumerate(lines))


def _filled(text: str, first: str = "", rest: str = "") -> str:
    """The text in lines of mail. Addresses, ids and names of groups stay whole: they are there to be copied."""
    return fill(
        harmless(text, 2000),
        76,
        initial_indent=first,
        subsequent_indent=rest,
        break_on_hyphens=False,
        break_long_words=False,
    )
