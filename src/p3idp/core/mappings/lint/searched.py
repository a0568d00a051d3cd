"""Looking for patterns in example texts. Owns that nothing is run that may take long."""

from functools import lru_cache

from p3idp.core.keystone_rules.outcome import Stop
from p3idp.core.keystone_rules.patterns import Pattern
from p3idp.core.keystone_rules.search import NO_SEARCH


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
    return Pattern(pattern, NO_SEARCH)
