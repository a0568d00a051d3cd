"""What an export says of itself: whose it is, when it was made, and what is still to come. Owns those lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from p3idp.core.policy.model import Policy, Validity


@dataclass(frozen=True, slots=True)
class Origin:
    """``made_at``: the moment the objects are those of. ``later``: what the policy says of moments after it."""

    policy: str
    digest: str
    made_at: datetime
    later: tuple[str, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        """The head of every file that can hold a comment."""
        made = f"{self.made_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
        return (
            f"The access of the policy {self.policy}, as plain Keystone objects. No secret is in here.",
            f"Made by `p3idp export` at {made}, from the policy with the digest",
            f"{self.digest}.",
            *(("Nothing here does what the policy still says for later:",) if self.later else ()),
            *(f"- {' '.join(line.split())}" for line in self.later),
        )


def origin_of(policy: Policy, now: datetime) -> Origin:
    """The origin of an export at ``now``."""
    return Origin(str(policy.site.id), policy.digest, now, tuple(sorted(set(_later(policy, now)))))


def _later(policy: Policy, now: datetime) -> Iterator[str]:
    for community in policy.communities:
        yield from _moments(community.validity, f"the community {community.name}", now)
        for rule in community.rules:
            yield from _moments(rule.validity, f"the access by {rule.entitlement}", now)


def _moments(validity: Validity, what: str, now: datetime) -> Iterator[str]:
    for moment, verb in ((validity.start, "begins"), (validity.until, "ends")):
        if moment is not None and moment > now:
            yield f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: {what} {verb}"
