"""What ops need of Keystone: read and write federation objects, and log a person in with their own token."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Snapshot
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider, ProjectRef
from p3idp.core.secret import Secret


@dataclass(frozen=True, slots=True)
class KeystoneToken:
    """A token Keystone issued. ``expires_at`` as Keystone says it; ``project`` where it is scoped.

    ``user_domain`` is the domain of the person, by id and name.
    """

    value: Secret[str]
    user_id: str
    user_name: str
    expires_at: datetime
    issued_at: datetime
    project: ProjectRef | None = None
    project_id: str | None = None
    roles: tuple[str, ...] = ()
    user_domain: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True, order=True)
class ReachableProject:
    """A project that a person can scope to, as Keystone lists it."""

    ref: ProjectRef
    id: str


class FederatedLogin(Protocol):
    """Uses Keystone as the person does, with the person's own token."""

    def login(self, provider: IdentityProvider, token: RawToken) -> KeystoneToken:
        """Unscoped token for an access token. Raises FederatedLoginRefused, KeystoneUnreachable."""
        ...

    def projects(self, token: KeystoneToken) -> Sequence[ReachableProject]:
        """The enabled projects this token may be scoped to (GET /v3/auth/projects), sorted.

        Raises FederatedLoginRefused, KeystoneUnreachable."""
        ...

    def scope_to(self, token: KeystoneToken, project: ReachableProject) -> KeystoneToken:
        """Rescope to one project; roles included. Raises FederatedLoginRefused."""
        ...

    def scope_until(self, token: KeystoneToken, project: ReachableProject, end: datetime, name: str) -> KeystoneToken:
        """A scoped token that Keystone itself ends at ``end``, through a restricted application credential
        called ``name`` that expires then. ``token`` may be unscoped, or scoped to that project already; then the
        credential has the roles that ``token`` names, which may be fewer than Keystone gave it.

        The credential's secret is forgotten at once; earlier ones of this person that have expired are deleted
        from time to time.
        Raises FederatedLoginRefused where Keystone does not allow it or does not keep ``end``."""
        ...

    def credentials(self, token: KeystoneToken) -> Sequence[ApplicationCredential]:
        """All application credentials of the token's person, by name; their projects are known by id alone.

        Raises FederatedLoginRefused, KeystoneUnreachable."""
        ...

    def lapses_at(self, token: KeystoneToken) -> datetime | None:
        """When the first of the person's group memberships lapses, if there is no further login; None for never.

        The moment of the login where Keystone keeps no membership beyond it.
        Raises FederatedLoginRefused, KeystoneUnreachable."""
        ...


class FederationReader(Protocol):
    """Lists what planning needs, and can do nothing else."""

    def read(self, domain: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Snapshot:
        """What Keystone holds: groups and their grants of one domain, everything else of all.

        ``kinds`` narrows it; roles come with a whole reading only.

        Raises KeystoneUnreachable, KeystoneRefusedCredentials, KeystoneForbids.
        """
        ...

    def target(self) -> str:
        """The address of this Keystone."""
        ...


class FederationWriter(Protocol):
    """Makes one change. Repeating one does no harm."""

    def write(self, change: Change) -> None:
        """Make the change. Returning does not prove it: read back.

        Raises KeystoneConflict where Keystone did not take it, KeystoneUnreachable, KeystoneForbids.
        """
        ...

    def account(self) -> str:
        """The id of the Keystone user that p3idp writes as."""
        ...
