"""stub"""

import re
from dataclasses import dataclass
from p3idp.core.keystone_rules.search import BrokenPattern


@dataclass(frozen=True, slots=True)
class Reading:
    """What is known."""

    quick_up_to: int
    surely_compiles: bool
    prefix: str = ""


def read_pattern(source: str) -> Reading | BrokenPattern:
    """Read."""
    try:
        re.compile(source)
    except (re.error, OverflowError, RecursionError, ValueError) as exc:
        return BrokenPattern(type(exc).__name__, f"{source!r} is no pattern: {exc}")
    return Reading(1000000, True)
