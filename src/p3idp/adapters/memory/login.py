"""A Keystone that people log in to, in memory. Owns the twin of adapters/keystone/login.py: same rules, no network.

It keeps what Keystone would keep (people, tokens, application credentials) and forgets it with the process.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import count

from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.model import IdentityProvider, ProjectRef
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable, KeystoneUserDisabled
from p3idp.ports.environment import Clock
from p3idp.ports.keystone import KeystoneToken, ReachableProject

_DOMAIN = ("domain-egi", "egi")


@dataclass(frozen=True, slots=True)
class MemoryCredential:
    """An application credential as this Keystone stores it: never its secret."""

    id: str
    name: str
    user_id: str
    project_id: str
    expires_at: datetime
    unrestricted: bool = False
    roles: tuple[str, ...] = ()


@dataclass(slots=True)
class MemoryPerson:
    """Someone whose access token works here, what their groups give them (project to roles), and what they made.

    ``enabled``: where it is not, they are let in and their token is taken nowhere.
    """

    name: str
    projects: Mapping[ProjectRef, tuple[str, ...]] = field(default_factory=dict)
    credentials: list[ApplicationCredential] = field(default_factory=list)
    enabled: bool = True


class MemoryKeystoneLogin:
    """FederatedLogin with a memory. ``calls`` lists what was asked, in order, for those who compare paths.

    ``caps_credentials`` off is a Keystone without the fix of CVE-2022-2447; ``down`` one that does not answer.
    """

    def __init__(self, clock: Clock, token_life: timedelta = timedelta(hours=1)) -> None:
        self._clock = clock
        self.token_life = token_life
        self.people: dict[str, MemoryPerson] = {}
        self.disabled: set[ProjectRef] = set()
        self.made: list[MemoryCredential] = []
        self.caps_credentials = True
        self.down = False
        self.calls: list[str] = []
        self._ids = count(1)
        self._issued: dict[str, tuple[MemoryPerson, IdentityProvider, str | None]] = {}

    def is_alive(self, token: KeystoneToken) -> bool:
        """Whether this Keystone would accept the token now."""
        known = self._issued.get(token.value.reveal())
        if known is None or token.expires_at <= self._clock():
            return False
        return known[2] is None or any(credential.id == known[2] for credential in self.made)

    def login(self, provider: IdentityProvider, token: RawToken) -> KeystoneToken:
        """Log in with an access token that a person of this Keystone holds."""
        self._asked("login")
        person = self.people.get(token.reveal())
        if person is None:
            raise FederatedLoginRefused("Keystone did not accept this token.")
        issued = self._clock().replace(microsecond=0)
        made = KeystoneToken(
            self._new_value(), f"user-{person.name}", person.name, issued + self.token_life, issued, user_domain=_DOMAIN
        )
        return self._remember(made, person, provider, None)

    def projects(self, token: KeystoneToken) -> Sequence[ReachableProject]:
        """The enabled projects of the person, sorted."""
        self._asked("projects")
        person, _, _ = self._known(token)
        if not person.enabled:
            raise KeystoneUserDisabled("This person's user at Keystone is disabled.")
        return tuple(sorted(_reachable(ref) for ref in person.projects if ref not in self.disabled))

    def scope_to(self, token: KeystoneToken, project: ReachableProject) -> KeystoneToken:
        """Rescope; the end stays (CVE-2026-44394), and a delegated token is refused."""
        self._asked("scope_to")
        person, provider, credential = self._known(token)
        if credential is not None or project.ref in self.disabled or project.ref not in person.projects:
            raise FederatedLoginRefused("Keystone does not give this person a token there.")
        roles = tuple(sorted(person.projects[project.ref]))
        scoped = replace(token, value=self._new_value(), project=project.ref, project_id=project.id, roles=roles)
        return self._remember(scoped, person, provider, None)

    def scope_until(self, token: KeystoneToken, project: ReachableProject, end: datetime, name: str) -> KeystoneToken:
        """Make a credential that ends, a token of it, and drop those that are over."""
        scoped = token if token.project_id == project.id else self.scope_to(token, project)
        self._asked("scope_until")
        person, provider, _ = self._known(scoped)
        now = self._clock()
        if not scoped.roles or not provider.authorization_ttl or end <= now:
            raise FederatedLoginRefused("Keystone does not let this person make an application credential.")
        if not self.caps_credentials:
            raise FederatedLoginRefused("Keystone did not keep to the end of an application credential.")
        made = MemoryCredential(
            f"credential-{next(self._ids)}", name, token.user_id, project.id, end, roles=scoped.roles
        )
        self.made = [kept for kept in self.made if not _is_over(kept, token.user_id, now)] + [made]
        # Like Keystone: to the second, never later than the credential.
        expires_at = min(end.replace(microsecond=0), now.replace(microsecond=0) + self.token_life)
        ended = replace(scoped, value=self._new_value(), expires_at=expires_at, issued_at=now)
        return self._remember(ended, person, provider, made.id)

    def credentials(self, token: KeystoneToken) -> Sequence[ApplicationCredential]:
        """What the person made themselves, and what was made for exchanges."""
        self._asked("credentials")
        person, _, _ = self._known(token)
        for_exchange = [
            ApplicationCredential(c.id, c.name, None, c.project_id, c.roles, c.expires_at, c.unrestricted)
            for c in self.made
            if c.user_id == token.user_id
        ]
        return tuple(sorted([*person.credentials, *for_exchange], key=lambda each: (each.name, each.id)))

    def lapses_at(self, token: KeystoneToken) -> datetime | None:
        """The time to live of the provider, from the login on."""
        self._asked("lapses_at")
        _, provider, _ = self._known(token)
        return token.issued_at + provider.authorization_ttl

    def _asked(self, what: str) -> None:
        self.calls.append(what)
        if self.down:
            raise KeystoneUnreachable("Keystone does not answer.")

    def _known(self, token: KeystoneToken) -> tuple[MemoryPerson, IdentityProvider, str | None]:
        if not self.is_alive(token):
            raise FederatedLoginRefused("Keystone does not know this token.")
        return self._issued[token.value.reveal()]

    def _new_value(self) -> Secret[str]:
        return Secret(f"keystone-token-{next(self._ids)}")

    def _remember(
        self, token: KeystoneToken, person: MemoryPerson, provider: IdentityProvider, credential: str | None
    ) -> KeystoneToken:
        self._issued[token.value.reveal()] = (person, provider, credential)
        return token


def _reachable(ref: ProjectRef) -> ReachableProject:
    return ReachableProject(ref, f"id-of-{ref.name}-in-{ref.domain}")


def _is_over(credential: MemoryCredential, user_id: str, now: datetime) -> bool:
    ours = credential.user_id == user_id and credential.name.startswith(CREDENTIAL_PREFIX)
    return ours and credential.expires_at <= now
