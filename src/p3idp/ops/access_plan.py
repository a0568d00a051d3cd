"""Make a plan: towards the policy, or back to what an earlier apply left. Owns what is read, and what is said of it.

Planning is handed a reader only. What is dangerous is core/access/findings and core/access/direct_changes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.access.commit import NOWHERE, Provenance, provenance_findings
from p3idp.core.access.desired import Desired, desired_state
from p3idp.core.access.direct_changes import direct_changes, undone_rollback
from p3idp.core.access.findings import assess
from p3idp.core.access.guards import guard_findings
from p3idp.core.access.history import Entry
from p3idp.core.access.large_mapping import large_mapping
from p3idp.core.access.lockout import lockout
from p3idp.core.access.plan import Change, Finding, Plan, diff
from p3idp.core.access.resources import Snapshot
from p3idp.core.access.rollback import rollback_state, state_before, stopped_access
from p3idp.core.access.thresholds import USUAL, Thresholds
from p3idp.core.access.way_back import WayBack
from p3idp.core.policy.model import Policy
from p3idp.errors.history import RollbackImpossible
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.access_history import Known
from p3idp.ports.keystone import FederationReader

ParsePolicy = Callable[[Mapping[str, str], str], Policy]  # the files, and the environment


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and all that it was made of. ``policy``: the one that says what should be, the present or an earlier.

    ``provenance``: where that policy comes from.
    """

    plan: Plan
    policy: Policy
    desired: Desired
    observed: Snapshot
    known: Known
    provenance: Provenance = NOWHERE


@dataclass(frozen=True, slots=True)
class Goal:
    """Where a rollback leads. ``entry``: the apply; ``by``: the one whose policy says what of that state was its own.

    Of what an apply found, that is the newest good apply before it; for want of one, the apply itself.
    """

    to: WayBack
    entry: Entry
    by: Entry


def plan_policy(
    policy: Policy,
    reader: FederationReader,
    known: Known,
    now: datetime,
    limits: Thresholds = USUAL,
    provenance: Provenance = NOWHERE,
) -> Planned:
    """What would change in Keystone for ``policy`` at ``now``, and what is to be said of it. Writes nothing."""
    desired = desired_state(policy, now)
    observed = reader.read(policy.site.domain)
    changes = diff(desired, observed)
    found = (
        *_assessed(policy, desired, observed, changes, known, now, limits),
        *undone_rollback(changes, known.newest),
        *provenance_findings(provenance),
    )
    findings = _findings(found, changes, known)
    plan = Plan(str(policy.site.id), reader.target(), changes, findings, unfinished=_unfinished(known))
    return Planned(plan, policy, desired, observed, known, provenance)


def plan_rollback(
    goal: Goal,
    parse: ParsePolicy,
    reader: FederationReader,
    known: Known,
    now: datetime,
    limits: Thresholds = USUAL,
) -> Planned:
    """What would change in Keystone to have back what an apply left, or found. Raises RollbackImpossible."""
    policy, then = _readable(goal, parse, reader.target())
    observed = reader.read(policy.site.domain)
    if goal.to.before:
        desired, notes = state_before(policy, goal.entry.begun, observed, now)
    else:
        desired, notes = rollback_state(policy, then, now)
    # What either side does not know of is taken away by nobody.
    sure = replace(observed, missing=tuple(sorted({*observed.missing, *then.missing})))
    changes = diff(desired, sure)
    found = (
        *_assessed(policy, desired, sure, changes, known, now, limits),
        *_stopped(parse, changes, known, now),
        *notes,
    )
    plan = Plan(goal.entry.begun.policy, reader.target(), changes, _findings(found, changes, known), goal.to)
    return Planned(plan, policy, desired, observed, known, Provenance(goal.by.begun.commit))


def _unfinished(known: Known) -> WayBack | None:
    return None if known.unfinished is None else WayBack(known.unfinished, before=True)


def _stopped(parse: ParsePolicy, changes: Sequence[Change], known: Known, now: datetime) -> Iterator[Finding]:
    if known.newest is None:
        return
    try:
        yield from stopped_access(parse(known.newest.begun.files, known.newest.begun.environment), changes, now)
    except PolicyInvalid:
        told = f"The policy of apply {known.newest.number} cannot be read any more: what it stopped may come back."
        yield Finding("stopped-access", f"apply {known.newest.number}", told)


def _assessed(
    policy: Policy,
    desired: Desired,
    observed: Snapshot,
    changes: Sequence[Change],
    known: Known,
    now: datetime,
    limits: Thresholds,
) -> Iterator[Finding]:
    """The dangers, by the draft and by what guards power until it is applied."""
    guarded = replace(policy, site=replace(policy.site, protected_projects=known.guards.protected(policy.site)))
    yield from assess(guarded, desired, observed, changes, now, limits)
    yield from guard_findings(policy.site, known.guards)
    yield from lockout(observed, changes, known.baseline, limits)
    yield from large_mapping(changes)


def _readable(goal: Goal, parse: ParsePolicy, target: str) -> tuple[Policy, Snapshot]:
    entry = goal.entry
    if entry.begun.target != target:
        raise RollbackImpossible(f"Apply {entry.number} was made at {entry.begun.target}, not at {target}.")
    if not goal.to.before and not entry.good:
        told = f"Apply {entry.number} did not end well ({entry.outcome}): nobody reviewed what it left."
        hint = f"To go back to what it found: p3idp rollback {WayBack(entry.number, before=True)}"
        raise RollbackImpossible(told, hint=hint)
    then = entry.begun.found if goal.to.before else entry.left
    if then is None:
        raise RollbackImpossible(f"What apply {entry.number} left could not be kept.")
    try:
        return parse(goal.by.begun.files, goal.by.begun.environment), then
    except PolicyInvalid as exc:
        told = f"The policy of apply {goal.by.number} is not one that this version of p3idp takes:\n{exc.detail}"
        raise RollbackImpossible(
            told, hint="Correct a copy of it (p3idp history restore-policy) and apply that."
        ) from exc


def _findings(found: Sequence[Finding], changes: Sequence[Change], known: Known) -> tuple[Finding, ...]:
    direct = direct_changes(changes, known.baseline) if known.baseline else ()
    return sorted_findings((*found, *direct, *known.findings))


def sorted_findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, what blocks first."""
    return tuple(sorted(set(found), key=lambda f: (not f.blocking, f.name, f.subject, f.message)))
