"""A person's own application credentials: list them, make one that ends, forget it, tidy up. Owns those calls."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from p3idp.adapters.keystone.credential_rows import read_credential
from p3idp.adapters.keystone.person_http import PersonalHttp, as_person, describe, read_json
from p3idp.adapters.keystone.token_reply import Malformed, parse_moment
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.secret import Secret
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable
from p3idp.ports.keystone import KeystoneToken


@dataclass(frozen=True, slots=True)
class Credential:
    """An application credential just made; its secret lives as long as this value."""

    id: str
    secret: Secret[str]

    def as_identity(self) -> dict[str, Any]:
        """The ``identity`` section of a request for a token."""
        method = "application_credential"
        return {"methods": [method], method: {"id": self.id, "secret": self.secret.reveal()}}


class PersonalCredentials:
    """The application credentials of the person a token belongs to; making one takes a scoped token."""

    def __init__(self, http: PersonalHttp, url: str, token: KeystoneToken) -> None:
        self._http = http
        self._collection = f"{url}/users/{token.user_id}/application_credentials"
        self._headers = as_person(token.value.reveal())

    def all(self) -> tuple[ApplicationCredential, ...]:
        """Every one of them, by name. Raises FederatedLoginRefused, KeystoneUnreachable."""
        reply = self._http.send("GET", self._collection, headers=self._headers)
        if reply.status_code != 200:
            raise FederatedLoginRefused("Keystone does not list this person's credentials.", debug=describe(reply))
        try:
            found = [read_credential(row, {}) for row in read_json(reply)["application_credentials"]]
        except (KeyError, TypeError, ValueError) as exc:
            raise KeystoneUnreachable("Keystone listed credentials in a form p3idp does not know.") from exc
        return tuple(sorted(found, key=lambda each: (each.name, each.id)))

    def create(self, name: str, end: datetime, roles: Sequence[str]) -> Credential:
        """Make a restricted one that expires at ``end``. Raises FederatedLoginRefused."""
        wanted = {
            "name": name,
            "description": "Made by p3idp for one token exchange; deleted after it expires.",
            "unrestricted": False,  # it can make no further credentials and no trusts
            "expires_at": end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "roles": [{"name": role} for role in roles],
        }
        body = {"application_credential": wanted}
        reply = self._http.send("POST", self._collection, headers=self._headers, body=body)
        if reply.status_code != 201:
            raise FederatedLoginRefused(
                "Keystone does not let this person make an application credential.",
                hint="Federated people need an authorization_ttl above zero; set it in the policy and apply.",
                debug=describe(reply),
            )
        made = read_json(reply).get("application_credential") or {}
        if not isinstance(made, dict) or not made.get("id") or not made.get("secret"):
            raise KeystoneUnreachable("Keystone made an application credential and did not say which.")
        return Credential(made["id"], Secret(made["secret"]))

    def delete(self, credential_id: str) -> None:
        """Delete one, as well as can be: tokens made with it end at once. Never raises: it expires by itself."""
        try:
            self._http.send("DELETE", f"{self._collection}/{credential_id}", headers=self._headers)
        except KeystoneUnreachable:
            return

    def delete_expired(self, now: datetime) -> None:
        """Delete p3idp's own that have ended by ``now``, Keystone's clock; best effort, the exchange stands."""
        try:
            listed = read_json(self._http.send("GET", self._collection, headers=self._headers))
        except KeystoneUnreachable:
            return
        found = listed.get("application_credentials")
        for credential in found if isinstance(found, list) else ():
            if _is_ours_and_over(credential, now):
                self.delete(credential["id"])


def _is_ours_and_over(credential: Any, now: datetime) -> bool:
    try:
        ours = credential["name"].startswith(CREDENTIAL_PREFIX) and isinstance(credential["id"], str)
        return ours and parse_moment(credential["expires_at"]) <= now
    except (KeyError, TypeError, AttributeError, Malformed):
        return False  # what we cannot read is not ours to delete
