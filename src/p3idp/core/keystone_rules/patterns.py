"""A regular expression of a rule, ready to be searched for. Owns where it runs: here, or in the guarded worker.

A pattern runs here on texts up to the length for which hazard.py proves it quick; otherwise ``search`` is asked.
"""

import re
from collections.abc import Sequence

from p3idp.core.keystone_rules.outcome import Json, fails, refuse
from p3idp.core.keystone_rules.reading import Reading, read_pattern
from p3idp.core.keystone_rules.search import BrokenPattern, Search


class Pattern:
    """One entry of a condition with ``regex``: any JSON value, as rules may hold any."""

    __slots__ = ("_compiled", "_search", "reading", "source")

    def __init__(self, source: Json, search: Search) -> None:
        self.source = source
        self.reading = _read(source)
        self._search = search
        self._compiled: re.Pattern[str] | None = None

    @property
    def cannot_fail(self) -> bool:
        """Whether no text makes this pattern raise: then a rule may be skipped where it provably misses."""
        return isinstance(self.reading, Reading) and self.reading.surely_compiles

    @property
    def prefix(self) -> str:
        """How every text must begin (folded) in which this is found; empty where that is not known."""
        return self.reading.prefix if isinstance(self.reading, Reading) else ""

    def found_in(self, text: str) -> bool:
        """``re.search``. Raises Stop where Keystone would fail, or where it takes too long to know."""
        reading = self.reading
        if reading.__class__ is not Reading:
            raise fails(reading.error, reading.message)  # type: ignore[union-attr]  # the other of two classes
        if len(text) > reading.quick_up_to:
            return self._ask([text])[0]
        compiled = self._compiled
        if compiled is None:
            compiled = self._compile()
        return compiled.search(text) is not None

    def found_in_any(self, texts: Sequence[str]) -> bool:
        """Whether it is found in one of ``texts``, where it cannot fail. Raises Stop where that takes too long."""
        limit = self.reading.quick_up_to if isinstance(self.reading, Reading) else 0
        if any(self.found_in(text) for text in texts if len(text) <= limit):
            return True
        rest = [text for text in texts if len(text) > limit]
        return bool(rest) and any(self._ask(rest))

    def _compile(self) -> re.Pattern[str]:
        try:
            self._compiled = re.compile(self.source)
        except (re.error, OverflowError, RecursionError, ValueError) as exc:
            raise fails(type(exc).__name__, f"{self.source[:200]!r} is no pattern: {exc}") from exc
        return self._compiled

    def _ask(self, texts: Sequence[str]) -> Sequence[bool]:
        answer = self._search.find(self.source, texts)
        if answer is None:
            raise refuse(f"the pattern {self.source[:200]!r} takes too long")
        if isinstance(answer, BrokenPattern):
            raise fails(answer.error, answer.message)
        return answer


def _read(source: Json) -> Reading | BrokenPattern:
    if not isinstance(source, str):
        return BrokenPattern("TypeError", f"an entry of type {type(source).__name__} is no pattern")
    return read_pattern(source)
