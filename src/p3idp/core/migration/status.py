"""Whether a move can be ended: its dangers by name. Owns the thresholds' meaning and the words.

A danger is accepted by its name. What only needs doing elsewhere is a note.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from p3idp.core.access.plan import Finding
from p3idp.core.audit.event import Json
from p3idp.core.mappings.assertion import attributes
from p3idp.core.migration.move import Move, Stage, Subject, stage_of
from p3idp.core.migration.usage import Count, Coverage, Loser, Use
from p3idp.core.policy.model import IdentityProvider, Policy, VerbatimRules

STILL_USED = "old-still-used"
LOSE_ACCESS = "people-lose-access"
UNKNOWN_USE = "use-unknown"
LOW_COVERAGE = "low-coverage"
VERBATIM = "verbatim-rules"


@dataclass(frozen=True, slots=True)
class Bounds:
    """``days``: the old one must not have been used for so long, by people who are at least so many ``percent`` of
    Keystone's users.
    """

    days: int = 30
    percent: int = 50


@dataclass(frozen=True, slots=True)
class Status:
    """A move as it stands. ``stages``: how far each provider has come. Safe to end where nothing is found."""

    move: Move
    stages: Mapping[str, Stage]
    bounds: Bounds
    uses: Mapping[Use, Count]
    coverage: Coverage
    losers: tuple[Loser, ...] = ()
    findings: tuple[Finding, ...] = ()
    notes: tuple[str, ...] = field(default=())

    @property
    def begun(self) -> bool:
        """Whether each provider accepts the new one."""
        return Stage.NOT_BEGUN not in self.stages.values()

    @property
    def ended(self) -> bool:
        """Whether no provider accepts the old one."""
        return set(self.stages.values()) == {Stage.ENDED}

    @property
    def safe(self) -> bool:
        """Whether the old one can be dropped."""
        return self.begun and not self.ended and not self.findings

    def as_json(self) -> Mapping[str, Json]:
        """All of it, for machines."""
        coverage = self.coverage
        return {
            "what": str(self.move.subject),
            "old": self.move.old,
            "new": self.move.new,
            "stages": {name: str(stage) for name, stage in self.stages.items()},
            "days": self.bounds.days,
            "percent": self.bounds.percent,
            "uses": {str(use): _count(count) for use, count in self.uses.items()},
            "coverage": {
                "remembered": coverage.remembered,
                "unreadable": coverage.unreadable,
                "since": coverage.since.isoformat() if coverage.since else None,
                "known": coverage.known,
                "lately": coverage.lately,
                "percent": coverage.percent,
            },
            "losers": [loser.as_json() for loser in self.losers],
            "findings": [{"name": each.name, "message": each.message} for each in self.findings],
            "notes": list(self.notes),
            "safe": self.safe,
        }


def _count(count: Count) -> Json:
    return {"people": count.people, "lately": count.lately, "last": count.last.isoformat() if count.last else None}


def findings(status: Status, policy: Policy) -> Iterator[Finding]:
    """Why the old one should not be dropped yet."""
    move, old, bounds = status.move, status.uses[Use.OLD], status.bounds
    if old.lately:
        told = f"{_people(old.lately)} came in by the old {move.subject} alone within {bounds.days} days"
        yield _finding(STILL_USED, move, f"{told}, most lately {old.last:%Y-%m-%d}.")
    if status.losers:
        told = f"{_people(len(status.losers))} would lose access by their last login."
        yield _finding(LOSE_ACCESS, move, told)
    if unknown := status.uses[Use.UNKNOWN].lately:  # who was not seen of late counts against the coverage
        told = f"By which claim {_people(unknown)} came in is not known: both were not accepted then."
        yield _finding(UNKNOWN_USE, move, told)
    if (why := _too_little(status)) is not None:
        yield _finding(LOW_COVERAGE, move, why)
    for verbatim in policy.verbatim:
        if verbatim.provider in status.stages and (lines := _lines(verbatim, move)):
            what = f"ask for the old {move.subject}, and nothing here rewrites them"
            yield _finding(VERBATIM, move, f"{verbatim.file}: the rules at line {lines} {what}.")


def _too_little(status: Status) -> str | None:
    coverage, bounds = status.coverage, status.bounds
    if coverage.unreadable:
        return f"{coverage.unreadable:,} remembered logins cannot be read with the key of the settings."
    if not coverage.remembered:
        return "No login of these providers is remembered, so nobody knows who uses what."
    if coverage.known is None:
        return "How many users Keystone has of these providers is not known."
    if coverage.percent is None or coverage.percent < bounds.percent:
        seen = f"{coverage.lately:,} of {coverage.known:,} users that Keystone has were seen within {bounds.days} days"
        return f"{seen}; {bounds.percent} % are asked for."
    return None


def _lines(verbatim: VerbatimRules, move: Move) -> str:
    """Where rules stand that ask for the old one."""
    rules = ((number, rule) for number, rule in enumerate(verbatim.rules) if _asks(rule, move))
    return ", ".join(str(verbatim.lines[n] if n < len(verbatim.lines) else n + 1) for n, _ in rules)


def _asks(rule: Mapping[str, Any], move: Move) -> bool:
    """Whether a rule speaks of the old claim; or of the old issuer without the new one. A pattern may mean either."""
    keys = attributes(move.old if move.subject is Subject.CLAIM else "iss")
    entries = [entry for entry in rule["remote"] if entry["type"] in keys]
    if move.subject is Subject.CLAIM:
        return bool(entries)
    asked = [(entry, entry.get("any_one_of") or entry.get("whitelist") or ()) for entry in entries]
    return any(entry.get("regex") or (move.old in values and move.new not in values) for entry, values in asked)


def _finding(name: str, move: Move, message: str) -> Finding:
    return Finding(name, move.old, message)


def _people(number: int) -> str:
    return "one person" if number == 1 else f"{number:,} people"


def stages_of(move: Move, providers: tuple[IdentityProvider, ...]) -> Mapping[str, Stage]:
    """How far each of these has come."""
    return {str(each.id): stage_of(move, each) for each in providers}


def notes(move: Move, providers: tuple[IdentityProvider, ...], stages: Mapping[str, Stage]) -> Iterator[str]:
    """What a policy's list cannot do, and somebody must."""
    for each in providers:
        if stages[str(each.id)] is not Stage.NOT_BEGUN:
            yield from _claim_notes(move, each) if move.subject is Subject.CLAIM else _issuer_notes(each)


def _claim_notes(move: Move, provider: IdentityProvider) -> Iterator[str]:
    """At EGI Check-in a claim comes with the scope of its name; which scopes others know, no policy says."""
    if move.new not in provider.scopes:
        told = f"The `scopes` of {provider.id} do not hold {move.new}. At EGI Check-in a claim comes with the scope of"
        yield f"{told} its name: add it where your provider knows it, and generate Apache's part: `p3idp site config`."
    if move.old in provider.scopes:
        told = f"The `scopes` of {provider.id} ask for {move.old}. Take it out before your provider stops knowing it:"
        yield f"{told} some refuse a sign-in that asks for an unknown scope."


def _issuer_notes(provider: IdentityProvider) -> Iterator[str]:
    told = "Apache signs in at one issuer and asks one about tokens: the first (or introspection_url of the settings)."
    yield f"{told} Whenever the first changes: `p3idp site config`, and reload Apache and the web service."
    yield f"The client of {provider.id} in the settings must be registered at each issuer, with the same secret."
