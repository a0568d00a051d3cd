"""A Keystone of paper with one person in it. It keeps application credentials, and refuses what the real one refuses.

Statuses and texts are those of Keystone 30; the stories hold the commands against the real one.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from p3idp.client.clouds import Cloud
from p3idp.client.http import Answer
from p3idp.client.keystone import Keystone
from p3idp.client.own_credentials import OwnCredentials
from p3idp.core.secret import Secret
from p3idp.errors.login import ProviderUnreachable

URL = "https://k.test/v3"
_AUTH = f"{URL}/OS-FEDERATION/identity_providers/egi/protocols/openid/auth"
_ROLES = ("member", "reader")


@dataclass
class PaperKeystone:
    """The part of `Web`. ``fails``: what a method answers instead, by name; None is silence."""

    credentials: dict[str, dict[str, Any]] = field(default_factory=dict)
    fails: dict[str, tuple[int, str] | None] = field(default_factory=dict)
    keeps: bool = False  # it says that it deleted, and did not
    made: int = 0

    def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Answer:
        assert (url, dict(headers or {})) == (_AUTH, {"Authorization": "Bearer access"})
        return self._answer("log in", 201, {"token": {"user": {"id": "u1"}}}, {"x-subject-token": "unscoped"})

    def post_json(self, url: str, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        if url == f"{URL}/auth/tokens":
            project = {"id": "p1", "name": "p3", "domain": {"name": "egi"}}
            token = {"project": project, "roles": [{"name": name} for name in _ROLES],
                     "expires_at": "2026-11-22T18:00:00.000000Z"}  # fmt: skip
            return self._answer("scope", 201, {"token": token}, {"x-subject-token": "scoped"})
        assert (url, dict(headers or {})) == (f"{URL}/users/u1/application_credentials", {"X-Auth-Token": "scoped"})
        asked = body["application_credential"]
        if any(each["name"] == asked["name"] for each in self.credentials.values()):
            return self._answer("conflict", 409, {"error": {"message": "Conflict occurred"}})
        self.made += 1
        roles = asked.get("roles") or [{"name": name} for name in _ROLES]
        kept = {**asked, "id": f"c{self.made}", "roles": roles, "project_id": "p1"}
        if self.fails.get("create", (500, "")) == (500, ""):
            self.credentials[kept["id"]] = kept
        return self._answer("create", 201, {"application_credential": {**kept, "secret": f"s{self.made}"}})

    def get(self, url: str, headers: Mapping[str, str] | None = None) -> Answer:
        assert dict(headers or {}) == {"X-Auth-Token": "unscoped"}
        if url == f"{URL}/auth/projects":
            return self._answer("projects", 200, {"projects": [{"id": "p1", "name": "p3"}]})
        name = url.removeprefix(f"{URL}/users/u1/application_credentials").strip("/")
        if not name:
            return self._answer("list", 200, {"application_credentials": list(self.credentials.values())})
        found = self.credentials.get(name)
        return self._answer("get", 200 if found else 404, {"application_credential": found})

    def delete(self, url: str, headers: Mapping[str, str]) -> Answer:
        if not self.keeps and self.fails.get("delete", (204, "")) == (204, ""):
            self.credentials.pop(url.rpartition("/")[2], None)
        return self._answer("delete", 204, {})

    def own_credentials(self) -> OwnCredentials:
        """As the client meets it."""
        cloud = Cloud("lab", auth_url=URL, identity_provider="egi", protocol="openid")
        keystone = Keystone(cloud, Secret("access"))
        keystone.web = self  # type: ignore[assignment]  # it stands in for Web
        return OwnCredentials(keystone)

    def names(self) -> list[str]:
        return sorted(each["name"] for each in self.credentials.values())

    def _answer(self, method: str, status: int, body: Any, headers: Mapping[str, str] | None = None) -> Answer:
        if method in self.fails:
            failure = self.fails[method]
            if failure is None:
                raise ProviderUnreachable("k.test does not answer in time.")
            status, message = failure
            body = {"error": {"message": message}} if message else {}
        return Answer(status, headers or {}, json.dumps(body).encode())
