"""What tests ask the lab's Keystone directly: as its administrator, and as whoever holds a token."""

from typing import Any

import httpx

from p3idp.lab.handle import LabHandle


class KeystoneChecks:
    """Keystone's own word, without any code of p3idp in between."""

    def __init__(self, lab: LabHandle) -> None:
        self._http = httpx.Client(base_url=lab.urls.keystone_url, verify=lab.tls, trust_env=False, timeout=30)
        self._admin = self._sign_in(lab.layout.secret("keystone-admin"))

    def is_valid(self, token: str) -> bool:
        """Whether Keystone takes this token, asked as the administrator (GET /v3/auth/tokens)."""
        reply = self._http.get("/auth/tokens", headers={"X-Auth-Token": self._admin, "X-Subject-Token": token})
        assert reply.status_code in {200, 404}, reply.text
        return reply.status_code == 200

    def describe(self, token: str) -> dict[str, Any]:
        """What the token says."""
        reply = self._http.get("/auth/tokens", headers={"X-Auth-Token": self._admin, "X-Subject-Token": token})
        described: dict[str, Any] = reply.raise_for_status().json()["token"]
        return described

    def projects(self, token: str) -> list[str]:
        """The projects that the token's person may enter."""
        reply = self._http.get("/auth/projects", headers={"X-Auth-Token": token}).raise_for_status()
        return sorted(project["name"] for project in reply.json()["projects"])

    def federated_login(self, access_token: str) -> httpx.Response:
        """Present an access token at Apache, as a client without p3idp would."""
        return self._http.post(
            "/OS-FEDERATION/identity_providers/egi/protocols/openid/auth",
            headers={"Authorization": f"Bearer {access_token}"},
        )

    def enable(self, user_id: str, *, enabled: bool) -> None:
        """Disable a user or enable them, as an administrator does by hand."""
        change = {"user": {"enabled": enabled}}
        reply = self._http.patch(f"/users/{user_id}", json=change, headers={"X-Auth-Token": self._admin})
        reply.raise_for_status()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _sign_in(self, password: str) -> str:
        user = {"name": "admin", "domain": {"id": "default"}, "password": password}
        identity = {"methods": ["password"], "password": {"user": user}}
        scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
        reply = self._http.post("/auth/tokens", json={"auth": {"identity": identity, "scope": scope}})
        return reply.raise_for_status().headers["X-Subject-Token"]
