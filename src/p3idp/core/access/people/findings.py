"""Which losses of people are a danger. Owns thresholds' meaning and words that a sign-in seldom changes.

The digest covers a finding. So numbers are told as "at least" in steps of 1, 2, 5, 10, 20, 50 …: a person who signs in
between plan and apply makes the plan stale only where a step, or a threshold, is passed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from p3idp.core.access.people.part import Fate, People
from p3idp.core.access.plan import Finding

NAME = "people-lose-access"


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many people may lose without a finding: all that they have, and some of it."""

    everything: int = 0
    something: int = 10


def people_findings(people: People, bounds: Bounds) -> Iterator[Finding]:
    """At most one, about everybody."""
    everything = people.losing(Fate.LOSES_EVERYTHING)
    something = everything + people.losing(Fate.LOSES, Fate.LOSES_AND_GAINS)
    told = []
    if everything > bounds.everything:
        told.append(f"{at_least(everything)} would lose all they have here")
    if something > bounds.something:
        told.append(f"{at_least(something)} would lose a role")
    if told:
        yield Finding(NAME, "people", f"{', and '.join(told)}. The plan names whom it knows of.")


def at_least(number: int) -> str:
    """The number of people, rounded down to the last step."""
    steps = [factor * 10**power for power in range(len(str(number))) for factor in (1, 2, 5)]
    step = max(each for each in steps if each <= number)
    return f"At least {step:,} {'person' if step == 1 else 'people'}"
