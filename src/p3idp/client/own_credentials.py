"""Application credentials of one's own, at Keystone. Owns the calls, and what Keystone's refusals mean to a person.

Keystone makes them for whoever signed in, and not for a token that itself came from an application credential, as a
broker's mostly do (docs/adr/0003-token-lifetime.md): so all of this goes in at its federated door. What is made here is
restricted (it makes no further credentials) and ends. Words and forms: Identity API v3, "Application credentials".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import quote

from p3idp.client.clouds import Cloud
from p3idp.client.here import Desk
from p3idp.client.http import Answer
from p3idp.client.keystone import Keystone, ReachedProject, as_keystone
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.own_credentials import CredentialNameTaken, CredentialRefused, OwnCredentialUnknown, RoleNotYours

T = TypeVar("T")
RUN_PREFIX = "p3idp-exec-"  # made by `p3idp exec --long` for one run
_LAPSED = "Could not find role assignment"


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A request that a narrowed credential may make: a method, a service's type, and a path of its API."""

    method: str
    service: str
    path: str

    def __str__(self) -> str:
        return f"{self.method}:{self.service}:{self.path}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. Without ``roles``: all that the person has. ``ends_at`` is in whole seconds."""

    name: str
    ends_at: datetime
    roles: tuple[str, ...] = ()
    rules: tuple[AccessRule, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class OwnCredential:
    """One application credential as Keystone shows it; it shows no secret. ``ends_at``: None where it has no end."""

    id: str
    name: str
    project_id: str
    roles: tuple[str, ...]
    ends_at: datetime | None
    unrestricted: bool
    rules: tuple[AccessRule, ...]
    description: str

    @property
    def is_of_exchange(self) -> bool:
        """Whether a broker made it for one exchange."""
        return self.name.startswith(CREDENTIAL_PREFIX)

    def is_over(self, now: datetime) -> bool:
        """Whether its own end has come."""
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class MadeCredential:
    """A new one with its secret, which is shown this once. ``auth_url``: the Keystone it is for."""

    credential: OwnCredential
    secret: Secret[str]
    project: str
    auth_url: str


class OwnCredentials:
    """The credentials of whoever this Keystone was reached as. All methods raise as Keystone.log_in does."""

    def __init__(self, keystone: Keystone) -> None:
        self.keystone = keystone

    def create(self, project: ReachedProject, wish: Wish) -> MadeCredential:
        """Make one. Raises RoleNotYours, CredentialNameTaken or CredentialRefused."""
        foreign = sorted(set(wish.roles) - set(project.roles))
        if foreign:
            yours = ", ".join(project.roles)
            raise RoleNotYours(f"In {project.reference} you have {yours}, and not {', '.join(foreign)}.")
        token = {"X-Auth-Token": project.token.reveal()}
        with as_keystone():
            answer = self.keystone.web.post_json(self._url(), {"application_credential": _asked(wish)}, token)
        if answer.status == 409:
            raise CredentialNameTaken(f"You have an application credential named {wish.name} already.")
        body = _body(answer, 201, "make the application credential")
        return _read(
            lambda: MadeCredential(
                _credential(body["application_credential"]),
                Secret(str(body["application_credential"]["secret"])),
                project.reference,
                self.keystone.url,
            )
        )

    def listed(self) -> list[OwnCredential]:
        """All of the person's, of every project, by name."""
        body = _body(self._get(self._url()), 200, "list your application credentials")
        found = _read(lambda: [_credential(each) for each in body["application_credentials"]])
        return sorted(found, key=lambda each: (each.name, each.id))

    def named(self, text: str) -> OwnCredential:
        """The one of this name or id. Raises OwnCredentialUnknown."""
        found = [each for each in self.listed() if text in (each.name, each.id)]
        if len(found) != 1:
            raise OwnCredentialUnknown(f"You have no application credential named {text}.")
        return found[0]

    def end(self, credential: OwnCredential) -> None:
        """Delete it, and make sure that Keystone knows it no more: its tokens end with it. Raises CredentialRefused."""
        with as_keystone():
            answer = self.keystone.web.delete(self._url(credential.id), self._headers())
        if answer.status not in (204, 404):
            raise _refused(answer, "end the application credential")
        left = self._get(self._url(credential.id)).status
        if left != 404:
            raise CredentialRefused(f"Keystone still answers for {credential.name} after its end (status {left}).")

    def _get(self, url: str) -> Answer:
        with as_keystone():
            return self.keystone.web.get(url, self._headers())

    def _headers(self) -> dict[str, str]:
        return {"X-Auth-Token": self.keystone.log_in().token.reveal()}

    def _url(self, credential_id: str = "") -> str:
        user = quote(self.keystone.log_in().id, safe="")
        one = f"/{quote(credential_id, safe='')}" if credential_id else ""
        return f"{self.keystone.url}/users/{user}/application_credentials{one}"


def own_credentials(here: Desk, cloud: Cloud) -> OwnCredentials:
    """Come to Keystone as whoever is signed in here. Raises SignInNeeded, KeystoneRefusedPerson or CloudUnknown."""
    if cloud.broker and not (cloud.auth_url and cloud.identity_provider and cloud.protocol):
        cloud = here.completed(cloud)  # remembered from before its broker said where Keystone is
    return here.work.with_identity(cloud, lambda identity: _come_in(Keystone(cloud, identity.access_token)))


def _come_in(keystone: Keystone) -> OwnCredentials:
    keystone.log_in()
    return OwnCredentials(keystone)


def _asked(wish: Wish) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "name": wish.name,
        "unrestricted": False,
        "expires_at": wish.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    if wish.description:
        asked["description"] = wish.description
    if wish.roles:
        asked["roles"] = [{"name": role} for role in wish.roles]
    if wish.rules:
        asked["access_rules"] = [
            {"method": each.method, "service": each.service, "path": each.path} for each in wish.rules
        ]
    return asked


def _body(answer: Answer, wanted: int, task: str) -> dict[str, Any]:
    if answer.status != wanted:
        raise _refused(answer, task)
    return answer.json_object()


def _refused(answer: Answer, task: str) -> P3idpError:
    try:
        error: Any = answer.json_object()["error"]
        said = str(error["message"])[:500]
    except (P3idpError, KeyError, TypeError):
        said = ""
    if answer.status >= 500:
        return KeystoneUnreachable(f"Keystone could not {task} (status {answer.status}).", hint="Try again later.")
    detail = f"Keystone did not {task} (status {answer.status}): {said or 'it does not say why'}"
    if _LAPSED in said:
        return CredentialRefused(
            detail, hint="The site must let memberships last beyond a login: authorization_ttl in its policy."
        )
    return CredentialRefused(detail)


def _read(read: Callable[[], T]) -> T:
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise CredentialRefused("Keystone answers something that is not an application credential.") from exc


def _credential(shown: Mapping[str, Any]) -> OwnCredential:
    rules = [AccessRule(str(each["method"]), str(each["service"]), str(each["path"]))
             for each in shown.get("access_rules") or ()]  # fmt: skip
    return OwnCredential(
        id=str(shown["id"]),
        name=str(shown["name"]),
        project_id=str(shown.get("project_id") or ""),
        roles=tuple(sorted(str(role["name"]) for role in shown["roles"])),
        ends_at=_moment(shown.get("expires_at")),
        unrestricted=bool(shown.get("unrestricted")),
        rules=tuple(sorted(rules, key=str)),
        description=str(shown.get("description") or ""),
    )


def _moment(text: str | None) -> datetime | None:
    """Keystone's moments are UTC and do not say so."""
    if text is None:
        return None
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
