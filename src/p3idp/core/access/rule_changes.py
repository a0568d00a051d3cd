"""Two mappings compared rule by rule. Owns which rules belong together: Keystone gives rules no names.

Who changed a rule is told by what p3idp last wrote (drift.py); how it is shown is the command line's matter.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from p3idp.core.access.resources import Resource
from p3idp.core.audit.event import canonical

Rule = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule seen from Keystone: ``added`` (the policy has none such), ``gone`` (Keystone has not), ``changed``."""

    keystone: Rule | None
    policy: Rule | None

    @property
    def what(self) -> str:
        """``added``, ``gone`` or ``changed``."""
        return "added" if self.policy is None else "gone" if self.keystone is None else "changed"


def rules_of(mapping: Resource | None) -> tuple[Rule, ...]:
    """The rules of a mapping; of none, none."""
    found: Any = mapping.attributes.get("rules") if mapping else None
    return tuple(found or ())


def rule_changes(keystone: Sequence[Rule], policy: Sequence[Rule]) -> tuple[RuleChange, ...]:
    """The rules that differ. One that leads to the same place on both sides counts as changed; order does not count.

    Equal rules are set off against each other one by one, so a rule that stands twice is seen.
    """
    extra, lacking = _less(keystone, policy), _less(policy, keystone)
    return tuple(_paired(extra, lacking))


def _less(some: Sequence[Rule], others: Sequence[Rule]) -> list[Rule]:
    left = Counter(canonical(rule) for rule in others)
    remaining = []
    for rule in some:
        text = canonical(rule)
        if left[text]:
            left[text] -= 1
        else:
            remaining.append(rule)
    return remaining


def _paired(extra: Sequence[Rule], lacking: Sequence[Rule]) -> Iterator[RuleChange]:
    waiting: defaultdict[str, list[Rule]] = defaultdict(list)
    for rule in reversed(lacking):
        waiting[_leads_to(rule)].append(rule)
    for rule in extra:
        partners = waiting[_leads_to(rule)]
        yield RuleChange(rule, partners.pop() if partners else None)
    unpaired = {id(rule) for rules in waiting.values() for rule in rules}
    yield from (RuleChange(None, rule) for rule in lacking if id(rule) in unpaired)


def _leads_to(rule: Rule) -> str:
    """The groups a rule gives; where it gives none that has a name, everything it gives."""
    local = rule.get("local") or ()
    groups = [each["group"] for each in local if isinstance(each, Mapping) and each.get("group")]
    return canonical(groups or list(local))
