"""One rule, taken apart for evaluation and for the trace. Owns what "the rule applies" means.

A rule is its requirements in order. For speed, those that many rules have in common are one ``Prelude``, whose answer
holds for a whole evaluation; the one that an index answers stands apart.
"""

from functools import cached_property

from p3idp.core.keystone_rules.conditions import Requirement
from p3idp.core.keystone_rules.fill import Local, Varying
from p3idp.core.keystone_rules.outcome import Object, exact_key
from p3idp.core.keystone_rules.search import Search
from p3idp.core.keystone_rules.templates import Value
from p3idp.core.keystone_rules.trace import RuleMiss

Environment = dict[str, list[str]]


class Shared:
    """What the rules of one mapping have in common, each made once."""

    def __init__(self, search: Search) -> None:
        self.search = search
        self.requirements: dict[bytes, Requirement] = {}
        self.preludes: dict[tuple[Requirement, ...], Prelude] = {}
        self.varying: dict[bytes, Varying] = {}

    def requirement(self, entry: Object) -> Requirement:
        """The requirement of an entry of ``remote``."""
        key = exact_key(entry)
        known = self.requirements.get(key)
        if known is None:
            known = self.requirements[key] = Requirement(entry, self.search)
        return known

    def prelude(self, requirements: tuple[Requirement, ...]) -> "Prelude":
        """The prelude of these requirements."""
        if requirements not in self.preludes:
            self.preludes[requirements] = Prelude(requirements)
        return self.preludes[requirements]


class Prelude:
    """Requirements in order, up to the values that they hand on."""

    __slots__ = ("_steps", "requirements")

    def __init__(self, requirements: tuple[Requirement, ...]) -> None:
        self.requirements = requirements
        self._steps = [
            (position, each.attribute, each.literals, each.condition, each)
            for position, each in enumerate(requirements)
        ]

    def judge(self, environment: Environment) -> list[Value] | int:
        """The values for ``{0}``, ``{1}`` …, or the place of the requirement that is not met. Raises Stop."""
        handed: list[Value] = []
        for position, attribute, literals, condition, requirement in self._steps:
            values = environment.get(attribute)
            if values is None:
                return position
            if condition == "present":
                handed.append(values[0] if len(values) == 1 else values)
            elif literals is not None:  # most gates are: told apart here, for speed
                if literals.isdisjoint(values) is (condition == "any_one_of"):
                    return position
            elif requirement.is_gate:
                if not requirement.passes(values):
                    return position
            else:
                selected = requirement.selects(values)
                handed.append(selected[0] if len(selected) == 1 else selected)
        return handed


class Rule:
    """One rule. ``prelude`` is all that the index does not answer; known once there is one.

    Most rules never apply to anybody who comes: ``locals`` are made when first asked for.
    """

    prelude: Prelude

    def __init__(self, number: int, rule: Object, shared: Shared) -> None:
        self.number = number
        self.requirements = tuple(shared.requirement(entry) for entry in rule["remote"])
        self._local, self._varying = rule["local"], shared.varying

    @cached_property
    def locals(self) -> list[Local]:
        """The local objects."""
        return [Local(local, self._varying) for local in self._local]

    def judge(self, environment: Environment) -> RuleMiss | list[Value]:
        """The values for ``{0}``, ``{1}`` …, or the requirement that is not met. Raises Stop."""
        judged = Prelude(self.requirements).judge(environment)
        return judged if isinstance(judged, list) else self._miss(judged, environment)

    def _miss(self, position: int, environment: Environment) -> RuleMiss:
        asked = self.requirements[position]
        values = environment.get(asked.attribute)
        if values is None:
            return RuleMiss(self.number, position, asked.attribute, "present", regex=asked.regex)
        found = asked.matcher.those_of(values) if asked.condition == "not_any_of" else values
        return RuleMiss(
            self.number, position, asked.attribute, asked.condition, asked.entries, asked.regex, tuple(found)
        )
