"""What an export says of itself: whose it is, when it was made, and what is still to come. Owns those lines."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from p3idp.core.policy.model import Policy, Validity

_NAMED = (
    "Who is named gets their roles once somebody puts their user into their group, by",
    "`openstack group add user --group-domain DOMAIN GROUP USER`, after their first login:",
)


@dataclass(frozen=True, slots=True)
class Origin:
    """``made_at``: the moment the objects are those of. ``later``: what the policy says of moments after it.

    ``named``: who has a group of their own, into which none of the tools can put somebody who never came.
    """

    policy: str
    digest: str
    made_at: datetime
    later: tuple[str, ...]
    named: tuple[str, ...] = ()

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
            *(_NAMED if self.named else ()),
            *(f"- {' '.join(line.split())}" for line in self.named),
        )


def origin_of(policy: Policy, now: datetime) -> Origin:
    """The origin of an export at ``now``."""
    named = {f"{each.group}: {each.subject} of {each.identity_provider}" for each in policy.people_at(now)}
    later = tuple(sorted(set(_later(policy, now))))
    return Origin(str(policy.site.id), policy.digest, now, later, tuple(sorted(named)))


def _later(policy: Policy, now: datetime) -> Iterator[str]:
    for community in policy.communities:
        yield from _moments(community.validity, f"the community {community.name}", now)
        for rule in community.gives:
            yield from _moments(rule.validity, f"the access by {rule.wanted}", now)


def _moments(validity: Validity, what: str, now: datetime) -> Iterator[str]:
    for moment, verb in ((validity.start, "begins"), (validity.until, "ends")):
        if moment is not None and moment > now:
            yield f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}: {what} {verb}"
