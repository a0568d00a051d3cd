"""Application credentials of one's own as values: what is asked for, what Keystone shows, and a new one's secret.

Owns their form in Keystone's JSON (Identity API v3, "Application credentials").
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from p3idp.core.exchange.naming import CREDENTIAL_PREFIX
from p3idp.core.secret import Secret

RUN_PREFIX = "p3idp-exec-"  # made by `p3idp exec --long` for one run


@dataclass(frozen=True, slots=True)
class AccessRule:
    """A request that a narrowed credential may make: a method, a service's type, and a path of its API."""

    method: str
    service: str
    path: str

    def __str__(self) -> str:
        return f"{self.method}:{self.service}:{self.path}"


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. Without ``roles``: all that the person has. ``ends_at`` is in whole seconds."""

    name: str
    ends_at: datetime
    roles: tuple[str, ...] = ()
    rules: tuple[AccessRule, ...] = ()
    description: str = ""


@dataclass(frozen=True, slots=True)
class OwnCredential:
    """One application credential as Keystone shows it; it shows no secret. ``ends_at``: None where it has no end."""

    id: str
    name: str
    project_id: str
    roles: tuple[str, ...]
    ends_at: datetime | None
    unrestricted: bool
    rules: tuple[AccessRule, ...]
    description: str

    @property
    def is_of_exchange(self) -> bool:
        """Whether a broker made it for one exchange."""
        return self.name.startswith(CREDENTIAL_PREFIX)

    def is_over(self, now: datetime) -> bool:
        """Whether its own end has come."""
        return self.ends_at is not None and self.ends_at <= now


@dataclass(frozen=True, slots=True)
class MadeCredential:
    """A new one with its secret, which is shown this once. ``auth_url``: the Keystone it is for."""

    credential: OwnCredential
    secret: Secret[str]
    project: str
    auth_url: str


def asked_of(wish: Wish) -> dict[str, Any]:
    """The body of the request."""
    asked: dict[str, Any] = {
        "name": wish.name,
        "unrestricted": False,
        "expires_at": wish.ends_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    if wish.description:
        asked["description"] = wish.description
    if wish.roles:
        asked["roles"] = [{"name": role} for role in wish.roles]
    if wish.rules:
        asked["access_rules"] = [
            {"method": each.method, "service": each.service, "path": each.path} for each in wish.rules
        ]
    return asked


def as_credential(shown: Mapping[str, Any]) -> OwnCredential:
    """What Keystone shows of one. Raises KeyError, TypeError, ValueError or AttributeError where it is none."""
    rules = [AccessRule(str(each["method"]), str(each["service"]), str(each["path"]))
             for each in shown.get("access_rules") or ()]  # fmt: skip
    return OwnCredential(
        id=str(shown["id"]),
        name=str(shown["name"]),
        project_id=str(shown.get("project_id") or ""),
        roles=tuple(sorted(str(role["name"]) for role in shown["roles"])),
        ends_at=_moment(shown.get("expires_at")),
        unrestricted=bool(shown.get("unrestricted")),
        rules=tuple(sorted(rules, key=str)),
        description=str(shown.get("description") or ""),
    )


def _moment(text: str | None) -> datetime | None:
    """Keystone's moments are UTC and do not say so."""
    if text is None:
        return None
    read = datetime.fromisoformat(text)
    return read if read.tzinfo else read.replace(tzinfo=UTC)
