"""What should stand in Keystone for a policy at a moment. Owns the translation from policy to resources."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.access.resources import Key, Kind, Resource
from p3idp.core.audit.event import Json
from p3idp.core.mappings.compile import attribute, compile_mapping, mapping_id
from p3idp.core.policy.model import IdentityProvider, Policy, ProjectRef


@dataclass(frozen=True, slots=True)
class Desired:
    """The resources that should be there, and the projects that the site said it has."""

    owner: str
    resources: tuple[Resource, ...]
    existing_projects: tuple[ProjectRef, ...]


def desired_state(policy: Policy, now: datetime) -> Desired:
    """Everything the policy asks for at ``now``. Groups and grants of what is not valid now are left out."""
    owner = str(policy.site.id)
    domain = policy.site.domain
    projects = {p.ref: p for community in policy.communities for p in community.projects}
    # Several communities may share a project; what each says of it adds up, and the policy files see to it that no
    # two say different things.
    properties: defaultdict[ProjectRef, dict[str, Json]] = defaultdict(dict)
    for project in (p for community in policy.communities for p in community.projects):
        properties[project.ref].update(project.properties)
    made = [
        Resource(Kind.PROJECT, (p.ref.domain, p.ref.name), properties[p.ref], owner)
        for p in projects.values()
        if not p.existing
    ]
    resources = [
        Resource(Kind.DOMAIN, (domain,), {}, owner),
        *made,
        *_groups_and_grants(policy, now, owner),
        *(r for provider in policy.site.identity_providers for r in _provider(policy, provider, now, owner)),
    ]
    unique = {(resource.kind, resource.key): resource for resource in resources}
    return Desired(owner, tuple(unique.values()), tuple(sorted(p.ref for p in projects.values() if p.existing)))


def _provider(policy: Policy, provider: IdentityProvider, now: datetime, owner: str) -> Iterator[Resource]:
    mapping = compile_mapping(policy, provider, now)
    yield Resource(
        Kind.IDENTITY_PROVIDER,
        (str(provider.id),),
        {
            "authorization_ttl": int(provider.authorization_ttl.total_seconds()) // 60,
            "domain": policy.site.domain,
            "enabled": provider.suspended is None,
            "issuers": sorted(provider.issuers),
        },
        owner,
    )
    rules: Mapping[str, Json] = {"rules": list(mapping.rules), "schema_version": mapping.schema_version}
    yield Resource(Kind.MAPPING, (mapping_id(provider),), rules, owner)
    yield Resource(
        Kind.PROTOCOL,
        (str(provider.id), provider.protocol),
        {"mapping": mapping_id(provider), "remote_id_attribute": attribute("iss")},
        owner,
    )


def _groups_and_grants(policy: Policy, now: datetime, owner: str) -> Iterator[Resource]:
    domain = policy.site.domain
    grants: defaultdict[str, set[Key]] = defaultdict(set)
    for rule in policy.rules_at(now):
        # The group of a rule that gives nothing, because its community is suspended, stands all the same.
        grants[rule.group] |= {
            (domain, rule.group, role, "project", project.domain, project.name)
            for project, roles in rule.grants
            for role in roles
        }
    for person in policy.people_at(now):
        grants[person.group] |= {
            (domain, person.group, role, "project", project.domain, project.name)
            for project, roles in person.grants
            for role in roles
        }
        # It lasts, so that roles are there before the first login; nobody else is in this group.
        provider = policy.site.provider(person.identity_provider)
        key = (domain, person.group, str(provider.id), provider.protocol, person.subject)
        yield Resource(Kind.MEMBERSHIP, key, {}, owner)
    for group, keys in grants.items():
        yield Resource(Kind.GROUP, (domain, group), {}, owner)
        yield from (Resource(Kind.ROLE_ASSIGNMENT, key, {}, owner) for key in keys)
