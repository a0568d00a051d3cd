"""Use Keystone as a person does, with the person's own token. Owns FederatedLogin on a real Keystone."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from p3idp.adapters.keystone.credential_rows import read_moment
from p3idp.adapters.keystone.credentials import PersonalCredentials
from p3idp.adapters.keystone.person_http import PersonalHttp, as_person, describe, read_json
from p3idp.adapters.keystone.token_reply import Malformed, parse_token
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.keystone_url import v3_url
from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.decide import earliest
from p3idp.core.policy.model import IdentityProvider, ProjectRef
from p3idp.errors.keystone import FederatedLoginRefused, KeystoneUnreachable, KeystoneUserDisabled
from p3idp.ports.keystone import KeystoneToken, ReachableProject

# What a refusal at the federation endpoint means, by status (Identity API, OS-FEDERATION).
_LOGIN_REFUSALS = {
    400: "Keystone could not use the mapping of this identity provider.",
    401: "Keystone did not accept this token: it is not alive, its client is not allowed, or no mapping rule fits.",
    403: "Keystone does not accept this issuer, or the identity provider is disabled there.",
    404: "Keystone does not know this identity provider and protocol, or the domain they belong to.",
    409: "Keystone knows this person through another protocol already.",
}


_TIDY_EVERY = timedelta(minutes=10)
_MOST_REMEMBERED = 10_000


class KeystoneLogin:
    """FederatedLogin over HTTP. One instance a process; of a person it remembers only when it last tidied up."""

    def __init__(self, login_url: str, ca_file: Path | None, timeout_seconds: float) -> None:
        self._url = v3_url(login_url)
        self._http = PersonalHttp(ca_file, timeout_seconds)
        self._tidied: dict[str, datetime] = {}

    def login(self, provider: IdentityProvider, token: RawToken) -> KeystoneToken:
        """POST …/identity_providers/{id}/protocols/{p}/auth with the person's token as bearer (RFC 6750)."""
        base = v3_url(provider.keystone_url) if provider.keystone_url else self._url
        idp, protocol = quote(provider.id, safe=""), quote(provider.protocol, safe="")
        url = f"{base}/OS-FEDERATION/identity_providers/{idp}/protocols/{protocol}/auth"
        bearer = {"Authorization": f"Bearer {token.reveal()}"}
        reply = self._http.send("POST", url, headers=bearer)
        if reply.status_code == 409:
            # Of a person's first two logins at once, the one that comes second finds a user that it would make itself.
            reply = self._http.send("POST", url, headers=bearer)
        if reply.status_code != 201:
            # A redirect means that Apache treats this address as a browser's.
            unknown = "Keystone's front does not take tokens at its federation endpoint."
            raise FederatedLoginRefused(_LOGIN_REFUSALS.get(reply.status_code, unknown), debug=describe(reply))
        return _token_of(reply)

    def projects(self, token: KeystoneToken) -> Sequence[ReachableProject]:
        """GET /v3/auth/projects: the enabled ones, with the names of their domains."""
        reply = self._http.send("GET", f"{self._url}/auth/projects", headers=as_person(token.value.reveal()))
        if reply.status_code == 401:
            # Keystone gives whoever a mapping lets in a token, also a disabled user, and then takes it nowhere.
            raise KeystoneUserDisabled("This person's user at Keystone is disabled.", debug=describe(reply))
        if reply.status_code != 200:
            raise FederatedLoginRefused("Keystone does not list this person's projects.", debug=describe(reply))
        domains = dict([token.user_domain])
        found = []
        for domain_id, name, project_id in _enabled(read_json(reply)):
            if domain_id not in domains:
                domains[domain_id] = self._domain_of(token, project_id)
            if domains[domain_id]:
                found.append(ReachableProject(ProjectRef(domains[domain_id], name), project_id))
        return tuple(sorted(found))

    def scope_to(self, token: KeystoneToken, project: ReachableProject) -> KeystoneToken:
        """POST /v3/auth/tokens with method token, scoped by the project's id."""
        identity = {"methods": ["token"], "token": {"id": token.value.reveal()}}
        return self._authenticate({"identity": identity, "scope": {"project": {"id": project.id}}})

    def scope_until(self, token: KeystoneToken, project: ReachableProject, end: datetime, name: str) -> KeystoneToken:
        """Make a restricted application credential that expires at ``end``, and log in with it.

        Since the fix of CVE-2022-2447 Keystone caps such a token at the credential's end; that is read back here.
        """
        scoped = token if token.project_id == project.id else self.scope_to(token, project)
        if not scoped.roles:
            raise FederatedLoginRefused("No role on the project is left for an application credential.")
        credentials = PersonalCredentials(self._http, self._url, scoped)
        made = credentials.create(name, end, scoped.roles)
        try:
            ended = self._authenticate({"identity": made.as_identity()})
            if ended.expires_at > end or ended.project_id != project.id:
                raise FederatedLoginRefused(
                    "Keystone did not keep to the end or the project of an application credential.",
                    hint="Upgrade Keystone: it lacks the fix of CVE-2022-2447.",
                )
        except Exception:  # whatever went wrong: raised again, and a token that was made dies with its credential
            credentials.delete(made.id)
            raise
        if self._is_time_to_tidy(ended):
            credentials.delete_expired(ended.issued_at)
        return ended

    def credentials(self, token: KeystoneToken) -> Sequence[ApplicationCredential]:
        """GET /v3/users/{id}/application_credentials, with a token that need not be scoped."""
        return PersonalCredentials(self._http, self._url, token).all()

    def lapses_at(self, token: KeystoneToken) -> datetime | None:
        """GET /v3/users/{id}/groups: the first end of a membership."""
        headers = as_person(token.value.reveal())
        reply = self._http.send("GET", f"{self._url}/users/{token.user_id}/groups", headers=headers)
        if reply.status_code != 200:
            raise FederatedLoginRefused("Keystone does not list this person's groups.", debug=describe(reply))
        try:
            ends = [read_moment(row.get("membership_expires_at")) for row in read_json(reply)["groups"]]
        except (KeyError, TypeError, ValueError, AttributeError) as exc:
            raise KeystoneUnreachable("Keystone listed groups in a form p3idp does not know.") from exc
        return earliest(*ends) if ends else token.issued_at

    def _is_time_to_tidy(self, token: KeystoneToken) -> bool:
        """Not at every exchange: listing credentials is one of Keystone's slower answers. By Keystone's clock."""
        last, now = self._tidied.get(token.user_id), token.issued_at
        if last is not None and abs(now - last) < _TIDY_EVERY:
            return False
        if len(self._tidied) >= _MOST_REMEMBERED:
            self._tidied.clear()
        self._tidied[token.user_id] = now
        return True

    def _domain_of(self, token: KeystoneToken, project_id: str) -> str:
        """The name of a foreign domain: a person may not ask for it, but a token scoped to its project tells."""
        try:
            scoped = self.scope_to(token, ReachableProject(ProjectRef("", ""), project_id))
        except FederatedLoginRefused:
            return ""  # a project of a disabled domain is listed and cannot be had
        return scoped.project.domain if scoped.project else ""

    def _authenticate(self, auth: Mapping[str, Any]) -> KeystoneToken:
        reply = self._http.send("POST", f"{self._url}/auth/tokens", body={"auth": auth})
        if reply.status_code != 201:
            raise FederatedLoginRefused("Keystone does not give this person a token there.", debug=describe(reply))
        return _token_of(reply)


def _token_of(reply: httpx.Response) -> KeystoneToken:
    try:
        return parse_token(reply.headers.get("X-Subject-Token"), read_json(reply))
    except Malformed as exc:
        raise KeystoneUnreachable("Keystone answered a token in a form p3idp does not know.", debug=str(exc)) from exc


def _enabled(listed: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """(domain id, name, id) of the projects that are not disabled."""
    try:
        return [(p["domain_id"], p["name"], p["id"]) for p in listed["projects"] if p.get("enabled", True)]
    except (KeyError, TypeError, AttributeError) as exc:
        raise KeystoneUnreachable("Keystone listed projects in a form p3idp does not know.") from exc
