"""Application credentials of one's own, at Keystone. Owns the calls, and what Keystone's refusals mean to a person.

Keystone makes them for whoever signed in, and not for a token that itself came from an application credential, as a
broker's mostly do (docs/adr/0003-token-lifetime.md): so all of this goes in at its federated door. What is made here is
restricted (it makes no further credentials) and ends. Words and forms: Identity API v3, "Application credentials".
"""

from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import quote

from p3idp.client.clouds import Cloud
from p3idp.client.credential_values import MadeCredential, OwnCredential, Wish, as_credential, asked_of
from p3idp.client.here import Desk
from p3idp.client.http import Answer
from p3idp.client.keystone import Keystone, ReachedProject, as_keystone
from p3idp.core.secret import Secret
from p3idp.errors import P3idpError
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.own_credentials import CredentialNameTaken, CredentialRefused, OwnCredentialUnknown, RoleNotYours

T = TypeVar("T")
_LAPSED = "Could not find role assignment"


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
            answer = self.keystone.web.post_json(self._url(), {"application_credential": asked_of(wish)}, token)
        if answer.status == 409:
            raise CredentialNameTaken(f"You have an application credential named {wish.name} already.")
        body = _body(answer, 201, "make the application credential")
        return _read(
            lambda: MadeCredential(
                as_credential(body["application_credential"]),
                Secret(str(body["application_credential"]["secret"])),
                project.reference,
                self.keystone.url,
            )
        )

    def listed(self) -> list[OwnCredential]:
        """All of the person's, of every project, by name."""
        body = _body(self._get(self._url()), 200, "list your application credentials")
        found = _read(lambda: [as_credential(each) for each in body["application_credentials"]])
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
