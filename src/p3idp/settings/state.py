"""The sections of what p3idp keeps: the database, the lock beside it, and how long things stay there."""

from pydantic import Field, field_validator

from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.section import Section, refuse_password


class StoreSettings(Section):
    """The database of ledger and sessions, as an SQLAlchemy URL without a password, which comes from ``password``."""

    url: str
    password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str) -> str:
        return refuse_password(url)


class CoordinationSettings(Section):
    """What keeps two applies apart, as a URL of tooz (``etcd3+http://…``, ``redis://…``, ``postgresql://…``).

    Not needed with SQLite: then it is a file beside the database. ``password`` goes with the user of the URL.
    """

    url: str | None = None
    password: SecretRef | None = None

    @field_validator("url")
    @classmethod
    def _without_password(cls, url: str | None) -> str | None:
        return refuse_password(url) if url else None


class HistorySettings(Section):
    """How many applies of one Keystone and policy can be looked at and rolled back to: the newest, and always the
    newest good one. One takes about a hundredth of the size of the policy and of Keystone's lists.
    """

    keep: int = Field(default=500, ge=2, le=100_000)


class LoginsSettings(Section):
    """What p3idp remembers of the logins that it saw itself, so that a plan can say who loses what.

    ``key`` refers to Fernet keys, one a line, newest first; without it nothing is remembered. ``keep_days``: how long
    a person's last login is kept; lowered, it ends what is kept already.
    """

    key: SecretRef | None = None
    keep_days: int = Field(default=90, ge=1, le=730)


class OfflineSettings(Section):
    """Consents to be asked about while away: refresh tokens that people let p3idp keep, on their page.

    ``key`` refers to Fernet keys, one a line, newest first, that seal them in the database; without it nobody is
    offered this and nothing is kept. ``keep_days``: how long a consent lasts; lowered, it ends what is kept already.
    """

    key: SecretRef | None = None
    keep_days: int = Field(default=365, ge=1, le=730)
