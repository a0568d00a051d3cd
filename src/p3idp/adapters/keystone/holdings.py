"""What one user of Keystone holds: groups, roles, application credentials. Owns the way from Keystone's JSON to values.

A question is one call or two, never one a credential; the names of projects and domains are listed once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any
from urllib.parse import quote, urlsplit

from keystoneauth1 import exceptions as ksa
from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.credential_rows import read_credential, read_moment
from p3idp.adapters.keystone.pages import whole_list
from p3idp.adapters.keystone.persistence import Persistence
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.keystone_url import v3_url
from p3idp.core.policy.model import ProjectRef
from p3idp.errors.keystone import KeystoneUnreachable
from p3idp.ports.holdings import ApplicationCredential, GivenRole, Holdings, Membership

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class _Names:
    """Domains and projects by id."""

    domains: Mapping[str, str]
    projects: Mapping[str, ProjectRef]


class KeystoneHoldings:
    """Implements ports.holdings.HoldingsReader. Projects made after the first question stay without a name."""

    def __init__(self, session: Session, auth_url: str, persistently: Persistence) -> None:
        self._adapter = Adapter(session, endpoint_override=v3_url(auth_url))
        self._persistently = persistently
        self._naming = Lock()
        self._known: _Names | None = None

    def credentials(self, user: str) -> tuple[ApplicationCredential, ...]:
        """See ports.holdings.CredentialReader."""
        with keystone_errors("list a user's application credentials", refusal=KeystoneUnreachable):
            rows = self._rows(f"/users/{_safe(user)}/application_credentials", "application_credentials")
            # Most people have none: the names of projects are asked for when somebody does.
            found = [read_credential(row, self._names().projects) for row in rows]
        return tuple(sorted(found, key=lambda each: (each.name, each.id)))

    def given_roles(self, user: str) -> tuple[GivenRole, ...]:
        """See ports.holdings.CredentialReader."""
        with keystone_errors("list a user's role assignments", refusal=KeystoneUnreachable):
            path = f"/role_assignments?user.id={_safe(user)}&effective&include_names"
            rows = self._rows(path, "role_assignments")
        # Groups after roles: a group that is missing here was left between the two calls.
        through = self._memberships(user)
        given = {role for row in rows for role in _given(row, through)}
        return tuple(sorted(given, key=lambda each: each.order))

    def memberships(self, user: str) -> tuple[Membership, ...]:
        """See ports.holdings.HoldingsReader."""
        return tuple(sorted(self._memberships(user).values(), key=lambda each: each.group))

    def holdings(self, user: str) -> Holdings:
        """See ports.holdings.HoldingsReader. EC2 credentials come with their secrets: they are counted and let go."""
        with keystone_errors("list a user's EC2 credentials", refusal=KeystoneUnreachable):
            ec2 = len(self._rows(f"/users/{_safe(user)}/credentials/OS-EC2", "credentials"))
        with keystone_errors("list a user's trusts", refusal=KeystoneUnreachable):
            trusts = len(self._rows(f"/OS-TRUST/trusts?trustor_user_id={_safe(user)}", "trusts"))
        return Holdings(self.credentials(user), ec2, trusts)

    def _memberships(self, user: str) -> Mapping[str, Membership]:
        """By the group's id. One that lapses stands there once for each provider it came through: the last counts."""
        with keystone_errors("list a user's groups", refusal=KeystoneUnreachable):
            found: dict[str, Membership] = {}
            for row in self._rows(f"/users/{_safe(user)}/groups", "groups"):
                domain = self._names().domains.get(row["domain_id"], row["domain_id"])
                until = read_moment(row.get("membership_expires_at"))
                held = found.get(row["id"])
                if held is not None:
                    until = max(held.until, until) if held.until and until else None
                found[row["id"]] = Membership((domain, row["name"]), until)
            return found

    def _names(self) -> _Names:
        with self._naming:
            if self._known is None:
                domains = {row["id"]: row["name"] for row in self._rows("/domains", "domains")}
                projects = {
                    row["id"]: ProjectRef(domains[row["domain_id"]], row["name"])
                    for row in self._rows("/projects", "projects")
                    if row["domain_id"] in domains
                }
                self._known = _Names(domains, projects)
            return self._known

    def _rows(self, path: str, key: str) -> Sequence[Row]:
        try:
            rows, cut = whole_list(lambda page: self._persistently(lambda: self._adapter.get(page)).json(), path, key)
        except ksa.NotFound:  # deleted since somebody listed it
            return ()
        if cut:  # half an answer would hide what somebody holds
            told = f"Keystone cut the list of {key.replace('_', ' ')} short (its list_limit)."
            raise KeystoneUnreachable(told, hint="Raise list_limit in keystone.conf.")
        return rows


def _given(row: Row, memberships: Mapping[str, Membership]) -> Iterator[GivenRole]:
    """Roles on projects; whoever has one through a group is told by ``…/groups/{id}/users/…`` in links.membership."""
    if "project" not in row["scope"]:
        return
    project, role = row["scope"]["project"]["id"], row["role"]["name"]
    link = row["links"].get("membership")
    if link is None:
        yield GivenRole(project, role)
    elif membership := memberships.get(urlsplit(link).path.split("/")[-3]):
        yield GivenRole(project, role, membership)


def _safe(user: str) -> str:
    return quote(user, safe="")
