"""Keystone without a broker: a federated login with the provider's token, and what it reaches. Owns those calls.

So a site that gives p3idp up keeps its command line. Names are Keystone's (OS-FEDERATION, /v3/auth).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from p3idp.client.clouds import Cloud
from p3idp.client.http import Answer, Web
from p3idp.core.keystone_url import v3_url
from p3idp.core.secret import Secret
from p3idp.errors.client import SignInNeeded
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.errors.login import ProviderUnreachable
from p3idp.errors.sign_in import CloudUnknown, KeystoneRefusedPerson


@dataclass(frozen=True, slots=True)
class KeystonePerson:
    """Somebody as Keystone knows them, with a token of no project."""

    id: str
    token: Secret[str]


@dataclass(frozen=True, slots=True)
class ReachedProject:
    """A project that the person can work in, with the roles there, sorted."""

    name: str
    domain: str
    id: str
    roles: tuple[str, ...]
    token: Secret[str]
    ends_at: datetime

    @property
    def reference(self) -> str:
        """As people write it."""
        return f"{self.name}@{self.domain}"


class Keystone:
    """Keystone as a person meets it, with that person's token of the identity provider."""

    def __init__(self, cloud: Cloud, access_token: Secret[str]) -> None:
        missing = [name for name in ("auth_url", "identity_provider", "protocol") if not getattr(cloud, name)]
        if missing:
            raise CloudUnknown(
                f"For the cloud {cloud.name} these are not known: {', '.join(missing)}.",
                hint="Give them to `p3idp login`, or write them into the configuration file.",
            )
        self.web, self.url = Web(cloud.verify), v3_url(cloud.auth_url)
        idp, protocol = quote(cloud.identity_provider, safe=""), quote(cloud.protocol, safe="")
        self._login = f"{self.url}/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/auth"
        self._access_token = access_token
        self._person: KeystonePerson | None = None

    def projects(self, maybe: Callable[[str, str], bool] = lambda name, id_: True) -> list[ReachedProject]:
        """All that this person reaches now, by name; of those whose name and id ``maybe`` says yes to.

        Raises SignInNeeded or KeystoneRefusedPerson.
        """
        person = self.log_in()
        with as_keystone():
            answer = self.web.get(f"{self.url}/auth/projects", {"X-Auth-Token": person.token.reveal()})
        listed = answer.json_object().get("projects") if answer.status == 200 else None
        if not isinstance(listed, list):
            raise KeystoneRefusedPerson(f"Keystone does not list your projects (status {answer.status}).")
        named = [(str(each.get("name")), str(each.get("id"))) for each in listed if isinstance(each, dict)]
        ids = [id_ for name, id_ in named if maybe(name, id_)]
        found = [self._scoped(person.token, project_id) for project_id in ids]
        return sorted((each for each in found if each is not None), key=lambda each: each.reference)

    def project(self, named: str) -> ReachedProject:
        """The one project of this name (NAME or NAME@DOMAIN) or id. Raises KeystoneRefusedPerson."""
        maybe = self.projects(lambda name, id_: named in (name, id_) or named.startswith(f"{name}@"))
        found = [each for each in maybe if named in (each.reference, each.name, each.id)]
        if len(found) != 1:
            told = "You have several projects" if found else "You have no project"
            raise KeystoneRefusedPerson(f"{told} named {named}.", hint="`p3idp projects` lists yours.")
        return found[0]

    def log_in(self) -> KeystonePerson:
        """Come in through the federated door, once. Raises SignInNeeded or KeystoneRefusedPerson."""
        if self._person is None:
            self._person = self._logged_in()
        return self._person

    def _logged_in(self) -> KeystonePerson:
        with as_keystone():
            answer = self.web.post(self._login, {}, {"Authorization": f"Bearer {self._access_token.reveal()}"})
        if answer.status == 401 and answer.headers.get("www-authenticate", "").startswith("Keystone"):
            # Its front took the token, and none of the site's rules fits: another sign-in would bring the same.
            raise KeystoneRefusedPerson("Keystone gives you nothing for what the identity provider says of you.",
                                        hint="Ask your community, or the site, for access.")  # fmt: skip
        if answer.status == 401:
            raise SignInNeeded("Keystone does not take the access token.", hint="Sign in again: p3idp login --again")
        if answer.status != 201:
            raise KeystoneRefusedPerson(f"Keystone does not let you in (status {answer.status}).")
        try:
            body: Any = answer.json_object()["token"]
            return KeystonePerson(str(body["user"]["id"]), Secret(answer.headers["x-subject-token"]))
        except (KeyError, TypeError) as exc:
            raise KeystoneRefusedPerson("Keystone answers something that is not a token.") from exc

    def _scoped(self, unscoped: Secret[str], project_id: str) -> ReachedProject | None:
        """A token of this project; None where Keystone lists it and gives none."""
        identity = {"methods": ["token"], "token": {"id": unscoped.reveal()}}
        body = {"auth": {"identity": identity, "scope": {"project": {"id": project_id}}}}
        with as_keystone():
            answer = self.web.post_json(f"{self.url}/auth/tokens", body)
        return _read(answer) if answer.status == 201 else None


@contextmanager
def as_keystone() -> Iterator[None]:
    """Silence within is Keystone's, and not the identity provider's."""
    try:
        yield
    except ProviderUnreachable as exc:
        raise KeystoneUnreachable(f"Keystone cannot be asked: {exc.detail}", hint="Try again later.") from exc


def revoke(web: Web, auth_url: str, token: Secret[str]) -> bool:
    """End a Keystone token as its holder; whether Keystone did."""
    headers = {"X-Auth-Token": token.reveal(), "X-Subject-Token": token.reveal()}
    return web.delete(f"{v3_url(auth_url)}/auth/tokens", headers).status in (204, 404)


def _read(answer: Answer) -> ReachedProject:
    try:
        body: Any = answer.json_object()["token"]
        return _reached(body, Secret(answer.headers["x-subject-token"]))
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise KeystoneRefusedPerson("Keystone answers something that is not a token.") from exc


def _reached(token: Mapping[str, Any], value: Secret[str]) -> ReachedProject:
    ends = datetime.fromisoformat(token["expires_at"])
    return ReachedProject(
        name=str(token["project"]["name"]),
        domain=str(token["project"]["domain"]["name"]),
        id=str(token["project"]["id"]),
        roles=tuple(sorted(str(role["name"]) for role in token["roles"])),
        token=value,
        ends_at=ends if ends.tzinfo else ends.replace(tzinfo=UTC),
    )
