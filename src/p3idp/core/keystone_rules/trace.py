"""How an outcome came about. Owns the verdict on each rule, for a person to read or a page to show."""

from collections.abc import Sequence
from dataclasses import dataclass

from p3idp.core.keystone_rules.outcome import Failed, Json, Object, Outcome


@dataclass(frozen=True, slots=True)
class RuleHit:
    """The rule applies. ``values`` are what ``{0}``, ``{1}`` … stand for; ``local`` is what it adds, filled in."""

    rule: int
    values: Sequence[str | Sequence[str]]
    local: Sequence[Object]


@dataclass(frozen=True, slots=True)
class RuleMiss:
    """The rule does not apply, because of one requirement (``remote[requirement]``).

    ``condition`` is ``present`` (the attribute is not there at all), ``any_one_of`` (none of ``found`` is wanted) or
    ``not_any_of`` (``found`` are the values that must not be there). ``wanted`` are the entries of the condition.
    """

    rule: int
    requirement: int
    attribute: str
    condition: str
    wanted: Sequence[Json] = ()
    regex: bool = False
    found: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class RuleBroken:
    """Keystone fails in this rule, and with it the login of everybody who reaches it."""

    rule: int
    failure: Failed


Verdict = RuleHit | RuleMiss | RuleBroken


@dataclass(frozen=True, slots=True)
class Explanation:
    """An outcome and the verdicts that led to it, in the order of the rules. A broken rule is the last one."""

    outcome: Outcome
    verdicts: Sequence[Verdict]

    @property
    def hits(self) -> Sequence[RuleHit]:
        """The rules that apply."""
        return [verdict for verdict in self.verdicts if isinstance(verdict, RuleHit)]
