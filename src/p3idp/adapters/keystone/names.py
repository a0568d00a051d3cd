"""Every name in Keystone that a mapping may use, in one list a kind. Owns the way from Keystone's JSON to a Live.

The account must be allowed to list them all: the role reader on the system, or admin.
"""

from collections.abc import Sequence

from keystoneauth1.adapter import Adapter
from keystoneauth1.session import Session

from p3idp.adapters.keystone.pages import Row, whole_list
from p3idp.adapters.keystone.session import keystone_errors
from p3idp.core.keystone_url import v3_url
from p3idp.core.mappings.lint import Live, LiveProvider
from p3idp.errors.keystone import KeystoneUnreachable

_FEDERATION = "/OS-FEDERATION"


class KeystoneNames:
    """Reads names over one session (see ports.lint.NamesReader)."""

    def __init__(self, session: Session, auth_url: str) -> None:
        self._adapter = Adapter(session, endpoint_override=v3_url(auth_url), connect_retries=1)
        self._missing: list[str] = []

    def names(self) -> Live:
        """Read everything anew."""
        self._missing = []
        domains = self._list("/domains", "domains")
        groups = self._list("/groups", "groups")
        projects = self._list("/projects", "projects")
        roles = self._list("/roles", "roles")
        implied = self._list("/role_inferences", "role_inferences")
        providers = self._list(f"{_FEDERATION}/identity_providers", "identity_providers")
        mappings = self._list(f"{_FEDERATION}/mappings", "mappings")
        return Live(
            domains={row["id"]: row["name"] for row in domains},
            groups={row["id"]: (row["domain_id"], row["name"]) for row in groups},
            projects=frozenset((row["domain_id"], row["name"]) for row in projects),
            # A mapping names roles without a domain.
            roles=frozenset(row["name"] for row in roles if row.get("domain_id") is None),
            implies={row["prior_role"]["name"]: tuple(role["name"] for role in row["implies"]) for row in implied},
            providers={row["id"]: _provider(row) for row in providers},
            protocols={
                (owner["id"], row["id"]): row["mapping_id"]
                for owner in providers
                for row in self._list(f"{_FEDERATION}/identity_providers/{owner['id']}/protocols", "protocols")
            },
            mappings={row["id"]: (row["rules"], row.get("schema_version", "1.0")) for row in mappings},
            missing=tuple(self._missing),
        )

    def _list(self, path: str, key: str) -> Sequence[Row]:
        doing = f"list {key.replace('_', ' ')} at {self._adapter.endpoint_override}"
        with keystone_errors(doing, refusal=KeystoneUnreachable):
            rows, cut = whole_list(lambda page: self._adapter.get(page).json(), path, key)
        if cut:
            self._missing.append(key)
        return rows


def _provider(row: Row) -> LiveProvider:
    return LiveProvider(row["domain_id"], row["enabled"], tuple(sorted(row.get("remote_ids") or ())))
