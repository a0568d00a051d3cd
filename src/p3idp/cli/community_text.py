"""Communities and changes of them as lines for people. Owns the words and the table, which fits the terminal."""

import shutil
from collections.abc import Iterator, Sequence
from datetime import datetime

import click

from p3idp.cli.terminal import harmless
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.policy.community_view import CommunityView, State
from p3idp.core.policy.vo_catalogue import Standing
from p3idp.ops.community import TextChange

_COLOURS = {State.OPEN: "green", State.SUSPENDED: "red", State.NOT_YET: "yellow", State.ENDED: "yellow"}
_STANDING = {
    None: "",
    Standing.SAME: "same",
    Standing.DIFFERENT: "different",
    Standing.MALFORMED: "malformed there",
    Standing.UNLISTED: "not listed",
}
_NARROWEST = 6
_GAP = "  "


def change_lines(change: TextChange, *, effects: bool) -> Iterator[str]:
    """The difference of the text, and with ``effects`` what it means to Keystone."""
    for line in change.diff():
        colour = {"+": "green", "-": "red"}.get(line[:1])
        yield click.style(harmless(line), fg=colour) if colour else harmless(line)
    if not change.nothing:
        yield ""
    if effects and change.before is not None:
        yield from effect_lines(change)


def effect_lines(change: TextChange) -> Iterator[str]:
    """What the next apply would take away and bring, as the policy is now."""
    projects = [each for each in change.gone if each.kind is Kind.PROJECT]
    yield from _listed("The next apply takes away:", "-", [each for each in change.gone if each not in projects])
    yield from _listed("The next apply brings:", "+", change.come)
    yield from _listed("The policy no longer names, and p3idp does not delete:", "·", projects)
    if change.gone:
        yield "How many people that concerns is not known from the policy alone."


def _listed(heading: str, sign: str, resources: Sequence[Resource]) -> Iterator[str]:
    if resources:
        yield heading
        yield from (harmless(f"  {sign} {each.kind.replace('_', ' ')} {each.name}") for each in resources)


def table_lines(views: Sequence[CommunityView], width: int | None = None) -> Iterator[str]:
    """One line a community, as wide as the terminal at most."""
    heading = ["community", "state", "until", "projects", "catalogue", "entitlements", "title"]
    rows = [[harmless(cell) for cell in _cells(each)] for each in views]
    widths = _widths([heading, *rows], width or max(60, shutil.get_terminal_size((100, 24)).columns))
    yield click.style(_line(heading, widths), bold=True)
    for each, row in zip(views, rows, strict=True):
        line = _line(row, widths)
        end = widths[0] + len(_GAP)
        state = click.style(line[end : end + widths[1]], fg=_COLOURS[each.state])
        yield line[:end] + state + line[end + widths[1] :]


def _cells(each: CommunityView) -> list[str]:
    community = each.community
    return [
        community.name,
        each.state.value,
        day(community.validity.until),
        ", ".join(project.ref.name for project in community.projects),
        _STANDING[each.standing],
        ", ".join(dict.fromkeys(rule.entitlement.short for rule in community.rules)),
        community.title,
    ]


def _widths(rows: Sequence[Sequence[str]], room: int) -> list[int]:
    """As wide as needed; where that is too much, the last columns give way first: names matter most."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    for number in reversed(range(len(widths))):
        excess = sum(widths) + len(_GAP) * (len(widths) - 1) - room
        widths[number] = max(min(widths[number], _NARROWEST), widths[number] - max(0, excess))
    return widths


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell if len(cell) <= width else f"{cell[: width - 1]}…" for cell, width in zip(row, widths, strict=True))
    return _GAP.join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def view_lines(each: CommunityView) -> Iterator[str]:
    """One community, whole."""
    community, stopped = each.community, each.community.suspended
    yield harmless(f"{community.name}: {community.title}")
    if each.vo != community.name:
        yield harmless(f"  known as   {each.vo}")
    why = f" since {day(stopped.since)}{': ' if stopped.reason else ''}{stopped.reason}" if stopped else ""
    yield harmless(f"  state      {each.state}{why}")
    if community.validity.start or community.validity.until:
        yield f"  valid      {day(community.validity.start) or '…'} to {day(community.validity.until) or '…'}"
    yield harmless(f"  contact    {community.contact}")
    if each.standing is not None:
        yield f"  catalogue  {_STANDING[each.standing]}"
    for project in community.projects:
        said = "".join(f", {name} {value}" for name, value in project.properties)
        site = " (the site's own)" if project.existing else ""
        yield harmless(f"  project    {project.ref}{site}{said}")
    for rule in community.rules:
        given = "; ".join(f"{', '.join(roles)} on {project}" for project, roles in rule.grants)
        yield harmless(f"  access     {rule.entitlement} gives {given}")
    for person in community.people:
        given = "; ".join(f"{', '.join(roles)} on {project}" for project, roles in person.grants)
        span = f" from {day(start)}" if (start := person.validity.start) else ""
        span += f" until {day(until)}" if (until := person.validity.until) else ""
        who = f"{person.name}, " if person.name else ""
        yield harmless(f"  person     {who}{person.subject} of {person.identity_provider} gets {given}{span}")
    yield harmless(f"  examples   {len(community.examples)}")


def day(moment: datetime | None) -> str:
    """The day of a moment, empty for none."""
    return f"{moment:%Y-%m-%d}" if moment else ""
