"""What in a live cloud is a policy's of p3idp already. Owns how its marks come back into a policy."""

from collections import Counter
from dataclasses import replace

from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.policy.model import Community, Policy, PolicyId, Project

_MARKED = (Kind.IDENTITY_PROVIDER, Kind.GROUP, Kind.PROJECT)


def owned(policy: Policy, observed: Snapshot) -> Policy:
    """The policy under the name that Keystone's marks give it; projects with that mark are made by it, not found."""
    marks = Counter(
        resource.owner
        for kind in _MARKED
        for resource in observed.of(kind).values()
        if resource.owner and (kind is not Kind.IDENTITY_PROVIDER or _is_ours(policy, resource.key[0]))
    )
    if not marks:
        return policy
    ((owner, _),) = sorted(marks.items(), key=lambda each: (-each[1], each[0]))[:1]
    communities = tuple(_community(each, observed, owner) for each in policy.communities)
    return replace(policy, site=replace(policy.site, id=PolicyId(owner)), communities=communities)


def _is_ours(policy: Policy, provider: str) -> bool:
    return any(each.id == provider for each in policy.site.identity_providers)


def _community(community: Community, observed: Snapshot, owner: str) -> Community:
    return replace(community, projects=tuple(_project(each, observed, owner) for each in community.projects))


def _project(project: Project, observed: Snapshot, owner: str) -> Project:
    found = observed.of(Kind.PROJECT).get((project.ref.domain, project.ref.name))
    if found is None or found.owner != owner:
        return project
    properties = tuple((name, str(found.attributes[name])) for name in sorted(found.attributes))
    return replace(project, existing=False, properties=properties)
