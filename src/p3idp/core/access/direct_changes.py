"""What stands in the way of overwriting others' work: direct changes in Keystone, and a rollback that is in force.

Owns these two findings and their words; who changed what is drift.py's.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from p3idp.core.access.drift import SCHEMA_VERSION_RESET, Cause, Difference, differences
from p3idp.core.access.history import Baseline, Entry, place_of
from p3idp.core.access.plan import Change, Finding, satisfied
from p3idp.core.access.resources import Kind, Resource
from p3idp.core.access.rule_changes import rules_of
from p3idp.core.audit.event import canonical

MANY = 5  # so many of one kind are named one by one; of more, the number and the first
_BY_NAME = frozenset({Kind.MAPPING, Kind.IDENTITY_PROVIDER, Kind.PROTOCOL})
_DIRECT = (Cause.KEYSTONE, Cause.BOTH)


def direct_changes(changes: Sequence[Change], known: Baseline) -> Iterator[Finding]:
    """What was changed directly in Keystone since the last apply, and would be overwritten."""
    found: defaultdict[Change, list[Difference]] = defaultdict(list)
    for each in differences(changes, known, known.owner):
        if each.cause in _DIRECT and each.attribute != "owner":  # that is the finding foreign-object
            found[each.change].append(each)
    since = f"since apply {known.number} ({known.at:%Y-%m-%d %H:%M}Z)"
    alike: defaultdict[tuple[Kind, str], list[Change]] = defaultdict(list)
    for change in found:
        alike[change.resource.kind, change.action].append(change)
    for (kind, _), some in alike.items():
        if kind in _BY_NAME or len(some) <= MANY:
            yield from (_finding(change, found[change], since) for change in some)
        else:
            yield _many(kind, some, since)


def _finding(change: Change, found: Sequence[Difference], since: str) -> Finding:
    resource = change.resource
    what = {"create": "removed", "delete": "added"}.get(change.action) or "changed"
    means = {"create": "makes it again", "delete": "removes it"}.get(change.action) or "overwrites that"
    details = "; ".join(text for each in found for text in told(each))
    told_of = f"The {resource.kind.replace('_', ' ')} {resource.name} was {what} directly in Keystone {since}"
    return Finding(
        "changed-in-keystone", resource.name, f"{told_of}{': ' if details else ''}{details}. Applying {means}."
    )


def _many(kind: Kind, some: Sequence[Change], since: str) -> Finding:
    names = f"{len(some)} {kind.replace('_', ' ')}s"
    what = {"create": "removed", "delete": "added"}.get(some[0].action) or "changed"
    told_of = f"{names} were {what} directly in Keystone {since}, among them {some[0].resource.name}."
    return Finding("changed-in-keystone", names, f"{told_of} Applying overwrites that; `p3idp drift` names each.")


def told(difference: Difference) -> Iterator[str]:
    """One difference in a few words; nothing where a thing is there or is not."""
    if difference.trap == SCHEMA_VERSION_RESET:
        yield (
            f"schema_version fell back to {difference.keystone}, as it does where `openstack mapping set` or Horizon "
            "replace rules"
        )
    elif difference.rules:
        counted = Counter(rule.what for rule, cause in difference.rules if cause in _DIRECT)
        yield ", ".join(f"{number} rule{'s' * (number > 1)} {what}" for what, number in sorted(counted.items()))
    elif difference.attribute == "rules":
        yield "rules in another order"
    elif difference.attribute:
        yield f"{difference.attribute} is {_shown(difference.keystone)} instead of {_shown(difference.policy)}"


def _shown(value: object) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def undone_rollback(changes: Sequence[Change], newest: Entry | None) -> Iterator[Finding]:
    """Whether these changes bring back what the last apply, a rollback, went away from."""
    if newest is None or newest.begun.rollback_to is None or newest.left is None:
        return
    found, left = ({place_of(r): r for r in side.resources} for side in (newest.begun.found, newest.left))
    back = [c for c in changes if _goes_back(c, found.get(place_of(c.resource)), left.get(place_of(c.resource)))]
    if back:
        number, to = newest.number, newest.begun.rollback_to
        several = f"{len(back)} of these changes" if len(back) > 1 else f"The change of {back[0].resource.name}"
        files = number if to.before else to.number
        message = (
            f"A rollback is in force: apply {number} went back to what {to.state}. {several} would undo it. Change the "
            f"policy first, for example back to that of then (p3idp history restore-policy {files} DIR)."
        )
        yield Finding("rollback-in-force", f"apply {number}", message)


def _goes_back(change: Change, found: Resource | None, left: Resource | None) -> bool:
    """Whether a change leads to what was there before the rollback and not after it; of mappings, any one rule."""
    if change.resource.kind is Kind.MAPPING and change.after is not None:
        before, after = ({canonical(rule) for rule in rules_of(side)} for side in (found, left))
        here, then = ({canonical(rule) for rule in rules_of(side)} for side in (change.before, change.after))
        return bool((then - here) & (before - after) or (here - then) & (after - before))
    if change.after is None:
        return found is None and left is not None
    return satisfied(change.after, found) and not satisfied(change.after, left)
