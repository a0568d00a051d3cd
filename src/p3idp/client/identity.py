"""What is kept of a sign-in, on two levels: who somebody is, and a Keystone token of one project. Owns both values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from p3idp.core.secret import Secret

_MARGIN = timedelta(minutes=2)  # so long a token must still live to be worth using


def _is_fresh(issued: datetime, ends: datetime, now: datetime) -> bool:
    """Whether so much is left that a command can use it: two minutes, or a quarter of a short life.

    A moment before it was issued means that somebody set the clock back: then nothing is known of its end.
    """
    return issued <= now + _MARGIN and now < ends - min(_MARGIN, (ends - issued) / 4)


@dataclass(frozen=True, slots=True)
class Identity:
    """Somebody signed in at a provider through a client. Moments are this machine's; the first level.

    ``name`` is what the provider calls the person, for people to read. ``via``: the broker that passed it on, if one
    did.
    """

    issuer: str
    client_id: str
    subject: str
    name: str
    scopes: tuple[str, ...]
    access_token: Secret[str]
    issued_at: datetime
    ends_at: datetime
    refresh_token: Secret[str] | None
    via: str = ""

    @property
    def owner(self) -> str:
        """What its project tokens are known by."""
        return f"{self.issuer} {self.client_id} {self.subject}"

    def is_fresh(self, now: datetime) -> bool:
        """Whether the access token can still be used."""
        return _is_fresh(self.issued_at, self.ends_at, now)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "issuer": self.issuer,
            "client_id": self.client_id,
            "subject": self.subject,
            "name": self.name,
            "scopes": list(self.scopes),
            "access_token": self.access_token.reveal(),
            "issued_at": self.issued_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
            "refresh_token": self.refresh_token.reveal() if self.refresh_token else None,
            "via": self.via,
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Identity":
        """Read it again. Raises KeyError, TypeError or ValueError where it is something else."""
        refresh = kept["refresh_token"]
        return cls(
            issuer=str(kept["issuer"]),
            client_id=str(kept["client_id"]),
            subject=str(kept["subject"]),
            name=str(kept["name"]),
            scopes=tuple(map(str, kept["scopes"])),
            access_token=Secret(str(kept["access_token"])),
            issued_at=datetime.fromisoformat(kept["issued_at"]),
            ends_at=datetime.fromisoformat(kept["ends_at"]),
            refresh_token=Secret(str(refresh)) if refresh else None,
            via=str(kept.get("via", "")),
        )


@dataclass(frozen=True, slots=True)
class ProjectToken:
    """A Keystone token of one project; the second level. ``owner``: which identity it was made with."""

    owner: str
    project: str
    project_id: str
    auth_url: str
    token: Secret[str]
    issued_at: datetime
    ends_at: datetime

    def is_fresh(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return _is_fresh(self.issued_at, self.ends_at, now)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return {
            "owner": self.owner,
            "project": self.project,
            "project_id": self.project_id,
            "auth_url": self.auth_url,
            "token": self.token.reveal(),
            "issued_at": self.issued_at.isoformat(),
            "ends_at": self.ends_at.isoformat(),
        }

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "ProjectToken":
        """Read it again. Raises KeyError, TypeError or ValueError where it is something else."""
        texts = {name: str(kept[name]) for name in ("owner", "project", "project_id", "auth_url")}
        moments = {name: datetime.fromisoformat(kept[name]) for name in ("issued_at", "ends_at")}
        return cls(**texts, **moments, token=Secret(str(kept["token"])))  # type: ignore[arg-type]  # by their names
