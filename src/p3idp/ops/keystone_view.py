"""Look at Keystone through a person's own eyes. Owns what is asked with their token, and what a failure leaves."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.credentials.outlook import is_for_exchange
from p3idp.core.login.session import KeystoneView
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider, ProjectRef
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.ports.keystone import FederatedLogin, KeystoneToken, ReachableProject

MOST_PROJECTS = 20  # one call each while the person waits; the rest are named without their roles


def look(keystone: FederatedLogin, provider: IdentityProvider, token: RawToken, now: datetime) -> KeystoneView:
    """Log in with the token and list projects and roles. Raises nothing: a failure becomes ``problem``.

    Neither the person's token nor Keystone's outlives this call.
    """
    return look_with_ids(keystone, provider, token, now)[0]


def look_with_ids(
    keystone: FederatedLogin, provider: IdentityProvider, token: RawToken, now: datetime
) -> tuple[KeystoneView, Mapping[ProjectRef, str]]:
    """The same, and the ids of the projects that Keystone listed."""
    try:
        unscoped = keystone.login(provider, token)
        projects = sorted(keystone.projects(unscoped))
        credentials, lapses_at = _held(keystone, unscoped, projects, now)
        first, rest = _split(projects, credentials or ())
        seen = tuple((project.ref, _roles(keystone, unscoped, project)) for project in first)
    except (FederatedLoginRefused, KeystoneUnreachable) as error:
        return KeystoneView(now, problem=error.code), {}
    unseen = tuple(project.ref for project in rest)
    view = KeystoneView(now, unscoped.user_name, seen, unseen, credentials=credentials, lapses_at=lapses_at)
    return view, {project.ref: project.id for project in projects}


def _held(
    keystone: FederatedLogin, unscoped: KeystoneToken, projects: Iterable[ReachableProject], now: datetime
) -> tuple[tuple[ApplicationCredential, ...] | None, datetime | None]:
    """What the person made themselves, projects named as far as they reach them. Without it, the rest still shows."""
    names = {project.id: project.ref for project in projects}
    try:
        listed, lapses_at = keystone.credentials(unscoped), keystone.lapses_at(unscoped)
    except (FederatedLoginRefused, KeystoneUnreachable):
        return None, None
    own = (each for each in listed if not is_for_exchange(each, now))
    return tuple(replace(each, project=names.get(each.project_id)) for each in own), lapses_at


def _split(
    projects: Sequence[ReachableProject], credentials: Iterable[ApplicationCredential]
) -> tuple[Sequence[ReachableProject], Sequence[ReachableProject]]:
    """The projects that are looked at, those of credentials among them, and the rest."""
    of_credentials = {each.project_id for each in credentials}
    first = [p for number, p in enumerate(projects) if number < MOST_PROJECTS or p.id in of_credentials]
    return first, [project for project in projects if project not in first]


def _roles(keystone: FederatedLogin, unscoped: KeystoneToken, project: ReachableProject) -> tuple[str, ...]:
    return tuple(sorted(keystone.scope_to(unscoped, project).roles))
