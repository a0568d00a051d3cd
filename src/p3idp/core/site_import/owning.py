"""What in a live cloud is a policy's of p3idp already. Owns how its marks come back into a policy."""

from collections import Counter
from dataclasses import replace

from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.policy.model import Community, Policy, PolicyId, Project


def owned(policy: Policy, observed: Snapshot) -> Policy:
    """The policy under the name that the marks of its providers give it; projects with that mark are made by it.

    Marks on other things do not count: a policy of that name may stand elsewhere, and own what is not in this one.
    """
    providers = observed.of(Kind.IDENTITY_PROVIDER)
    taken = [found for each in policy.site.identity_providers if (found := providers.get((each.id,)))]
    marks = Counter(each.owner for each in taken if each.owner)
    if not marks:
        return policy
    owner = min(marks, key=lambda each: (-marks[each], each))
    communities = tuple(_community(each, observed, owner) for each in policy.communities)
    return replace(policy, site=replace(policy.site, id=PolicyId(owner)), communities=communities)


def _community(community: Community, observed: Snapshot, owner: str) -> Community:
    return replace(community, projects=tuple(_project(each, observed, owner) for each in community.projects))


def _project(project: Project, observed: Snapshot, owner: str) -> Project:
    found = observed.of(Kind.PROJECT).get((project.ref.domain, project.ref.name))
    if found is None or found.owner != owner:
        return project
    properties = tuple((name, str(found.attributes[name])) for name in sorted(found.attributes))
    return replace(project, existing=False, properties=properties)
