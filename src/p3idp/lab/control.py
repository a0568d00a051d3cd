"""Use the stand-in's switches under /_lab/: withdraw entitlements, roll keys, fall silent. Owns the requests."""

from typing import Any

import httpx

from p3idp.errors.lab import LabNotRunning
from p3idp.lab.authority import trust
from p3idp.lab.layout import Layout


class Control:
    """The switches of one provider (``egi`` or ``hub``). Every change is for good until it is taken back."""

    def __init__(self, layout: Layout, provider: str = "egi") -> None:
        port = layout.addresses.checkin if provider == "egi" else layout.addresses.hub
        self._client = httpx.Client(
            base_url=f"https://localhost:{port}/_lab",
            headers={"Authorization": f"Bearer {layout.secret(f'{provider}-control')}"},
            verify=trust(layout),
            trust_env=False,
            timeout=20,
        )

    def withdraw(self, login: str, entitlement: str | None = None) -> None:
        """Take one entitlement, or all of them, away from a person."""
        self._ask("POST", f"/people/{login}/withdraw", _which(entitlement))

    def restore(self, login: str, entitlement: str | None = None) -> None:
        """Give back what was withdrawn."""
        self._ask("POST", f"/people/{login}/restore", _which(entitlement))

    def people(self) -> list[dict[str, Any]]:
        """Everybody, with the entitlements they hold now."""
        found: list[dict[str, Any]] = self._ask("GET", "/people")
        return found

    def roll_keys(self, *, overlap: bool = True) -> list[str]:
        """Sign with a new key from now on and return the key ids; without overlap the old keys vanish at once."""
        kids: list[str] = self._ask("POST", "/keys/rollover", {"overlap": overlap})["kids"]
        return kids

    def silence(self, seconds: float) -> None:
        """Take requests and answer none, for so long; 0 ends it."""
        self._ask("POST", "/silence", {"seconds": seconds})

    def access_token_life(self, seconds: int) -> int:
        """How long new access tokens live from now on; returns what it was, for taking it back."""
        before: int = self._ask("POST", "/access-token-ttl", {"seconds": seconds})["before"]
        return before

    def job_token(self, project_path: str, aud: str | list[str], **more: str | int) -> str:
        """The ID token of a CI job of this project; ``more``: ref, ref_type, sub, typ, seconds (below 0: over)."""
        token: str = self._ask("POST", "/job-token", {"project_path": project_path, "aud": aud, **more})["id_token"]
        return token

    def counters(self) -> dict[str, int]:
        """Requests by endpoint since the provider's start."""
        counts: dict[str, int] = self._ask("GET", "/counters")
        return counts

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        try:
            reply = self._client.request(method, path, json=body)
        except httpx.TransportError as exc:
            raise LabNotRunning("The lab's identity provider does not answer.") from exc
        reply.raise_for_status()
        return reply.json()


def _which(entitlement: str | None) -> dict[str, object]:
    return {"all": True} if entitlement is None else {"entitlement": entitlement}
