"""A replay as text for people and as JSON. Owns the words and the tables, which fit the terminal and are bounded."""

import shutil
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click

from p3idp.cli.terminal import harmless
from p3idp.core.policy.replay_compare import Affected, Fate, Person
from p3idp.core.policy.replay_side import Item
from p3idp.ops.replay import LeftOut, Replay

_SAID = {
    Fate.OTHER_USER: ("get another user id: Keystone takes them for new people, who own nothing", "red"),
    Fate.LOSES: ("lose", "red"),
    Fate.LOSES_AND_GAINS: ("lose and gain", "yellow"),
    Fate.GAINS: ("gain", "green"),
    Fate.STAYS: ("stay as they are", None),
}
_MARK = {Fate.OTHER_USER: "!", Fate.LOSES: "-", Fate.LOSES_AND_GAINS: "~", Fate.GAINS: "+"}


def replay_lines(
    done: Replay, named: Mapping[str, str], now: datetime, notes: Sequence[str], by: str | None, limit: int
) -> Iterator[str]:
    """The report: what was compared, the tables, and what was left out. ``limit`` 0 shows all rows."""
    heading = f"{named['draft']} against {named['against']}, as of {_moment(now)}"
    for text in (heading, *_coverage(done), *(f"Note: {note}" for note in notes)):
        yield from textwrap.wrap(harmless(text), _width(), subsequent_indent="  ")
    if by != "rule":
        yield from _people(done.comparison.changed(), limit)
    if by != "person":
        yield from _rules(done.comparison.rules(), limit)
    yield from _left_out("refused by both sides", done.refused, named["logins"], limit)
    yield from _left_out("lines that are no logins", done.bad, named["logins"], limit)
    yield ""
    yield from _totals(done)


def _coverage(done: Replay) -> Iterator[str]:
    people = sum(done.comparison.totals().values())
    span = f", {_moment(done.first)} to {_moment(done.last)}" if done.first and done.last else ""
    refused = f" ({done.refused.count:,} refused by both sides)" if done.refused.count else ""
    logins = done.logins + done.refused.count
    came = "1 login" if logins == 1 else f"{logins:,} logins"
    yield f"{came} of {'1 person' if people == 1 else f'{people:,} people'}{refused}{span}."
    if done.other_providers:
        yield f"{done.other_providers:,} logins of other identity providers have no part in it."


def _totals(done: Replay) -> Iterator[str]:
    for fate, people in done.comparison.totals().items():
        said, colour = _SAID[fate]
        if people or fate in (Fate.LOSES, Fate.GAINS, Fate.STAYS):
            yield click.style(_fit(f"{people:>9,} {said}"), fg=colour if people else None)
    if done.bad.count:
        yield click.style(f"{done.bad.count:>9,} lines are no logins, so this is not the whole truth", fg="red")
    if not done.logins:
        yield click.style("No login was compared: nothing is known of what the draft would change.", fg="red")


def _people(changed: Sequence[Person], limit: int) -> Iterator[str]:
    if not changed:
        return
    yield from ("", "People:")
    for person in _shown(changed, limit):
        fate, change = person.change.fate, person.change
        at = f" ({person.provider})" if person.provider else ""
        yield click.style(_fit(f"  {_MARK[fate]} {person.subject}{at}"), fg=_SAID[fate][1])
        told = ["another user id"] if change.other_user else []
        told += [f"- {item}" for item in change.lost] + [f"+ {item}" for item in change.gained]
        told += [f"the draft refuses: {change.refusal}"] if change.refusal else []
        yield from (_fit(f"      {each}") for each in told)
    yield from _more(changed, limit)


def _rules(affected: Sequence[Affected], limit: int) -> Iterator[str]:
    if not affected:
        return
    yield from ("", "Rules:")
    for each in _shown(affected, limit):
        verb, where, colour = ("gain", "draft", "green") if each.draft else ("lose", "in force", "red")
        told = f"{each.people:>9,} {verb} by {where} {each.rule.place} {each.rule.title}"
        yield click.style(_fit(told.rstrip()), fg=colour)
    yield from _more(affected, limit)


def _left_out(what: str, left: LeftOut, file: str, limit: int) -> Iterator[str]:
    if left.count:
        yield from ("", f"{left.count:,} {what}:")
        for line, message in _shown(left.named, limit):
            yield _fit(f"  {file}:{line}: {message}")
        rest = left.count - len(_shown(left.named, limit))
        if rest:
            yield f"  … and {rest:,} more"


def _shown(rows: Sequence[Any], limit: int) -> Sequence[Any]:
    return rows[:limit] if limit else rows


def _more(rows: Sequence[Any], limit: int) -> Iterator[str]:
    if limit and len(rows) > limit:
        yield f"  … and {len(rows) - limit:,} more (--limit 0 shows all)"


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _width() -> int:
    return max(40, shutil.get_terminal_size((100, 24)).columns)


def _fit(text: str) -> str:
    width, text = _width(), harmless(text)
    return text if len(text) <= width else text[: width - 1] + "…"


def as_json(done: Replay, notes: Sequence[str]) -> dict[str, Any]:
    """All of it: every person, every rule by which somebody gains or loses, the first thousand lines left out."""
    comparison = done.comparison
    return {
        "coverage": {
            "logins": done.logins,
            "people": sum(comparison.totals().values()),
            "other_providers": done.other_providers,
            "refused": _left_json(done.refused),
            "bad": _left_json(done.bad),
            "first": done.first and done.first.isoformat(),
            "last": done.last and done.last.isoformat(),
        },
        "totals": {str(fate): people for fate, people in comparison.totals().items()},
        "people": _people_json([*comparison.changed(), *comparison.unchanged()]),
        "rules": [
            {"side": "draft" if each.draft else "current", "place": each.rule.place, "title": each.rule.title,
             "gains" if each.draft else "loses": each.people}
            for each in comparison.rules()
        ],
        "notes": list(notes),
    }  # fmt: skip


def _people_json(people: Iterable[Person]) -> list[dict[str, Any]]:
    found = []
    for subject, provider, line, change in people:
        found.append(
            {
                "subject": subject,
                "identity_provider": provider,
                "line": line,
                "change": str(change.fate),
                "gained": [_item(item) for item in change.gained],
                "lost": [_item(item) for item in change.lost],
                "other_user": change.other_user,
                "has_access": change.holds,
                "refusal": change.refusal,
            }
        )
    return found


def _item(item: Item) -> dict[str, str]:
    return {name: value for name, value in item._asdict().items() if value}


def _left_json(left: LeftOut) -> dict[str, Any]:
    return {"count": left.count, "lines": [{"line": line, "message": message} for line, message in left.named]}
