"""Where policy and Keystone differ, and on which side it happened. Owns the three-way comparison.

What differs is plan.diff's; what p3idp last left is history.Baseline. Of both sides, the one that is no longer as
p3idp left it has changed. What a direct change means for a plan is direct_changes.py's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from p3idp.core.access.desired import Desired
from p3idp.core.access.history import Baseline, place_of
from p3idp.core.access.plan import Change, satisfied
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import RuleChange, rule_changes, rules_of
from p3idp.core.audit.event import Json, canonical

SCHEMA_VERSION_RESET = "schema-version-reset"
_MARKED = frozenset({Kind.IDENTITY_PROVIDER, Kind.PROJECT, Kind.GROUP})
States = Sequence[Resource | None]


class Cause(StrEnum):
    """On which side a difference arose."""

    POLICY = "policy"  # the policy changed, or a validity began or ended: Keystone is as p3idp left it
    KEYSTONE = "keystone"  # changed directly in Keystone: the policy still says what p3idp last applied
    BOTH = "both"  # both changed, and differently
    UNKNOWN = "unknown"  # p3idp has no record of what it left there


@dataclass(frozen=True, slots=True)
class Difference:
    """One attribute that differs; ``attribute`` is empty where the whole thing is there on one side only.

    ``rules``: of a mapping's rules, each that differs and on which side. ``trap``: a known way to such a difference,
    by name.
    """

    change: Change
    attribute: str
    policy: Json
    keystone: Json
    cause: Cause
    rules: tuple[tuple[RuleChange, Cause], ...] = ()
    trap: str = ""


def differences(changes: Sequence[Change], known: Baseline | None, owner: str) -> tuple[Difference, ...]:
    """What differs, in the order of the plan: at least one for each of its changes. ``owner``: the policy's id."""
    return tuple(found for change in changes for found in _of(change, _left(change, known, owner)))


def foreign(
    desired: Desired, observed: Snapshot, changes: Sequence[Change], known: Baseline | None
) -> tuple[Resource, ...]:
    """What stands in the site's domain and is neither asked for nor of this policy's making. Never touched."""
    ours = {place_of(each) for each in (*desired.resources, *(change.resource for change in changes))}
    ours |= {(Kind.PROJECT, (ref.domain, ref.name)) for ref in desired.existing_projects} | set(
        known.states if known else ()
    )
    domains = {key[0] for kind, key in ours if kind is Kind.DOMAIN}
    found = (r for r in observed.resources if place_of(r) not in ours and _domain(r, observed) in domains)
    # Somebody's protocol at our provider is somebody's all the same: the mark is the provider's.
    return tuple(sorted((r for r in found if r.kind is Kind.PROTOCOL or r.owner != desired.owner), key=place_of))


def _domain(resource: Resource, observed: Snapshot) -> str:
    """The domain that a thing of a kind worth listing is in; grants are told by their groups."""
    if resource.kind in (Kind.GROUP, Kind.PROJECT):
        return resource.key[0]
    if resource.kind in (Kind.IDENTITY_PROVIDER, Kind.PROTOCOL):
        provider = observed.of(Kind.IDENTITY_PROVIDER).get(resource.key[:1])
        return str(provider.attributes.get("domain")) if provider else ""
    return ""


def _left(change: Change, known: Baseline | None, owner: str) -> States:
    """How p3idp may have left this; nothing where it cannot know. What was never ours it left as it is."""
    before, place = change.before, place_of(change.resource)
    if (known is None or place not in known.states) and before is not None and before.owner != owner:
        return (before,)
    if known is None:
        return (None,) if before is None else ()
    return known.at_place(*place)


def _of(change: Change, left: States) -> Iterator[Difference]:
    before, after = change.before, change.after
    if before is None or after is None:
        cause = _cause([state is not None for state in left], before is not None, after is not None)
        if cause is Cause.KEYSTONE and after and not any(satisfied(after, state) for state in left):
            cause = Cause.BOTH
        yield Difference(change, "", after is not None, before is not None, cause)
        return
    if change.adopts and change.resource.kind in _MARKED:
        owners = [state.owner for state in left if state]
        yield Difference(change, "owner", after.owner, before.owner, _cause(owners, before.owner, after.owner))
    for name, (old, new) in change.different.items():
        cause = _cause([state.attributes.get(name) if state else None for state in left], old, new)
        rules = _rules(before, after, left, cause) if (change.resource.kind, name) == (Kind.MAPPING, "rules") else ()
        yield Difference(change, name, new, old, cause, rules, _trap(name, old, cause))


def _cause(left: Sequence[Json], keystone: Json, policy: Json) -> Cause:
    if not left:
        return Cause.UNKNOWN
    if keystone in left:
        return Cause.POLICY
    return Cause.KEYSTONE if policy in left else Cause.BOTH


def _trap(name: str, keystone: Json, cause: Cause) -> str:
    # Keystone falls back to its default, 1.0, wherever a PATCH leaves the version out, as these tools do.
    return SCHEMA_VERSION_RESET if (name, keystone) == ("schema_version", "1.0") and cause is not Cause.POLICY else ""


def _rules(before: Resource, after: Resource, left: States, whole: Cause) -> tuple[tuple[RuleChange, Cause], ...]:
    """Each rule that differs, and on which side; it needs a look at each only where both sides changed."""
    found = rule_changes(rules_of(before), rules_of(after))
    if whole is not Cause.BOTH:
        return tuple((each, whole) for each in found)
    written = {canonical(rule) for state in left for rule in rules_of(state)}
    return tuple((each, _rule_cause(each, written)) for each in found)


def _rule_cause(change: RuleChange, written: set[str]) -> Cause:
    keystone = change.keystone is not None and canonical(change.keystone) in written
    policy = change.policy is not None and canonical(change.policy) in written
    if change.what == "added":
        return Cause.POLICY if keystone else Cause.KEYSTONE
    if change.what == "gone":
        return Cause.KEYSTONE if policy else Cause.POLICY
    return Cause.POLICY if keystone else Cause.KEYSTONE if policy else Cause.BOTH
