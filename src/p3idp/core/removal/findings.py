"""Which removals are dangerous. Owns the dangers' names and their thresholds' meaning.

An identity provider that answers nonsense for everybody looks like everybody leaving: then nothing is taken from
anybody before an administrator says so.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.access.people.findings import at_least
from p3idp.core.access.people.known import ShadowUser
from p3idp.core.access.plan import Finding
from p3idp.core.removal.mark import Cause
from p3idp.core.removal.steps import Action, Step

TOO_MANY, INCOMPLETE, OWN_ROLES = "too-many-leavers", "incomplete-source", "own-roles"
# Those who were disabled so recently count with those to come, or a thousand would go ten at a time.
RECENT = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Limits:
    """``max_leavers`` people within an hour, or ``max_percent`` of those known by claims, may lose without a finding.

    One alone is never too many by the part.
    """

    max_leavers: int = 10
    max_percent: int = 30


USUAL = Limits()


def removal_findings(
    steps: Sequence[Step],
    users: Sequence[ShadowUser],
    known: int,
    missing: Collection[str],
    now: datetime,
    policy: str,
    limits: Limits = USUAL,
) -> tuple[Finding, ...]:
    """Everything worth saying about these steps, sorted. ``known``: how many users are judged by claims."""
    found = [
        *_too_many(steps, _recent(users, now, policy), known, limits),
        *_incomplete(steps, missing),
        *_own_roles(steps, users),
    ]
    return tuple(sorted(found, key=lambda finding: (finding.name, finding.subject)))


def _recent(users: Sequence[ShadowUser], now: datetime, policy: str) -> int:
    marks = [user.disabled_by for user in users if user.disabled_by and not user.enabled]
    return sum(mark.policy == policy and mark.cause is Cause.LEFT and now - mark.at < RECENT for mark in marks)


def _too_many(steps: Sequence[Step], recent: int, known: int, limits: Limits) -> Iterator[Finding]:
    leaving = sum(step.removes for step in steps)
    together = leaving + recent
    by_part = together > 1 and together * 100 > known * limits.max_percent
    if leaving and (together > limits.max_leavers or by_part):
        told = (
            f"{at_least(together)} would have left within an hour (more than {limits.max_leavers}, or "
            f"{limits.max_percent} % of those that p3idp knows by their claims). An identity provider that answers "
            "nonsense looks the same: see there that they really left."
        )
        yield Finding(TOO_MANY, "people", told)


def _incomplete(steps: Sequence[Step], missing: Collection[str]) -> Iterator[Finding]:
    if any(step.removes for step in steps):
        for part in sorted(missing):
            told = f"Keystone cut the list of {part} short, so nothing is taken from anybody; raise its list_limit."
            yield Finding(INCOMPLETE, part, told)


def _own_roles(steps: Sequence[Step], users: Sequence[ShadowUser]) -> Iterator[Finding]:
    by_id = {user.id: user for user in users}
    for step in steps:
        own = by_id[step.user].own if step.action is Action.DISABLE and step.removes else ()
        given = {f"{right.role} on {right.place}" for right in own} | {f"the group {name}" for _, name in step.lasting}
        if given:
            told = (
                f"{step.who} also has what somebody gave them by hand, and would lose it: {', '.join(sorted(given))}."
            )
            yield Finding(OWN_ROLES, step.who, told)
