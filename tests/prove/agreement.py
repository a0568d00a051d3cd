"""Whether both engines said the same. Owns what counts as the same: everything, but for what p3idp declines.

A result must be equal member by member and order by order; a failure must be the same exception in Keystone's words,
and "no match" must be Keystone's own no match. `refused` agrees with anything, so refusals are counted by reason.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from p3idp.core.keystone_rules import CompiledRules, Failed, Kind, Mapped, Outcome, Search, compile_rules
from p3idp.errors.keystone_rules import MappingRulesInvalid

NO_MATCH = "Could not map any federated user properties"


@dataclass
class Tally:
    """What was compared so far."""

    pairs: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    disagreements: list[dict[str, Any]] = field(default_factory=list)

    def compare(self, question: dict[str, Any], said: dict[str, Any], search: Search) -> None:
        """Evaluate a question here and hold it against what Keystone said."""
        assertions = question["assertions"]
        self.pairs += len(assertions)
        try:
            compiled = compile_rules(question["rules"], question["schema_version"], search)
        except MappingRulesInvalid as invalid:
            self.kinds["invalid-rule"] += len(assertions)
            if "invalid" not in said:
                self._disagree(question, None, invalid.detail, "saved", "p3idp invalid, Keystone saved")
            return
        if "invalid" in said:
            self._disagree(question, None, "saved", said, f"p3idp saved, Keystone {said['invalid']}")
            return
        for assertion, answer in zip(assertions, said["answers"], strict=True):
            self._compare_one(question, compiled, assertion, answer)

    def _compare_one(
        self, question: dict[str, Any], compiled: CompiledRules, assertion: dict[str, Any], answer: dict[str, Any]
    ) -> None:
        outcome = compiled.evaluate(assertion)
        if isinstance(outcome, Failed) and outcome.kind is Kind.REFUSED:
            self.refused[_reason(outcome.message)] += 1
        self.kinds[outcome.kind.value if isinstance(outcome, Failed) else "result"] += 1
        if not same(outcome, answer):
            self._disagree(question, assertion, outcome, answer, difference(outcome, answer))

    def _disagree(self, question: dict[str, Any], assertion: Any, ours: Any, theirs: Any, what: str) -> None:
        about = {"rules": question["rules"], "schema_version": question["schema_version"], "assertion": assertion}
        self.disagreements.append({**about, "p3idp": str(ours), "keystone": theirs, "difference": what})


def same(outcome: Outcome, answer: dict[str, Any]) -> bool:
    """Whether Keystone's answer is this outcome."""
    refused = isinstance(outcome, Failed) and outcome.kind is Kind.REFUSED
    return refused or not difference(outcome, answer)


def difference(outcome: Outcome, answer: dict[str, Any]) -> str:
    """What is not the same, without the particulars; empty where all is."""
    ours, theirs = _ours(outcome), _theirs(answer)
    if ours != theirs:
        return f"p3idp {ours}, Keystone {theirs}"
    if isinstance(outcome, Failed):
        return ""
    members, said = outcome.as_keystone(), answer["result"]
    differing = [name for name in {**members, **said} if _member(members, name) != _member(said, name)]
    return f"results with other {' and '.join(differing)}" if differing else ""


def _ours(outcome: Outcome) -> str:
    if isinstance(outcome, Mapped):
        return "result"
    return outcome.kind.value if outcome.kind is not Kind.EVALUATION_ERROR else outcome.keystone_error


def _theirs(answer: dict[str, Any]) -> str:
    if "raises" not in answer:
        return next(iter(answer))
    no_match = answer["raises"] == "ValidationError" and answer["message"].startswith(NO_MATCH)
    return Kind.NO_MATCH.value if no_match else answer["raises"]


def _member(result: dict[str, Any], name: str) -> str | None:
    return json.dumps(result[name], sort_keys=True) if name in result else None


def _reason(message: str) -> str:
    words = ("takes too long", "attribute", "format specification", "width", "JSON cannot hold", "list literal")
    return next((word for word in words if word in message), message)
