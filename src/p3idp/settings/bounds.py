"""The sections of the rules for changes: from when on a plan has a finding, who decides, how soon access ends."""

from typing import Self

from pydantic import Field, model_validator

from p3idp.settings.secret_ref import SecretRef
from p3idp.settings.section import Section


class PlanSettings(Section):
    """From when on a plan has a finding.

    ``people-lose-access``: more people than these would lose all that they have, or some of it. ``too-many-removals``:
    more groups and grants than these would go, or more than this part of those that p3idp made. ``clock-off``: this
    host's clock and Keystone's differ by more. ``admin-role``: these roles count
    as admin does, and so do all that imply one.
    """

    may_lose_everything: int = Field(default=0, ge=0)
    may_lose_something: int = Field(default=10, ge=0)
    max_removals: int = Field(default=10, ge=0)
    max_removed_percent: int = Field(default=5, ge=0, le=100)
    max_clock_difference_seconds: int = Field(default=300, ge=1, le=3600)
    powerful_roles: tuple[str, ...] = ()


class ApprovalsSettings(Section):
    """What two people decide together (`p3idp propose`, `approve`, `apply --proposal`).

    ``key`` refers to Fernet keys, one a line, newest first, that seal proposals and approvals in the database; without
    it nothing can be proposed. ``valid_hours``: how long a proposal can be approved and applied.
    ``token_max_age_minutes``: how long ago the token that says who somebody is may have been issued.
    """

    key: SecretRef | None = None
    valid_hours: int = Field(default=24, ge=1, le=336)
    token_max_age_minutes: int = Field(default=15, ge=1, le=60)


class RemovalSettings(Section):
    """How soon access ends here after it ended at the identity provider (`p3idp recheck`, `p3idp leavers`).

    ``within_minutes``: the bound for people who consented to be asked about while away. ``every_minutes``: how often a
    recheck begins (the timer's own time must be the same), and how long it may take; the bound is at least twice that.
    ``at_once``: how many people are asked about at a time.
    More than ``max_leavers`` people within an hour, or this part of those known by their claims, are the finding
    ``too-many-leavers``: then nobody loses anything before an administrator accepts it by name.
    """

    within_minutes: int = Field(default=15, ge=2, le=1440)
    every_minutes: int = Field(default=5, ge=1, le=720)
    at_once: int = Field(default=4, ge=1, le=16)
    max_leavers: int = Field(default=10, ge=0)
    max_leavers_percent: int = Field(default=30, ge=0, le=100)

    @model_validator(mode="after")
    def _runs_are_often_enough(self) -> Self:
        if 2 * self.every_minutes > self.within_minutes:
            raise ValueError("within_minutes is less than twice every_minutes: no recheck could keep that bound")
        return self
