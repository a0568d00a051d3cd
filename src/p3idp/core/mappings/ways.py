"""Ways into a group: what a login must show, by one claim. Owns which ways rules make, and which of them suffice."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.model import AccessRule, IdentityProvider


@dataclass(frozen=True, slots=True)
class Way:
    """One way into a group, which becomes one rule of the mapping. None: not asked."""

    group: str
    claim: str
    entitlement: Entitlement
    assurance: frozenset[str] | None
    clients: frozenset[str] | None
    audiences: frozenset[str] | None

    @property
    def asked(self) -> tuple[frozenset[str] | None, ...]:
        """What is asked besides the entitlement: one of each."""
        return self.assurance, self.clients, self.audiences

    def points(self) -> Iterator["Way"]:
        """The least that comes in by this way: one value of each that is asked."""
        singly = ([None] if each is None else [frozenset({value}) for value in each] for each in self.asked)
        for values in product(*singly):
            yield Way(self.group, self.claim, self.entitlement, *values)

    def covers(self, other: "Way") -> bool:
        """Whether everyone who comes in by ``other`` comes in by this as well."""
        return (
            (self.group, self.claim) == (other.group, other.claim)
            and other.entitlement.grants(self.entitlement)
            and all(map(_within, other.asked, self.asked))
        )


def _within(narrow: frozenset[str] | None, wide: frozenset[str] | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


def ways_in(provider: IdentityProvider, rule: AccessRule) -> Iterator[Way]:
    """The ways that a rule makes for people of ``provider``, where it is meant for them."""
    if rule.identity_providers and provider.id not in rule.identity_providers:
        return
    assurance = frozenset(rule.assurance) or None
    for claim in provider.claims.entitlements:
        for clients, audiences in admissions(provider, rule.issuing_clients):
            yield Way(rule.group, claim, rule.entitlement, assurance, clients, audiences)


def admissions(provider: IdentityProvider, asked: Sequence[str] = ()) -> Iterator[tuple[frozenset[str] | None, ...]]:
    """Whose tokens are honoured, as (clients, audiences): a listed client's, or those for a listed audience.

    A rule may ask for clients of its own besides.
    """
    own, listed = frozenset(asked) or None, frozenset(provider.issuing_clients) or None
    audiences = frozenset(provider.audiences) or None
    shared = own & listed if own and listed else own or listed
    if audiences:
        yield own, audiences
    if (listed or not audiences) and shared != frozenset():
        yield shared, None


def needed(ways: set[Way]) -> Sequence[Way]:
    """The ways without those that the rest together make needless."""
    kept = sorted(ways, key=_said)
    for way in tuple(kept):
        others = [other for other in kept if other != way]
        if others and all(any(other.covers(point) for other in others) for point in way.points()):
            kept = others
    return kept


def _said(way: Way) -> str:
    return repr((str(way.entitlement), [each and sorted(each) for each in way.asked]))
