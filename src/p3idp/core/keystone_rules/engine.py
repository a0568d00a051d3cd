"""Compiled rules and their evaluation. Owns the order in which Keystone looks at rules, and what a claim may weigh."""

from collections.abc import Mapping, Sequence
from typing import Any

from p3idp.core.keystone_rules.combine import combine
from p3idp.core.keystone_rules.conditions import Patterns
from p3idp.core.keystone_rules.fill import Fill
from p3idp.core.keystone_rules.index import Index
from p3idp.core.keystone_rules.outcome import Failed, Json, Kind, Object, Outcome, Stop, refuse
from p3idp.core.keystone_rules.rule import Environment, Rule, Shared
from p3idp.core.keystone_rules.schema import VERSIONS, problems
from p3idp.core.keystone_rules.search import NO_SEARCH, Search
from p3idp.core.keystone_rules.templates import Value
from p3idp.core.keystone_rules.trace import Explanation, RuleBroken, RuleHit, RuleMiss, Verdict
from p3idp.errors.keystone_rules import MappingRulesInvalid

MAX_CLAIM = 262_144
MAX_VALUES = 4_096
# A pattern that is quick on less than this will be asked of ``search`` sooner or later.
_USUAL_LENGTH = 64
_Known = tuple[list[Value] | None, dict[Fill, Json]]


class CompiledRules:
    """Rules that Keystone would save, ready to be evaluated many times. Immutable."""

    def __init__(self, rules: Sequence[Object], version: str, search: Search) -> None:
        shared = Shared(search)
        self.version = version
        self.source = rules
        self.rules = [Rule(number, rule, shared) for number, rule in enumerate(rules)]
        self._index = Index(self.rules)
        self._search = search
        self._split_preludes(shared)
        asked = shared.requirements.values()
        self.attributes = tuple(dict.fromkeys(requirement.attribute for requirement in asked))
        if any(isinstance(each.matcher, Patterns) and each.matcher.quick_up_to < _USUAL_LENGTH for each in asked):
            search.prepare()

    def _split_preludes(self, shared: Shared) -> None:
        shared.preludes.clear()
        for rule in self.rules:
            known = self._index.indexed.get(rule.number)
            rule.prelude = shared.prelude(tuple(each for each in rule.requirements if each is not known))
        self._slots = len(shared.preludes)

    def evaluate(self, assertion: Mapping[str, object]) -> Outcome:
        """What Keystone's engine answers to ``assertion``. Raises nothing."""
        number = None
        try:
            environment = self._environment(assertion)
            known: list[_Known | None] = [None] * self._slots
            filled: list[dict[str, Json]] = []
            for number in self._index.worth_a_look(environment):
                rule = self.rules[number]
                answer = known[rule.prelude.slot]
                if answer is None:
                    answer = known[rule.prelude.slot] = (rule.prelude.judge(environment), {})
                values, made = answer
                if values is not None:
                    for local in rule.locals:
                        filled.append(local.fill(values, made))
            number = None
            return combine(filled, honours_domain=self.version != "1.0")
        except Stop as stop:
            return _failed(stop, number)

    def explain(self, assertion: Mapping[str, object]) -> Explanation:
        """The same outcome as ``evaluate``, with the verdict on every rule that Keystone looks at."""
        outcome = self.evaluate(assertion)
        verdicts: list[Verdict] = []
        try:
            environment = self._environment(assertion)
        except Stop:
            return Explanation(outcome, ())
        for rule in self.rules:
            verdicts.append(_verdict(rule, environment))
            if isinstance(outcome, Failed) and outcome.rule == rule.number:
                break
        return Explanation(outcome, tuple(verdicts))

    def _environment(self, assertion: Mapping[str, object]) -> Environment:
        """The values of the attributes that the rules ask for; what is not text is not there. Raises Stop."""
        self._search.begin()
        environment = {}
        for name in self.attributes:
            text = assertion.get(name)
            if isinstance(text, str):
                if len(text) > MAX_CLAIM:
                    raise refuse(f"{name} has {len(text)} characters; at most {MAX_CLAIM} are read")
                environment[name] = values = text.split(";")
                if len(values) > MAX_VALUES:
                    raise refuse(f"{name} has {len(values)} values; at most {MAX_VALUES} are read")
        return environment


def compile_rules(rules: Any, version: Any, search: Search = NO_SEARCH) -> CompiledRules:
    """Compile the JSON list ``rules`` of an attribute mapping. Raises MappingRulesInvalid."""
    if version not in VERSIONS:
        raise MappingRulesInvalid((("schema_version", f"is {version!r}; Keystone knows {', '.join(VERSIONS)}"),))
    places = tuple(problems(rules, version))
    if places:
        raise MappingRulesInvalid(places)
    return CompiledRules(rules, version, search)


def _verdict(rule: Rule, environment: Environment) -> Verdict:
    try:
        values = rule.judge(environment)
        if isinstance(values, RuleMiss):
            return values
        return RuleHit(rule.number, tuple(values), [local.fill(values, {}) for local in rule.locals])
    except Stop as stop:
        return RuleBroken(rule.number, _failed(stop, rule.number))


def _failed(stop: Stop, rule: int | None) -> Failed:
    return Failed(stop.kind, stop.message, stop.keystone_error, rule if stop.kind is not Kind.NO_MATCH else None)
