"""Looking for patterns in example texts. Owns that nothing is run that may take long.

The texts are lint's own and short, so it waits a little longer than an evaluation may: a pattern open at its beginning
with a wildcard within is proven quick for 64 characters at most, and names of groups are longer.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from p3idp.core.keystone_rules.hazard import quick_up_to, steps
from p3idp.core.keystone_rules.outcome import Stop
from p3idp.core.keystone_rules.patterns import Pattern
from p3idp.core.mappings.lint.samples import parsed

# A bound from above, far above what such searches take: under a millisecond.
_MOST_STEPS = 2_000_000


def found_in(pattern: str, text: str) -> bool:
    """Whether a search that is surely quick finds the pattern."""
    try:
        return _ready(pattern).found_in(text)
    except Stop:
        return False


def misses(pattern: str, text: str) -> bool:
    """Whether a search that is surely quick does not find the pattern."""
    try:
        return not _ready(pattern).found_in(text)
    except Stop:
        return False


@lru_cache(maxsize=256)
def _ready(pattern: str) -> Pattern:
    """Looked for in several texts one after the other: compiled once."""
    return Pattern(pattern, _Patient())


class _Patient:
    """A Search without a clock."""

    def prepare(self) -> None:
        """Nothing to start."""

    def begin(self) -> None:
        """Nothing to begin."""

    def find(self, pattern: str, texts: Sequence[str]) -> Sequence[bool] | None:
        """None where it might take long."""
        tree = parsed(pattern)
        if tree is None or quick_up_to(tree) < 0 or steps(tree, max(map(len, texts))) > _MOST_STEPS:
            return None
        return [re.search(pattern, text) is not None for text in texts]
