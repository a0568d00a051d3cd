"""The section ``[limits]``: how often one address and one person may ask. Owns its defaults."""

from pydantic import Field, field_validator

from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.section import Section, refuse_password


class LimitsSettings(Section):
    """How often one address and one person may ask within a minute; 0 sets no limit.

    ``address_per_minute``: requests of one address (of IPv6 its /64) to the token endpoint and to the sign-in pages,
    each counted apart. A subject token that is not believed counts as ``bad_token_cost``; one that was believed here
    lately counts for its person only, so that people behind one address do not pay for one another. Signing in on
    another device has limits of its own; with 0 they count no addresses either.
    ``person_per_minute``: exchanges of one person, from wherever.
    ``storage``: where several processes count together, as a URL of the library limits (``redis://…``,
    ``rediss://…``, ``memcached://…``); ``password`` goes with the user of the URL. Without it each worker counts for
    itself, and so does a worker for as long as the storage is away.
    """

    address_per_minute: int = Field(default=600, ge=0, le=1_000_000)
    bad_token_cost: int = Field(default=20, ge=1, le=10_000)
    person_per_minute: int = Field(default=600, ge=0, le=1_000_000)
    storage: str = "memory://"
    password: SecretRef | None = None

    @field_validator("storage")
    @classmethod
    def _without_password(cls, url: str) -> str:
        return refuse_password(url)
