"""Say what a removal takes from somebody, and how long it may take. Owns what is read for that; nothing is changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.access.people.cloud import Right
from p3idp.core.credentials.held import Holdings
from p3idp.core.removal.bounds import Bound, Pace, bound_of
from p3idp.core.removal.steps import Action, Step
from p3idp.ops.removal_look import Look
from p3idp.ports.holdings import HoldingsReader
from p3idp.ports.offline import Consents
from p3idp.ports.removal import RecheckReader


@dataclass(frozen=True, slots=True)
class Ends:
    """What a step takes: rights, and for a user who is disabled what else they hold. Tokens end as well."""

    rights: frozenset[Right]
    holdings: Holdings


@dataclass(frozen=True, slots=True)
class PersonBound:
    """The bound that holds for somebody; ``subject`` as Keystone calls them where p3idp does not know more."""

    provider: str
    subject: str
    bound: Bound

    @property
    def order(self) -> tuple[timedelta, str, str]:
        """The longest wait first."""
        return -self.bound.within, self.provider, self.subject


@dataclass(frozen=True, slots=True)
class Bounds:
    """Those of everybody who can use something. ``unreadable``: consents that no key of the settings opens."""

    people: tuple[PersonBound, ...]
    unreadable: int = 0


def what_ends(look: Look, holdings: HoldingsReader, step: Step) -> Ends:
    """What a step takes from somebody. Raises KeystoneUnreachable, KeystoneForbids."""
    if step.action is not Action.DISABLE:
        return Ends(look.cloud.of_groups(step.groups), Holdings())
    own = next((user.own for user in look.shadows.users if user.id == step.user), ())
    groups = {each.group for each in look.memberships(step.user)}
    rights = look.cloud.of_groups(groups) | look.cloud.with_implied(own)
    return Ends(rights, holdings.holdings(step.user))


def bounds_of(look: Look, kept: Consents, memory: RecheckReader | None, pace: Pace, now: datetime) -> Bounds:
    """How soon access that ends at a provider ends here, person by person. Raises LedgerUnavailable."""
    people = {(each.provider, each.subject): each.consented_at for each in kept.kept}
    acted = memory.acted(people) if memory else {}
    agreed = {user.id: person for person, user in look.users_of(people).items()}
    found: list[PersonBound] = []
    for user in look.shadows.users:
        provider = look.provider(user.provider)
        if user.enabled and provider is not None:
            person = agreed.get(user.id)
            consented, asked = (people[person], acted.get(person)) if person else (None, None)
            bound = bound_of(provider, pace, now, consented, asked)
            found.append(PersonBound(user.provider, person[1] if person else user.name, bound))
    return Bounds(_sorted(found), kept.unreadable)


def _sorted(found: Sequence[PersonBound]) -> tuple[PersonBound, ...]:
    return tuple(sorted(found, key=lambda each: each.order))
