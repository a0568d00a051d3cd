"""One entry of ``remote``: what it asks of an attribute's values, and what it hands on. Owns the five conditions."""

from abc import ABC, abstractmethod
from collections.abc import Sequence

from p3idp.core.keystone_rules.outcome import Json, Object, fails
from p3idp.core.keystone_rules.patterns import Pattern
from p3idp.core.keystone_rules.reading import Reading
from p3idp.core.keystone_rules.search import Search

Values = list[str]
MAX_QUICK = 1_000_000


class Matcher(ABC):
    """Which of an attribute's values an entry's list names."""

    cannot_fail: bool

    @abstractmethod
    def any_of(self, values: Values) -> bool:
        """Whether one of ``values`` is named."""

    @abstractmethod
    def those_of(self, values: Values) -> Values:
        """The values that are named."""


class Literals(Matcher):
    """Values by equality. Entries that are no text never match; one that cannot be hashed breaks the login."""

    def __init__(self, entries: Sequence[Json]) -> None:
        try:
            self.wanted: frozenset[Json] | None = frozenset(entries)
        except TypeError:
            self.wanted = None
        self.cannot_fail = self.wanted is not None

    def any_of(self, values: Values) -> bool:
        """Whether one of ``values`` is named."""
        return not self._named().isdisjoint(values)

    def those_of(self, values: Values) -> Values:
        """The values that are named, each once, in no order (Keystone intersects sets)."""
        return list(self._named().intersection(set(values)))

    def _named(self) -> frozenset[Json]:
        if self.wanted is None:
            raise fails("TypeError", "an entry of the condition is a list or an object")
        return self.wanted


class Patterns(Matcher):
    """Values by ``re.search``, unanchored. Every value is looked at, with the entries in order up to one that finds."""

    def __init__(self, entries: Sequence[Json], search: Search) -> None:
        self.patterns = [Pattern(entry, search) for entry in entries]
        self.cannot_fail = all(pattern.cannot_fail for pattern in self.patterns)
        readings = (pattern.reading for pattern in self.patterns)
        self.quick_up_to = min((each.quick_up_to for each in readings if isinstance(each, Reading)), default=MAX_QUICK)

    def any_of(self, values: Values) -> bool:
        """Whether one of ``values`` is named. Where one may break the login, all are looked at."""
        if self.cannot_fail:
            return any(pattern.found_in_any(values) for pattern in self.patterns)
        return bool(self.those_of(values))

    def those_of(self, values: Values) -> Values:
        """The values that are named, in order."""
        return [value for value in values if any(pattern.found_in(value) for pattern in self.patterns)]


class Requirement:
    """One entry of ``remote``."""

    __slots__ = ("attribute", "condition", "entries", "is_gate", "literals", "matcher", "regex")

    def __init__(self, entry: Object, search: Search) -> None:
        self.attribute: str = entry["type"]
        self.regex: bool = entry.get("regex", False)
        self.condition = next((name for name in _ORDER if name in entry), "present")
        # A gate only lets pass or not, and is never counted by ``{0}``, ``{1}`` …
        self.is_gate = self.condition in ("any_one_of", "not_any_of")
        self.entries: Sequence[Json] = tuple(entry.get(self.condition, ()))
        self.matcher: Matcher = Patterns(self.entries, search) if self.regex else Literals(self.entries)
        gate = self.matcher if self.is_gate and isinstance(self.matcher, Literals) else None
        # What a gate asks for where it is plain texts only, so that it can be asked in one step.
        self.literals: frozenset[Json] | None = gate.wanted if gate else None

    def passes(self, values: Values) -> bool:
        """Whether the gate is open. Raises Stop."""
        return self.matcher.any_of(values) is (self.condition == "any_one_of")

    def selects(self, values: Values) -> Values:
        """What of ``values`` is handed on, for a requirement that is no gate. Raises Stop."""
        if self.condition == "whitelist":
            return self.matcher.those_of(values)
        if self.condition == "blacklist":
            return list(set(values).difference(set(self.matcher.those_of(values))))
        return values


_ORDER = ("any_one_of", "not_any_of", "blacklist", "whitelist")
