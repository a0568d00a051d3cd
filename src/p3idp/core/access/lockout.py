"""Whether a plan shuts the last door to admin. Owns that finding.

A grant that somebody added directly in Keystone is no door of the policy's: taking it away locks nobody out.
"""

from collections.abc import Iterator, Mapping, Sequence

from p3idp.core.access.history import Baseline, Place, place_of
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import rules_of
from p3idp.core.access.rule_groups import groups_named
from p3idp.core.access.thresholds import Thresholds

State = Mapping[Place, Resource]


def lockout(
    observed: Snapshot, changes: Sequence[Change], known: Baseline | None, limits: Thresholds
) -> Iterator[Finding]:
    """Whether nobody could come to admin any more by signing in, where somebody can now."""
    if not changes:
        return
    before = {place_of(r): r for r in observed.resources if not _came_directly(r, known)}
    after = {place_of(r): r for r in observed.resources}
    for change in changes:
        if change.after is None:
            after.pop(place_of(change.resource), None)
        else:
            after[place_of(change.resource)] = change.after
    if _admits(before, observed, limits) and not _admits(after, observed, limits):
        told = "Afterwards no rule and no grant leads anybody who signs in to admin: only local accounts are left."
        yield Finding("last-admin", "admin", told, second_person=True)


def _came_directly(resource: Resource, known: Baseline | None) -> bool:
    grant = resource.kind is Kind.ROLE_ASSIGNMENT
    return grant and known is not None and known.at_place(resource.kind, resource.key) == (None,)


def _admits(state: State, observed: Snapshot, limits: Thresholds) -> bool:
    """Whether some provider that is open has a rule for some group that has admin, or somebody named who is in one."""
    grants = (resource for (kind, _), resource in state.items() if kind is Kind.ROLE_ASSIGNMENT)
    admins = {grant.key[:2] for grant in grants if limits.reached(grant.key[2], observed)}
    named = {key[2] for kind, key in state if kind is Kind.MEMBERSHIP and key[:2] in admins}
    protocols = [resource for (kind, _), resource in state.items() if kind is Kind.PROTOCOL] if admins else []
    for protocol in protocols:
        provider = state.get((Kind.IDENTITY_PROVIDER, protocol.key[:1]))
        if provider is None or not provider.attributes.get("enabled"):
            continue
        if protocol.key[0] in named:
            return True
        mapping = state.get((Kind.MAPPING, (str(protocol.attributes.get("mapping")),)))
        if any(groups_named(rule)[0] & admins for rule in rules_of(mapping)):
            return True
    return False
