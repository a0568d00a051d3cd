"""The part of a policy that some entitlements can reach at all. Owns what may be left out without changing any access.

For a question that is asked thousands of times of thousands of rules and wants no trace: everything that grants a rule
its entitlement shares its namespace and outermost group (Entitlement.grants).
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import groupby

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import Policy


class ReachedRules:
    """One policy, asked for the rules near what somebody holds."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._places: defaultdict[tuple[str, str], list[tuple[int, int]]] = defaultdict(list)
        self._naming = {(at, -1) for at, community in enumerate(policy.communities) if community.people}
        for at, community in enumerate(policy.communities):
            for number, rule in enumerate(community.rules):
                self._places[_outermost(rule.entitlement)].append((at, number))

    def by(self, entitlements: Iterable[str]) -> Policy:
        """The policy without the rules that none of these texts can satisfy: decide() gives the same access."""
        held = {_outermost(known) for text in entitlements if (known := parse_entitlement(text))}
        near = {place for outermost in held for place in self._places.get(outermost, ())}
        # Whom a community names gets in whatever they hold.
        places = sorted(near | self._naming)
        every = self._policy.communities
        communities = (
            replace(every[at], rules=tuple(every[at].rules[number] for _, number in group if number >= 0))
            for at, group in groupby(places, key=lambda place: place[0])
        )
        return replace(self._policy, communities=tuple(communities))


def _outermost(entitlement: Entitlement) -> tuple[str, str]:
    return entitlement.namespace, entitlement.path[0]
