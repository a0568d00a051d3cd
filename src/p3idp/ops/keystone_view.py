"""Look at Keystone through a person's own eyes. Owns what is asked with their token, and what a failure leaves."""

from datetime import datetime

from p3idp.core.login.session import KeystoneView
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.ports.keystone import FederatedLogin, KeystoneToken, ReachableProject

MOST_PROJECTS = 20  # one call each while the person waits; the rest are named without their roles


def look(keystone: FederatedLogin, provider: IdentityProvider, token: RawToken, now: datetime) -> KeystoneView:
    """Log in with the token and list projects and roles. Raises nothing: a failure becomes ``problem``.

    Neither the person's token nor Keystone's outlives this call.
    """
    try:
        unscoped = keystone.login(provider, token)
        projects = sorted(keystone.projects(unscoped))
        seen = tuple((project.ref, _roles(keystone, unscoped, project)) for project in projects[:MOST_PROJECTS])
    except (FederatedLoginRefused, KeystoneUnreachable) as error:
        return KeystoneView(now, problem=error.code)
    return KeystoneView(now, unscoped.user_name, seen, tuple(project.ref for project in projects[MOST_PROJECTS:]))


def _roles(keystone: FederatedLogin, unscoped: KeystoneToken, project: ReachableProject) -> tuple[str, ...]:
    return tuple(sorted(keystone.scope_to(unscoped, project).roles))
