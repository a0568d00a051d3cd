"""A project's token for who is signed in. Owns whether the broker or Keystone itself is asked, and how."""

from datetime import datetime

from p3idp.client.clouds import Cloud
from p3idp.client.identity import Identity, ProjectToken
from p3idp.client.keystone import Keystone
from p3idp.core.exchange.target import as_resource, as_scope, parse_scope
from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.names import ProjectRef


def make_project_token(
    identity: Identity, cloud: Cloud, project: str, now: datetime, *, by_id: bool = False
) -> ProjectToken:
    """Make one of NAME or NAME@DOMAIN, or of an id where that is said. Raises what the broker or Keystone refuses."""
    if not cloud.broker:
        keystone = Keystone(cloud, identity.access_token)
        reached = keystone.project(project)
        return ProjectToken(
            identity.owner, reached.reference, reached.id, keystone.url, reached.token, now, reached.ends_at
        )
    from p3idp.client.exchange import Broker  # with it comes requests: see http.py

    asked = {"resource": as_resource(v3_url(cloud.auth_url), project)} if by_id else {"scope": scope_of(project)}
    made = Broker(cloud.broker, cloud.verify).exchange(identity.access_token, **asked)
    name, domain = parse_scope(made.scope)
    reference = f"{name}@{domain}" if domain else name
    return ProjectToken(identity.owner, reference, made.project_id, made.auth_url, made.value, now, made.expires_at)


def scope_of(project: str) -> str:
    """A project as the broker reads it; without a domain, the site's own is meant."""
    name, at, domain = project.rpartition("@")
    return (as_scope(ProjectRef(domain, name)) if at else as_scope(ProjectRef("", project))).removesuffix("@")
