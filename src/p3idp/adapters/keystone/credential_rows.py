"""Application credentials as Keystone lists them: to their owner, and to p3idp's account. Owns the shape of a row."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from p3idp.adapters.keystone.token_reply import Malformed, parse_moment
from p3idp.core.credentials.held import ApplicationCredential
from p3idp.core.policy.model import ProjectRef


def read_credential(row: Mapping[str, Any], projects: Mapping[str, ProjectRef]) -> ApplicationCredential:
    """One row, its project named by ``projects``. Raises KeyError, TypeError, ValueError where it has another form."""
    project = row["project_id"] or ""
    return ApplicationCredential(
        id=row["id"],
        name=row["name"],
        project=projects.get(project),
        project_id=project,
        roles=tuple(sorted(role["name"] for role in row["roles"])),
        until=read_moment(row["expires_at"]),
        unrestricted=bool(row["unrestricted"]),
    )


def read_moment(text: object) -> datetime | None:
    """A moment, or none where Keystone says so. Raises ValueError."""
    try:
        return None if text is None else parse_moment(text)
    except Malformed as exc:
        raise ValueError(str(exc)) from exc
