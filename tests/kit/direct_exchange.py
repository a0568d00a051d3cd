"""An exchange without p3idp: the calls to Check-in and Keystone that have to be made for the same end.

Owns that script, over kept connections, and the comparison that says whether the broker still makes the same calls.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx

from p3idp.adapters.checkin.transport import Transport
from p3idp.lab.handle import LabHandle

PROJECT, ROLES = "p3", ("member", "reader")
_ID = re.compile(r"/[0-9a-f]{32,64}(?=/|$)")


@dataclass(frozen=True)
class Made:
    """A Keystone token, whose it is, and how many seconds of it all Check-in's answer about the source took."""

    token: str
    user: str
    introspection: float


class DirectExchange:
    """The same calls as short as a script can have them. One for each thread."""

    def __init__(self, lab: LabHandle) -> None:
        self.http = httpx.Client(verify=lab.tls, trust_env=False, timeout=60)
        self.keystone, self.issuer = lab.urls.keystone_url, lab.urls.issuer
        client = lab.settings.providers["egi"]
        assert client.client_secret is not None
        self.client = (client.client_id, client.client_secret.resolve().reveal())

    def exchange(self, source: str, *, end: datetime | None, ask: bool = True) -> Made:
        """``end``: when the token has to be over, where Keystone's own would live longer. ``ask``: introspect."""
        began = perf_counter()
        if ask:
            self._ask_about(source)
        asked = perf_counter() - began if ask else 0.0
        path = "/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
        reply = self._send("POST", path, headers={"Authorization": f"Bearer {source}"})
        user, unscoped = reply.json()["token"]["user"]["id"], reply.headers["X-Subject-Token"]
        listed = self._send("GET", "/auth/projects", headers={"X-Auth-Token": unscoped}).json()["projects"]
        project = next(each["id"] for each in listed if each["name"] == PROJECT)
        identity: dict[str, object] = {"methods": ["token"], "token": {"id": unscoped}}
        scoped = self._token({"identity": identity, "scope": {"project": {"id": project}}})
        return Made(self._ended(user, scoped, end) if end else scoped, user, asked)

    def _ask_about(self, source: str) -> None:
        form = {"token": source, "token_type_hint": "access_token"}
        said = self.http.post(f"{self.issuer}/protocol/openid-connect/token/introspect", data=form, auth=self.client)
        assert said.json()["active"]

    def _ended(self, user: str, scoped: str, end: datetime) -> str:
        """docs/adr/0003-token-lifetime.md: a token of an application credential that ends with the source."""
        wanted = {"name": f"bare-{uuid4()}", "unrestricted": False, "roles": [{"name": role} for role in ROLES],
                  "expires_at": end.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}  # fmt: skip
        body, headers = {"application_credential": wanted}, {"X-Auth-Token": scoped}
        reply = self._send("POST", f"/users/{user}/application_credentials", headers=headers, json=body)
        made = reply.json()["application_credential"]
        secret = {"id": made["id"], "secret": made["secret"]}
        return self._token({"identity": {"methods": ["application_credential"], "application_credential": secret}})

    def _token(self, auth: dict[str, object]) -> str:
        return self._send("POST", "/auth/tokens", json={"auth": auth}).headers["X-Subject-Token"]

    def _send(self, method: str, path: str, **given: Any) -> httpx.Response:
        return self.http.request(method, self.keystone + path, **given).raise_for_status()


class Administrator:
    """Takes away what a measurement left, so that no list grows from one to the next."""

    def __init__(self, lab: LabHandle) -> None:
        self.http = httpx.Client(verify=lab.tls, trust_env=False, timeout=60)
        self.url = lab.urls.keystone_url
        user = {"name": "admin", "domain": {"id": "default"}, "password": lab.layout.secret("keystone-admin")}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        auth = {"identity": {"methods": ["password"], "password": {"user": user}}, "scope": scope}
        reply = self.http.post(f"{self.url}/auth/tokens", json={"auth": auth}).raise_for_status()
        self.http.headers["X-Auth-Token"] = reply.headers["X-Subject-Token"]

    def forget_credentials(self, user: str) -> None:
        """Every application credential of this user."""
        url = f"{self.url}/users/{user}/application_credentials"
        for each in self.http.get(url).raise_for_status().json()["application_credentials"]:
            self.http.delete(f"{url}/{each['id']}").raise_for_status()


@contextmanager
def calls_made() -> Iterator[list[str]]:
    """The calls to Keystone and Check-in of this process while the block lasts, without ids, in order."""
    found: list[str] = []
    by_httpx, by_transport = httpx.Client.send, Transport._request

    def send(client: httpx.Client, request: httpx.Request, **given: Any) -> httpx.Response:
        found.append(_named(request.method, str(request.url)))
        return by_httpx(client, request, **given)

    def ask(transport: Transport, method: str, url: str, *given: Any, **named: Any) -> Any:
        found.append(_named(method, url))
        return by_transport(transport, method, url, *given, **named)

    httpx.Client.send, Transport._request = send, ask  # type: ignore[method-assign]  # at the doors all go through
    try:
        yield found
    finally:
        httpx.Client.send, Transport._request = by_httpx, by_transport  # type: ignore[method-assign]  # as above


def _named(method: str, url: str) -> str:
    return f"{method} {_ID.sub('/*', urlsplit(url).path)}"
