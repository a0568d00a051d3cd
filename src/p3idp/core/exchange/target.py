"""Which project an exchange is for. Owns how a project is written in ``resource`` and ``scope``.

``resource=<auth_url>/projects/<id>`` (RFC 8707) or ``scope=project:<name>@<domain>``, name and domain
percent-encoded (RFC 3986), since a scope holds neither spaces nor letters beyond ASCII (RFC 6749 section 3.3).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import quote, unquote

from p3idp.core.policy.names import ProjectRef
from p3idp.errors.exchange import InvalidScope

_PROJECT_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PART = r"((?:[A-Za-z0-9._~-]|%[0-9A-Fa-f]{2}){1,256})"
_SCOPE = re.compile(f"project:{_PART}(?:@{_PART})?")


@dataclass(frozen=True, slots=True)
class Target:
    """The project asked for: by id, by name, by both (then both must fit), or by nothing.

    Without a ``domain`` the site's own is meant.
    """

    project_id: str | None = None
    name: str | None = None
    domain: str | None = None

    @property
    def is_empty(self) -> bool:
        """Whether no project was named."""
        return self.project_id is None and self.name is None

    def fits_id(self, project_id: str) -> bool:
        """Whether the id asked for, if any, is this one."""
        return self.project_id is None or self.project_id == project_id

    def fits_name(self, ref: ProjectRef, site_domain: str) -> bool:
        """Whether the name asked for, if any, is this one."""
        return self.name is None or ref == ProjectRef(self.domain or site_domain, self.name)

    def __str__(self) -> str:
        named = f"{self.name}@{self.domain or '(the site)'}" if self.name is not None else ""
        return " ".join(filter(None, (named, self.project_id))) or "(none)"


def parse_resource(resource: str, keystone_urls: Collection[str]) -> str | None:
    """The project id in ``<auth_url>/projects/<id>``; None where it is not a project of this Keystone."""
    base, found, project_id = resource.rpartition("/projects/")
    if not found or base not in keystone_urls or not _PROJECT_ID.fullmatch(project_id):
        return None
    return project_id


def parse_scope(scope: str) -> tuple[str, str | None]:
    """Name and domain of the one project in ``scope``. Raises InvalidScope for anything more, less or else."""
    found = _SCOPE.fullmatch(scope)
    if found is None:
        raise InvalidScope("The scope is not one project; nothing beyond a project's own roles can be asked for.")
    try:
        name, domain = (unquote(part, errors="strict") if part else None for part in found.groups())
    except UnicodeDecodeError as exc:
        raise InvalidScope("The scope's percent-encoding is not UTF-8.") from exc
    return name or "", domain


def as_scope(ref: ProjectRef) -> str:
    """Write a project as a scope."""
    return f"project:{quote(ref.name, safe='')}@{quote(ref.domain, safe='')}"


def as_resource(keystone_url: str, project_id: str) -> str:
    """Write a project as a resource."""
    return f"{keystone_url}/projects/{project_id}"
