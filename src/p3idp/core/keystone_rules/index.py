"""Which rules are worth a look. Owns the proof that the others miss.

Of each rule at most one requirement is indexed: an ``any_one_of`` of literals, or of anchored patterns that begin with
known characters, such as the compiled policy's. A rule may be skipped only where that requirement fails for certain
and nothing before it could have broken the login; rules without such a requirement are always looked at. So the work
grows with the values presented, not with the rules.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain

from p3idp.core.keystone_rules.conditions import Literals, Patterns, Requirement
from p3idp.core.keystone_rules.patterns import Pattern
from p3idp.core.keystone_rules.reading import FOLD
from p3idp.core.keystone_rules.rule import Rule

Key = tuple[str, bool, str]


class _Prefixes:
    """Texts by how they begin: all stored prefixes of a text, in time that hardly grows with their number."""

    def __init__(self, owners: dict[str, list[tuple[int, Pattern]]]) -> None:
        self._keys = sorted(owners)
        self._owners = [owners[key] for key in self._keys]
        self._parents = list(self._parents_of(self._keys))

    @staticmethod
    def _parents_of(keys: Sequence[str]) -> Iterator[int]:
        """For each key the place of the longest other key that it begins with; -1 for none."""
        above: list[int] = []
        for place, key in enumerate(keys):
            while above and not key.startswith(keys[above[-1]]):
                above.pop()
            yield above[-1] if above else -1
            above.append(place)

    def find(self, values: Sequence[str], found: set[int]) -> None:
        """Add the rules of which a pattern is found in one of ``values``. Raises Stop."""
        keys, parents, owners = self._keys, self._parents, self._owners
        for value in values:
            folded = value.lower() if value.isascii() else value.translate(FOLD)
            # Whatever lies between a prefix of the text and the text begins with that prefix: so walking up from the
            # nearest key below meets every key that is a prefix.
            place = bisect_right(keys, folded) - 1
            while place >= 0:
                if folded.startswith(keys[place]):
                    for number, pattern in owners[place]:
                        if number not in found and pattern.found_in(value):
                            found.add(number)
                place = parents[place]


class Index:
    """The index over the rules of one mapping."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.indexed: dict[int, Requirement] = {}
        choices = {rule.number: list(_choices(rule)) for rule in rules}
        shared = Counter(key for options in choices.values() for each in options for key in _keys(each))
        for rule in rules:
            options = choices[rule.number]
            if options:
                # The requirement whose keys the fewest rules share tells most.
                self.indexed[rule.number] = min(options, key=lambda each: sum(shared[key] for key in _keys(each)))
        self._always = {rule.number for rule in rules if rule.number not in self.indexed}
        self._literals: dict[str, dict[str, list[int]]] = {}
        self._prefixes: dict[str, _Prefixes] = {}
        self._fill()

    def _fill(self) -> None:
        prefixes: dict[str, dict[str, list[tuple[int, Pattern]]]] = {}
        for number, requirement in self.indexed.items():
            matcher, attribute = requirement.matcher, requirement.attribute
            if isinstance(matcher, Patterns):
                for pattern in matcher.patterns:
                    prefixes.setdefault(attribute, {}).setdefault(pattern.prefix, []).append((number, pattern))
            else:
                for _, _, text in _keys(requirement):
                    self._literals.setdefault(attribute, {}).setdefault(text, []).append(number)
        self._prefixes = {attribute: _Prefixes(owners) for attribute, owners in prefixes.items()}
        self.attributes = frozenset(requirement.attribute for requirement in self.indexed.values())

    def found_by(self, attribute: str, values: Sequence[str]) -> tuple[int, ...]:
        """The rules, in order, whose indexed requirement these values of an attribute meet. Raises Stop."""
        by_text = self._literals.get(attribute, {})
        prefixes = self._prefixes.get(attribute)
        met = by_text.keys() & values
        if prefixes is None and len(met) == 1:
            return tuple(by_text[met.pop()])
        found = set(chain.from_iterable(map(by_text.__getitem__, met)))
        if prefixes is not None:
            prefixes.find(values, found)
        return tuple(sorted(found))

    def together(self, found: Sequence[tuple[int, ...]]) -> Sequence[int]:
        """The rules that may apply, in order: those found, and those that nothing is known of."""
        if not self._always and len(found) == 1:
            return found[0]
        return sorted(self._always.union(*found))


def _choices(rule: Rule) -> Iterator[Requirement]:
    """The requirements of a rule that could be indexed: all before them are harmless."""
    for requirement in rule.requirements:
        if not requirement.matcher.cannot_fail:
            return
        if requirement.condition == "any_one_of" and _is_indexable(requirement):
            yield requirement


def _is_indexable(requirement: Requirement) -> bool:
    matcher = requirement.matcher
    return isinstance(matcher, Literals) or (
        isinstance(matcher, Patterns) and all(pattern.prefix for pattern in matcher.patterns)
    )


def _keys(requirement: Requirement) -> Iterator[Key]:
    matcher = requirement.matcher
    if isinstance(matcher, Patterns):
        texts = {pattern.prefix for pattern in matcher.patterns}
    else:
        texts = {entry for entry in requirement.entries if isinstance(entry, str)}
    return ((requirement.attribute, requirement.regex, text) for text in texts)
