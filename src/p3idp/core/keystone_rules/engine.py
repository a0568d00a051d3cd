"""Compiled rules and their evaluation. Owns the order in which Keystone looks at rules, and who is asked at all."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from p3idp.core.keystone_rules.combine import combine
from p3idp.core.keystone_rules.conditions import Requirement
from p3idp.core.keystone_rules.literals import read_json
from p3idp.core.keystone_rules.outcome import Failed, Json, Kind, Mapped, Object, Outcome, Stop, fails, refuse
from p3idp.core.keystone_rules.schema import VERSIONS, problems, project_problems
from p3idp.core.keystone_rules.search import Search, no_search
from p3idp.core.keystone_rules.templates import Value, compile_template
from p3idp.core.keystone_rules.trace import Explanation, RuleBroken, RuleHit, RuleMiss, Verdict
from p3idp.errors.keystone_rules import MappingRulesInvalid

MAX_CLAIM = 262_144
MAX_VALUES = 4_096
Fill = Callable[[Sequence[Value]], Json]
Environment = dict[str, list[str]]
_PROJECTS_INDEX = re.compile(r"\{?(\d+)\}?")


class Rule:
    """One rule: its requirements, and what it adds when they are met."""

    __slots__ = ("fill", "number", "requirements")

    def __init__(self, number: int, rule: Object, version: str, search: Search) -> None:
        self.number = number
        self.requirements = [Requirement(entry, search) for entry in rule["remote"]]
        self.fill = [_filler(local, version) for local in rule["local"]]

    def judge(self, environment: Environment) -> RuleMiss | list[Value]:
        """The values for ``{0}``, ``{1}`` …, or the requirement that is not met. Raises Stop."""
        handed: list[Value] = []
        for position, requirement in enumerate(self.requirements):
            values = environment.get(requirement.attribute)
            if values is None:
                return self._miss(position, "present", ())
            if requirement.is_gate:
                if not requirement.passes(values):
                    return self._miss(position, requirement.condition, values)
            else:
                selected = requirement.selects(values)
                handed.append(selected[0] if len(selected) == 1 else selected)
        return handed

    def _miss(self, position: int, condition: str, values: Sequence[str]) -> RuleMiss:
        asked = self.requirements[position]
        found = asked.matcher.those_of(list(values)) if condition == "not_any_of" else values
        entries = () if condition == "present" else asked.entries
        return RuleMiss(self.number, position, asked.attribute, condition, entries, asked.regex, tuple(found))


class CompiledRules:
    """Rules that Keystone would save, ready to be evaluated many times. Immutable."""

    def __init__(self, rules: Sequence[Object], version: str, search: Search) -> None:
        self.version = version
        self.rules = [Rule(number, rule, version, search) for number, rule in enumerate(rules)]
        asked = (requirement.attribute for rule in self.rules for requirement in rule.requirements)
        self.attributes = tuple(dict.fromkeys(asked))

    def evaluate(self, assertion: Mapping[str, object]) -> Outcome:
        """What Keystone's engine answers to ``assertion``. Raises nothing."""
        return self.explain(assertion).outcome

    def explain(self, assertion: Mapping[str, object]) -> Explanation:
        """The same outcome as ``evaluate``, with the verdict on every rule that Keystone looks at."""
        verdicts: list[Verdict] = []
        locals_: list[dict[str, Json]] = []
        try:
            environment = self._environment(assertion)
        except Stop as stop:
            return Explanation(_failed(stop, None), ())
        for rule in self.rules:
            try:
                verdict = _verdict(rule, environment)
            except Stop as stop:
                failure = _failed(stop, rule.number)
                return Explanation(failure, (*verdicts, RuleBroken(rule.number, failure)))
            verdicts.append(verdict)
            if isinstance(verdict, RuleHit):
                locals_ += verdict.local  # type: ignore[arg-type]
        return Explanation(self._combined(locals_), tuple(verdicts))

    def _combined(self, locals_: list[dict[str, Json]]) -> Mapped | Failed:
        try:
            return combine(locals_, honours_domain=self.version != "1.0")
        except Stop as stop:
            return _failed(stop, None)

    def _environment(self, assertion: Mapping[str, object]) -> Environment:
        """The values of the attributes that the rules ask for; what is not text is not there. Raises Stop."""
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


def compile_rules(rules: Any, version: str, search: Search = no_search) -> CompiledRules:
    """Compile the JSON list ``rules`` of an attribute mapping. Raises MappingRulesInvalid."""
    if version not in VERSIONS:
        raise MappingRulesInvalid((("schema_version", f"is {version!r}; Keystone knows {', '.join(VERSIONS)}"),))
    places = tuple(problems(rules, version))
    if places:
        raise MappingRulesInvalid(places)
    return CompiledRules(rules, version, search)


def _verdict(rule: Rule, environment: Environment) -> RuleHit | RuleMiss:
    handed = rule.judge(environment)
    if isinstance(handed, RuleMiss):
        return handed
    return RuleHit(rule.number, handed, [fill(handed) for fill in rule.fill])


def _failed(stop: Stop, rule: int | None) -> Failed:
    return Failed(stop.kind, stop.message, stop.keystone_error, rule if stop.kind is not Kind.NO_MATCH else None)


def _filler(node: Json, version: str) -> Fill:
    """What fills in every text of a part of ``local``."""
    if isinstance(node, str):
        return compile_template(node)
    if isinstance(node, list):
        members = [_filler(member, version) for member in node]
        return lambda values: [fill(values) for fill in members]
    parts = [
        (name, _projects_json(part) if name == "projects_json" else _filler(part, version))
        for name, part in node.items()
    ]
    return lambda values: {name: fill(values) for name, fill in parts}


def _projects_json(text: str) -> Fill:
    """Schema 3.0: the whole claim that ``{n}`` (or ``n``) names, as JSON projects."""
    named = _PROJECTS_INDEX.match(text)

    def fill(values: Sequence[Value]) -> Json:
        if named is None:
            raise fails("SchemaValidationError", f"`projects_json` {text!r} names no claim")
        if len(named[1]) > 4 or int(named[1]) >= len(values):
            raise fails("IndexError" if len(named[1]) <= 4300 else "ValueError", f"{text!r} stands for nothing")
        value = values[int(named[1])]
        projects = read_json(value) if isinstance(value, str) else value
        for path, message in project_problems(projects, "projects_json", with_domain=True):
            raise fails("ValidationError", f"{path} {message}")
        return projects

    return fill
