"""People whom a live cloud names: who is for good in a group that is theirs alone. Owns how they come into a policy."""

from dataclasses import replace

from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.policy.model import Community, NamedPerson, Policy, Project, ProjectRef, ProviderId

COMMUNITY = "named-people"


def with_people(policy: Policy, observed: Snapshot) -> Policy:
    """The policy with a community of those whom it would name the same: by provider, protocol, subject and group.

    Everything else in such a group is not of p3idp's making, and stays out.
    """
    protocols = {provider.id: provider.protocol for provider in policy.site.identity_providers}
    people = []
    for domain, group, provider, protocol, subject in sorted(observed.of(Kind.MEMBERSHIP)):
        person = NamedPerson(subject, ProviderId(provider), _grants(domain, group, observed))
        known = domain == policy.site.domain and protocols.get(person.identity_provider) == protocol
        if known and group == person.group and person.grants:
            people.append(person)
    if not people:
        return policy
    refs = sorted({ref for person in people for ref, _ in person.grants})
    projects = tuple(Project(ref, existing=True) for ref in refs)
    contact = policy.site.contact
    made = Community(_free(policy), "People who are named", contact, projects, (), people=tuple(people))
    return replace(policy, communities=(*policy.communities, made))


def without_people(policy: Policy) -> Policy:
    """The policy with nobody named."""
    return replace(policy, communities=tuple(replace(each, people=()) for each in policy.communities))


def _free(policy: Policy) -> str:
    taken = {community.name for community in policy.communities}
    names = (COMMUNITY, *(f"{COMMUNITY}-{number}" for number in range(2, len(taken) + 3)))
    return next(name for name in names if name not in taken)


def _grants(domain: str, group: str, observed: Snapshot) -> tuple[tuple[ProjectRef, tuple[str, ...]], ...]:
    found: dict[ProjectRef, set[str]] = {}
    for where, name, role, kind, project_domain, project in observed.of(Kind.ROLE_ASSIGNMENT):
        if (where, name, kind) == (domain, group, "project"):
            found.setdefault(ProjectRef(project_domain, project), set()).add(role)
    return tuple(sorted((ref, tuple(sorted(roles))) for ref, roles in found.items()))
