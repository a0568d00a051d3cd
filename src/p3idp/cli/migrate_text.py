"""The state of a move as lines for people. Owns the words; what is safe is core/migration's."""

from collections.abc import Iterator
from datetime import datetime

import click

from p3idp.cli.terminal import harmless
from p3idp.core.migration.move import Move, Subject
from p3idp.core.migration.status import Status
from p3idp.core.migration.usage import Loser, Use

_SHOWN = 20


def status_lines(status: Status) -> Iterator[str]:
    """Stage, use, coverage, who would lose, and the answer."""
    move = status.move
    yield click.style(harmless(f"From the {move.subject} {move.old} to {move.new}"), bold=True)
    for provider, stage in status.stages.items():
        yield harmless(f"  {provider}: {stage}")
    yield ""
    yield from _uses(status)
    yield from _coverage(status)
    if status.losers:
        yield ""
        yield "By their last login these would lose:"
        yield from (_loser(loser) for loser in status.losers[:_SHOWN])
        if len(status.losers) > _SHOWN:
            yield f"  and {len(status.losers) - _SHOWN:,} more (all of them: --json)"
    for note in status.notes:
        yield ""
        yield harmless(note)
    yield ""
    yield from _answer(status)


def _uses(status: Status) -> Iterator[str]:
    yield f"Last logins, and how many of them within {status.bounds.days} days:"
    for use, count in status.uses.items():
        if count.people or use in (Use.OLD, Use.NEW):
            last = f", the latest on {_day(count.last)}" if count.last else ""
            yield f"  {_word(status.move, use):<24}{count.people:>7,}{count.lately:>9,}{last}"


def _word(move: Move, use: Use) -> str:
    if move.subject is Subject.ISSUER:
        return {Use.OLD: "by the old issuer", Use.NEW: "by the new issuer"}.get(use, "by another issuer")
    words = {
        Use.OLD: "the old claim alone",
        Use.BOTH: "both claims, alike",
        Use.NEW: "the new claim alone",
        Use.NEITHER: "neither claim",
        Use.UNKNOWN: "not known (earlier)",
    }
    return words[use]


def _coverage(status: Status) -> Iterator[str]:
    coverage = status.coverage
    if coverage.since is None:
        yield "No login of these providers is remembered ([logins] key in the settings)."
    else:
        yield f"Coverage: {coverage.remembered:,} people remembered, since {_day(coverage.since)};"
        if coverage.known is None:
            yield "how many users Keystone has of these providers is not known."
        else:
            share = f" ({coverage.percent} %)" if coverage.percent is not None else ""
            yield f"of Keystone's {coverage.known:,} users {coverage.lately:,}{share} were seen in those days."
        yield "Logins through Apache alone are not seen, and of each person the last login counts."
    if coverage.unreadable:
        yield f"{coverage.unreadable:,} remembered logins cannot be read with the key of the settings."


def _loser(loser: Loser) -> str:
    lost = ", ".join(str(item) for item in loser.lost)
    return harmless(f"  - {loser.subject} of {loser.provider}: {lost} (last login {_day(loser.at)})")


def _answer(status: Status) -> Iterator[str]:
    if not status.begun:
        yield "Not begun: call the command without a stage."
    elif status.ended:
        yield click.style("Ended: the old one is not accepted any more.", fg="green")
    elif status.safe:
        yield click.style("Safe to finish.", fg="green")
    else:
        yield click.style("Not safe to finish:", fg="red")
        yield from (harmless(f"  {finding.name}: {finding.message}") for finding in status.findings)


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
