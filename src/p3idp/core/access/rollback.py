"""What should stand in Keystone so that an earlier apply's state is back. Owns what a rollback must not bring back.

The difference is plan.diff's as for any plan: what is not owned stays, projects, providers and protocols are never
deleted. Whether the snapshot is to be believed is ops/access_history's.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from p3idp.core.access.desired import Desired, desired_state
from p3idp.core.access.history import Begun, Place, place_of
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import rules_of
from p3idp.core.policy.model import Community, Policy


def rollback_state(policy: Policy, left: Snapshot, now: datetime) -> tuple[Desired, tuple[Finding, ...]]:
    """What an apply left of what its policy asked for, without access whose time is over, and notes on that.

    ``policy``: the one that was applied then. What it did not ask for was foreign, or was on its way out.
    """
    today = desired_state(policy, now)
    asked = {place_of(resource): resource for resource in today.resources}
    over = {r.key[1]: r for r in left.resources if r.kind is Kind.GROUP and r.owner and place_of(r) not in asked}
    pairs = [(resource, asked[place_of(resource)]) for resource in left.resources if place_of(resource) in asked]
    kept = tuple(replace(_asked(_without(one, over, its), its), owner=today.owner) for one, its in pairs)
    projects = {resource.key[4:] for resource in kept if resource.kind is Kind.ROLE_ASSIGNMENT}
    existing = tuple(ref for ref in today.existing_projects if (ref.domain, ref.name) in projects)
    return Desired(today.owner, _grounded(kept), existing), tuple(_note(group) for group in over.values())


def state_before(
    policy: Policy, begun: Begun, observed: Snapshot, now: datetime
) -> tuple[Desired, tuple[Finding, ...]]:
    """What an apply found, by the policy that was in force then, and notes on that.

    What was not this policy's then, and is since that apply took it over, goes on being so, as it was found: it is
    never removed. What the apply did not come to is left alone.
    """
    desired, notes = rollback_state(policy, begun.found, now)
    ours = {place_of(r) for side in (observed, begun.found) for r in side.resources if r.owner == desired.owner}
    theirs = {place_of(r): _touched(r, begun) for r in begun.found.resources if r.owner != desired.owner}
    merged = {**theirs, **{place_of(resource): resource for resource in desired.resources}}
    kept = {
        place: replace(r, owner=desired.owner) for place, r in merged.items() if place not in theirs or _held(r) in ours
    }
    led = {(Kind.MAPPING, (str(r.attributes["mapping"]),)) for r in kept.values() if r.kind is Kind.PROTOCOL}
    # A protocol of then may lead to somebody else's mapping, which stands as it stood.
    others = {place_of(r): r for r in observed.resources if place_of(r) in led}
    return Desired(desired.owner, _grounded((*{**others, **kept}.values(),)), desired.existing_projects), notes


def _touched(resource: Resource, begun: Begun) -> Resource:
    """Of a project, the properties that the apply was to change: the others are other people's."""
    if resource.kind is not Kind.PROJECT:
        return resource
    after = next((c.after for c in begun.wanted if c.after and place_of(c.after) == place_of(resource)), None)
    return _asked(resource, after or replace(resource, attributes={}))


def _held(resource: Resource) -> Place:
    """The thing whose mark says whose a resource is."""
    holders = {
        Kind.ROLE_ASSIGNMENT: (Kind.GROUP, resource.key[:2]),
        Kind.MEMBERSHIP: (Kind.GROUP, resource.key[:2]),
        Kind.PROTOCOL: (Kind.IDENTITY_PROVIDER, resource.key[:1]),
        Kind.MAPPING: (Kind.IDENTITY_PROVIDER, (resource.key[0].removeprefix("p3idp-"),)),
    }
    return holders.get(resource.kind, place_of(resource))


def stopped_access(last: Policy, changes: Sequence[Change], now: datetime) -> Iterator[Finding]:
    """What would come back though the policy that was applied last stopped it: a suspension, an earlier end."""
    given = {place_of(resource) for resource in desired_state(last, now).resources}
    grants = [c.after for c in changes if c.after and c.resource.kind is Kind.ROLE_ASSIGNMENT]
    back = {grant.key[:2] for grant in grants if place_of(grant) not in given}
    providers = [c.after for c in changes if c.after and c.resource.kind is Kind.IDENTITY_PROVIDER]
    opened = {each.key[0] for each in providers if each.attributes.get("enabled")}
    for provider in last.site.identity_providers:
        if provider.suspended is not None and provider.id in opened:
            told = f"By the policy that was applied last, {provider.id} is suspended. It would let people in again."
            yield Finding("stopped-access", provider.id, told)
    for community in last.communities:
        groups = {group for group in _stopped(community, now) if (last.site.domain, group) in back}
        if groups:
            why = "is suspended" if community.suspended else "has access that is not valid now"
            named = ", ".join(sorted(groups))
            told = f"By the policy that was applied last, {community.name} {why}. {named} would have roles again."
            yield Finding("stopped-access", community.name, told)


def _stopped(community: Community, now: datetime) -> Iterator[str]:
    whole = community.suspended is not None or not community.validity.holds(now)
    return (rule.group for rule in community.gives if whole or not rule.validity.holds(now))


def _without(resource: Resource, over: Mapping[str, Resource], today: Resource) -> Resource:
    """A mapping without the rules of groups that are over; Keystone wants at least one rule."""
    if resource.kind is not Kind.MAPPING or not over:
        return resource
    rules: Any = [rule for rule in rules_of(resource) if not _groups(rule) & over.keys()] or list(rules_of(today))
    return replace(resource, attributes={**resource.attributes, "rules": rules})


def _asked(resource: Resource, today: Resource) -> Resource:
    """With the attributes that the policy spoke of: a project's other properties are other people's."""
    attributes = {name: value for name, value in resource.attributes.items() if name in today.attributes}
    return replace(resource, attributes=attributes)


def _groups(rule: Mapping[str, Any]) -> set[str]:
    named = [(local.get("group") or {}).get("name") for local in rule.get("local") or ()]
    return {name.replace("{{", "{").replace("}}", "}") for name in named if isinstance(name, str)}


def _grounded(resources: tuple[Resource, ...]) -> tuple[Resource, ...]:
    """Without protocols whose mapping is not there: a list that was cut short may have lacked it."""
    mappings = {resource.key[0] for resource in resources if resource.kind is Kind.MAPPING}
    return tuple(r for r in resources if r.kind is not Kind.PROTOCOL or r.attributes.get("mapping") in mappings)


def _note(group: Resource) -> Finding:
    told = f"The access through {group.name} has ended since; a rollback does not bring it back."
    return Finding("access-ended", group.name, told, blocking=False)
