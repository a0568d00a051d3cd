"""From when on something is a danger. Owns the defaults; the settings ([plan]) may say otherwise, a plan may not."""

from dataclasses import dataclass
from datetime import timedelta

from p3idp.core.access.resources import Snapshot

ADMIN_ROLE = "admin"  # what Keystone's own rules ask for, so it is always among the powerful


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``max_removals`` groups and grants, or ``max_removed_percent`` of those owned, may go without a finding.

    ``max_clock_difference``: between this host and Keystone. ``powerful_roles``: roles that rule over others besides
    admin, and all that reach one of them.
    """

    max_removals: int = 10
    max_removed_percent: int = 5
    max_clock_difference: timedelta = timedelta(minutes=5)  # signing in and the first list may take a minute of it
    powerful_roles: frozenset[str] = frozenset()

    def reached(self, role: str, observed: Snapshot) -> tuple[str, ...]:
        """The powerful roles that this one is or implies, sorted."""
        return tuple(sorted(observed.implied(role) & {ADMIN_ROLE, *self.powerful_roles}))


USUAL = Thresholds()
