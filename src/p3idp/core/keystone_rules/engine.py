"""Compiled rules and their evaluation. Owns the order in which Keystone looks at rules, and what a claim may weigh."""

from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from p3idp.core.keystone_rules.combine import combine
from p3idp.core.keystone_rules.conditions import Patterns
from p3idp.core.keystone_rules.fill import Filled, Local, Varying
from p3idp.core.keystone_rules.index import Index
from p3idp.core.keystone_rules.outcome import Failed, Kind, Object, Outcome, Stop, refuse
from p3idp.core.keystone_rules.rule import Environment, Prelude, Rule, Shared
from p3idp.core.keystone_rules.schema import VERSIONS, problems
from p3idp.core.keystone_rules.search import NO_SEARCH, Search
from p3idp.core.keystone_rules.templates import Value
from p3idp.core.keystone_rules.trace import Explanation, RuleBroken, RuleHit, RuleMiss, Verdict
from p3idp.errors.keystone_rules import MappingRulesInvalid

MAX_CLAIM = 262_144
MAX_VALUES = 4_096
# So many problems of rules are told.
MAX_PLACES = 100
# A pattern that is quick on less than this will be asked of ``search`` sooner or later.
_USUAL_LENGTH = 64
_LONGEST_REMEMBERED = 8_192
_MOST_REMEMBERED = 256
_Remembered = dict[str, tuple[int, ...]]
_Answer = tuple[list[Value] | None, dict[Varying, Filled]]


class CompiledRules:
    """Rules that Keystone would save, ready to be evaluated many times. Immutable."""

    def __init__(self, rules: Sequence[Object], version: str, search: Search) -> None:
        shared = Shared(search)
        self.version = version
        self.source = rules
        self._honours_domain = version != "1.0"
        self.rules = [Rule(number, rule, shared) for number, rule in enumerate(rules)]
        self._index = Index(self.rules)
        self._search = search
        for rule in self.rules:
            indexed = self._index.indexed.get(rule.number)
            rule.prelude = shared.prelude(tuple(each for each in rule.requirements if each is not indexed))
        asked = shared.requirements.values()
        self.attributes = tuple(dict.fromkeys(requirement.attribute for requirement in asked))
        asked_for = {requirement.attribute for prelude in shared.preludes for requirement in prelude}
        self._readers: list[tuple[str, _Remembered | None, bool]] = [
            (name, {} if name in self._index.attributes else None, name in asked_for) for name in self.attributes
        ]
        patterns = [each.matcher.quick_up_to for each in asked if isinstance(each.matcher, Patterns)]
        # Texts up to this length need no second thought: neither too long, nor for a pattern too slow.
        self.harmless = min([MAX_CLAIM, *patterns])
        if self.harmless < _USUAL_LENGTH:
            search.prepare()

    def evaluate(self, assertion: Mapping[str, object]) -> Outcome:
        """What Keystone's engine answers to ``assertion``. Raises nothing."""
        number = None
        try:
            environment, candidates = self._looked_up(assertion)
            answers: dict[Prelude, _Answer] = {}
            given: list[tuple[Local, Filled]] = []
            for number in candidates:
                rule = self.rules[number]
                answer = answers.get(rule.prelude)
                if answer is None:
                    judged = rule.prelude.judge(environment)
                    answer = answers[rule.prelude] = (judged if isinstance(judged, list) else None, {})
                values, known = answer
                if values is not None:
                    for local in rule.locals:
                        filled = known.get(local.varying)
                        if filled is None:
                            filled = known[local.varying] = local.varying.fill(values)
                        given.append((local, filled))
            number = None
            return combine(given, honours_domain=self._honours_domain)
        except Stop as stop:
            return _failed(stop, number)

    def explain(self, assertion: Mapping[str, object]) -> Explanation:
        """The same outcome as ``evaluate``, with the verdict on every rule that Keystone looks at."""
        outcome = self.evaluate(assertion)
        verdicts: list[Verdict] = []
        try:
            self._looked_up(assertion)
            environment = self._values(assertion)
        except Stop:
            return Explanation(outcome, ())
        for rule in self.rules:
            if isinstance(outcome, Failed) and outcome.rule == rule.number:
                verdicts.append(RuleBroken(rule.number, outcome))
                break
            verdicts.append(_verdict(rule, environment))
        return Explanation(outcome, tuple(verdicts))

    def _looked_up(self, assertion: Mapping[str, object]) -> tuple[Environment, Sequence[int]]:
        """The values that preludes ask for, and the rules worth a look. Raises Stop.

        What is not text is not there. Logins repeat, and people of one community carry the same entitlements: which
        rules an indexed attribute's text selects is remembered.
        """
        environment: Environment = {}
        found: list[tuple[int, ...]] = []
        begun = False
        get = assertion.get
        for name, remembered, asked_for in self._readers:
            text = get(name)
            if text.__class__ is not str and not isinstance(text, str):
                continue
            if len(text) > self.harmless:
                if len(text) > MAX_CLAIM:
                    raise refuse(f"{name} has {len(text)} characters; at most {MAX_CLAIM} are read")
                if not begun:
                    self._search.begin()
                    begun = True
            if remembered is not None:
                rules = remembered.get(text)
                if rules is None:
                    rules = self._selected(name, text, remembered)
                found.append(rules)
            if asked_for:
                environment[name] = text.split(";") if len(text) < MAX_VALUES else _split(name, text)
        return environment, self._index.together(found)

    def _selected(self, name: str, text: str, remembered: _Remembered) -> tuple[int, ...]:
        rules = self._index.found_by(name, _split(name, text))
        if len(text) <= _LONGEST_REMEMBERED:
            if len(remembered) >= _MOST_REMEMBERED:
                remembered.clear()
            remembered[text] = rules
        return rules

    def _values(self, assertion: Mapping[str, object]) -> Environment:
        """The values of every attribute that the rules ask for. Raises Stop."""
        self._search.begin()
        texts = ((name, assertion.get(name)) for name in self.attributes)
        return {name: _split(name, text) for name, text in texts if isinstance(text, str)}


def _split(name: str, text: str) -> list[str]:
    values = text.split(";")
    if len(values) > MAX_VALUES:
        raise refuse(f"{name} has {len(values)} values; at most {MAX_VALUES} are read")
    return values


def compile_rules(rules: Any, version: Any, search: Search = NO_SEARCH) -> CompiledRules:
    """Compile the JSON list ``rules`` of an attribute mapping. Raises MappingRulesInvalid."""
    if version not in VERSIONS:
        raise MappingRulesInvalid((("schema_version", f"is {version!r}; Keystone knows {', '.join(VERSIONS)}"),))
    places = tuple(islice(problems(rules, version), MAX_PLACES))
    if places:
        raise MappingRulesInvalid(places)
    return CompiledRules(rules, version, search)


def _verdict(rule: Rule, environment: Environment) -> Verdict:
    try:
        values = rule.judge(environment)
        if isinstance(values, RuleMiss):
            return values
        return RuleHit(rule.number, tuple(values), [local.whole(local.varying.fill(values)) for local in rule.locals])
    except Stop as stop:
        return RuleBroken(rule.number, _failed(stop, rule.number))


def _failed(stop: Stop, rule: int | None) -> Failed:
    return Failed(stop.kind, stop.message, stop.keystone_error, rule if stop.kind is not Kind.NO_MATCH else None)
