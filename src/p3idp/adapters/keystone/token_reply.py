"""Read what Keystone says of a token. Owns the shape of its replies; asking is login.py."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from p3idp.core.policy.model import ProjectRef
from p3idp.core.secret import Secret
from p3idp.ports.keystone import KeystoneToken


class Malformed(Exception):
    """A reply is not in the form that the Identity API v3 promises."""


def parse_moment(text: object) -> datetime:
    """Read a moment as Keystone writes it: ISO 8601 in UTC, with or without ``Z`` and microseconds."""
    if not isinstance(text, str):
        raise Malformed("a moment is missing")
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as exc:
        raise Malformed("a moment is not ISO 8601") from exc
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def parse_token(value: str | None, body: object) -> KeystoneToken:
    """Make a token of ``X-Subject-Token`` and the body of a reply to POST …/auth or /v3/auth/tokens."""
    if not value:
        raise Malformed("there is no X-Subject-Token")
    try:
        return _token(Secret(value), body["token"])  # type: ignore[index]  # its shape is what is being tried
    except (KeyError, TypeError, AttributeError) as exc:
        raise Malformed(f"a token without {exc}") from exc


def _token(value: Secret[str], token: Mapping[str, Any]) -> KeystoneToken:
    project = token.get("project")
    user = token["user"]
    return KeystoneToken(
        value=value,
        user_id=user["id"],
        user_name=user["name"],
        expires_at=parse_moment(token["expires_at"]),
        issued_at=parse_moment(token["issued_at"]),
        project=ProjectRef(project["domain"]["name"], project["name"]) if project else None,
        project_id=project["id"] if project else None,
        roles=tuple(sorted(role["name"] for role in token.get("roles", ()))),
        user_domain=(user["domain"]["id"], user["domain"]["name"]),
    )
