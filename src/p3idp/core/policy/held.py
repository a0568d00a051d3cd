"""The entitlements somebody holds, looked up by community. Owns that comparing them with many rules stays quick.

What counts as near is nearness.py's. An entitlement can only be near one of the same community, or name that
community somewhere in a text that is no group entitlement.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from urllib.parse import unquote

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.nearness import NearMiss, near_misses

# So many are compared with one rule, or searched for a community's name; more would say nothing new.
_MOST_NEAR = 100
_MOST_ODD = 20


class Held:
    """Entitlements as they came."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._of: dict[str, list[tuple[str, Entitlement]]] = {}
        self._odd: list[str] = []
        for text in texts:
            parsed = parse_entitlement(text)
            if parsed is not None:
                self._of.setdefault(_community(parsed), []).append((text, parsed))
            elif len(self._odd) < _MOST_ODD:
                self._odd.append(text)

    def granting(self, wanted: Entitlement) -> str:
        """The first that grants ``wanted``, as it came; empty where none does."""
        return next((text for text, parsed in self._of.get(_community(wanted), ()) if parsed.grants(wanted)), "")

    def near(self, wanted: Entitlement) -> tuple[NearMiss, ...]:
        """Those that nearly grant ``wanted``."""
        return near_misses(wanted, islice(self._candidates(_community(wanted)), _MOST_NEAR))

    def _candidates(self, community: str) -> Iterator[str]:
        yield from (text for text, _ in self._of.get(community, ()))
        yield from self._odd


def _community(entitlement: Entitlement) -> str:
    """As nearness.py compares communities: nothing encoded, one case."""
    return unquote(entitlement.path[0]).casefold()
