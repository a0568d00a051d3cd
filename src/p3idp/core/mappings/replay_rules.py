"""By which rules of a mapping somebody holds something, and their names. Owns finding them without a trace."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from p3idp.core.keystone_rules import NO_SEARCH, CompiledRules, Mapped, Search, compile_rules
from p3idp.core.mappings.compile import CompiledMapping
from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.model import Policy
from p3idp.core.policy.replay_side import Item, RuleName, rule_name

_SOMEBODY = {"user": {"name": "x"}}


class Givers:
    """The rules of a mapping by what they give. Rules add up, so each may be asked for itself."""

    def __init__(self, compiled: CompiledRules, names: Sequence[RuleName], search: Search = NO_SEARCH) -> None:
        self._compiled, self._search = compiled, search
        numbers = {name: number for number, name in reversed(list(enumerate(names)))}
        self._first = [numbers[name] for name in names]
        self._single: dict[int, CompiledRules] = {}
        self._giving: dict[Item, list[int]] = {}
        self._varying: list[int] = []
        self._is_indexed = False

    def of(self, items: frozenset[Item], environment: Mapping[str, str]) -> set[int]:
        """Where a rule gives one of ``items`` for these attributes: the first number with the same name."""
        if not self._is_indexed:
            self._index()
        near = {*self._varying, *(number for item in items for number in self._giving.get(item, ()))}
        return {self._first[number] for number in near if not items.isdisjoint(self._given(number, environment))}

    def _given(self, number: int, environment: Mapping[str, str]) -> set[Item]:
        if number not in self._single:
            self._single[number] = self._compile(self._compiled.source[number])
        outcome = self._single[number].evaluate(environment)
        return items_of(outcome) if isinstance(outcome, Mapped) else set()

    def _index(self) -> None:
        """Most rules give everybody the same: they are found by it. The others have to be asked each time."""
        self._is_indexed = True
        for number, rule in enumerate(self._compiled.source):
            groups = [each.group for each in self._compiled.rules[number].locals]
            if all(groups):  # as of most rules
                for item in items_of(Mapped({}, (), [group[2] for group in groups if group], ())):
                    self._giving.setdefault(item, []).append(number)
                continue
            local = [{**each, **_SOMEBODY} if "user" in each else each for each in rule["local"]]
            if any(map(_varies, local)):
                self._varying.append(number)
                continue
            outcome = self._compile({"local": local, "remote": [{"type": "x"}]}).evaluate({"x": "x"})
            for item in items_of(outcome) if isinstance(outcome, Mapped) else ():
                self._giving.setdefault(item, []).append(number)

    def _compile(self, rule: Mapping[str, Any]) -> CompiledRules:
        return compile_rules([rule], self._compiled.version, self._search)


def _varies(part: Any) -> bool:
    """Whether something of this is filled in at each login."""
    if isinstance(part, str):
        return "{" in part or "}" in part
    if isinstance(part, dict):
        return "projects_json" in part or any(map(_varies, part.values()))
    return isinstance(part, list) and any(map(_varies, part))


def items_of(mapped: Mapped) -> set[Item]:
    """What a result gives, in the report's words."""
    # Keystone lists the same groups over and over: each is looked at once.
    once = mapped._replace(group_names=list({id(group): group for group in mapped.group_names}.values()))
    groups = {Item("group", group.name, domain_said(group.domain_name, group.domain_id)) for group in once.groups}
    ids = {Item("group id", str(each)) for each in mapped.group_ids}
    projects = {
        Item("project", grant.project, domain_said(grant.domain_name, grant.domain_id), role)
        for grant in mapped.grants
        for role in grant.roles
    }
    return groups | ids | projects


def domain_said(name: str | None, id_: str | None) -> str:
    """A domain in one text; where both are given, Keystone takes the id."""
    return f"id {id_}" if id_ else name or ""


def names_in_json(rules: Sequence[Mapping[str, Any]]) -> Iterator[RuleName]:
    """The names of rules that stand in a file, by number as `p3idp mapping evaluate` counts."""
    for number, rule in enumerate(rules):
        asked = [value for entry in rule["remote"] for value in entry.get("any_one_of", ())]
        yield RuleName(f"rule {number}", str(asked[-1]) if asked else "")


def names_in_policy(policy: Policy, mapping: CompiledMapping, now: datetime) -> Iterator[RuleName]:
    """The names of the policy's rules that a compiled mapping's come from; of verbatim rules, where they stand."""
    sources = {(rule.group, keystone_pattern(rule.entitlement)): rule for rule in reversed([*policy.rules_at(now)])}
    verbatim = {
        id(rule): RuleName(f"{each.file}:{line}", "verbatim")
        for each in policy.verbatim
        for rule, line in zip(each.rules, each.lines, strict=False)
    }
    for number, rule in enumerate(mapping.rules):
        source = sources.get(_opened(rule))
        named = RuleName(f"compiled rule {number}", "")
        yield verbatim.get(id(rule)) or (rule_name(source) if source else named)


def _opened(rule: Mapping[str, Any]) -> tuple[str, str]:
    group = rule["local"][0].get("group", {}).get("name", "").replace("{{", "{").replace("}}", "}")
    asked = rule["remote"][-1].get("any_one_of") or [""]
    return group, str(asked[-1])
