"""Make a plan: towards the policy, or back to what an earlier apply left. Owns what is read, and what is said of it.

Planning is handed a reader only. What is dangerous is core/access/findings and core/access/direct_changes.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.access.commit import NOWHERE, Origin, origin_findings
from p3idp.core.access.desired import Desired, desired_state
from p3idp.core.access.direct_changes import direct_changes, undone_rollback
from p3idp.core.access.findings import assess
from p3idp.core.access.guards import guard_findings
from p3idp.core.access.history import Entry
from p3idp.core.access.large_mapping import large_mapping
from p3idp.core.access.lockout import lockout
from p3idp.core.access.plan import Change, Finding, Plan, diff
from p3idp.core.access.resources import Snapshot
from p3idp.core.access.rollback import rollback_state, stopped_access
from p3idp.core.access.thresholds import USUAL, Thresholds
from p3idp.core.policy.model import Policy
from p3idp.errors.history import RollbackImpossible
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.access_history import Known
from p3idp.ports.keystone import FederationReader

ParsePolicy = Callable[[Mapping[str, str], str], Policy]  # the files, and the environment


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan, and all that it was made of. ``policy``: the one that says what should be, the present or an earlier.

    ``origin``: where that policy comes from.
    """

    plan: Plan
    policy: Policy
    desired: Desired
    observed: Snapshot
    known: Known
    origin: Origin = NOWHERE


def plan_policy(
    policy: Policy,
    reader: FederationReader,
    known: Known,
    now: datetime,
    limits: Thresholds = USUAL,
    origin: Origin = NOWHERE,
) -> Planned:
    """What would change in Keystone for ``policy`` at ``now``, and what is to be said of it. Writes nothing."""
    desired = desired_state(policy, now)
    observed = reader.read(policy.site.domain)
    changes = diff(desired, observed)
    found = (
        *_assessed(policy, desired, observed, changes, known, now, limits),
        *undone_rollback(changes, known.newest),
        *origin_findings(origin),
    )
    plan = Plan(str(policy.site.id), reader.target(), changes, _findings(found, changes, known))
    return Planned(plan, policy, desired, observed, known, origin)


def plan_rollback(
    entry: Entry,
    parse: ParsePolicy,
    reader: FederationReader,
    known: Known,
    now: datetime,
    limits: Thresholds = USUAL,
) -> Planned:
    """What would change in Keystone to have back what an apply left. Raises RollbackImpossible."""
    policy, left = _readable(entry, parse, reader.target())
    desired, notes = rollback_state(policy, left, now)
    observed = reader.read(policy.site.domain)
    # What either side does not know of is taken away by nobody.
    sure = replace(observed, missing=tuple(sorted({*observed.missing, *left.missing})))
    changes = diff(desired, sure)
    found = (
        *_assessed(policy, desired, sure, changes, known, now, limits),
        *_stopped(parse, changes, known, now),
        *notes,
    )
    plan = Plan(entry.begun.policy, reader.target(), changes, _findings(found, changes, known), entry.number)
    return Planned(plan, policy, desired, observed, known, Origin(entry.begun.commit))


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


def _readable(entry: Entry, parse: ParsePolicy, target: str) -> tuple[Policy, Snapshot]:
    if entry.begun.target != target:
        raise RollbackImpossible(f"Apply {entry.number} was made at {entry.begun.target}, not at {target}.")
    if not entry.good:
        told = f"Apply {entry.number} did not end well ({entry.outcome}): nobody reviewed what it left."
        raise RollbackImpossible(told)
    if entry.left is None:
        raise RollbackImpossible(f"What apply {entry.number} left could not be kept.")
    try:
        return parse(entry.begun.files, entry.begun.environment), entry.left
    except PolicyInvalid as exc:
        told = f"The policy of apply {entry.number} is not one that this version of p3idp takes:\n{exc.detail}"
        raise RollbackImpossible(
            told, hint="Correct a copy of it (p3idp history restore-policy) and apply that."
        ) from exc


def _findings(found: Sequence[Finding], changes: Sequence[Change], known: Known) -> tuple[Finding, ...]:
    direct = direct_changes(changes, known.baseline) if known.baseline else ()
    return sorted_findings((*found, *direct, *known.findings))


def sorted_findings(found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Each once, what blocks first."""
    return tuple(sorted(set(found), key=lambda f: (not f.blocking, f.name, f.subject, f.message)))
