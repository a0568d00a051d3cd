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
                self._disagree(question, None, invalid.detail, "saved")
            return
        if "invalid" in said:
            self._disagree(question, None, "saved", said)
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
            self._disagree(question, assertion, outcome, answer)

    def _disagree(self, question: dict[str, Any], assertion: Any, ours: Any, theirs: Any) -> None:
        about = {"rules": question["rules"], "schema_version": question["schema_version"], "assertion": assertion}
        self.disagreements.append({**about, "p3idp": str(ours), "keystone": theirs})


def same(outcome: Outcome, answer: dict[str, Any]) -> bool:
    """Whether Keystone's answer is this outcome."""
    if isinstance(outcome, Mapped):
        ours = json.dumps(outcome.as_keystone(), sort_keys=True)
        return "result" in answer and ours == json.dumps(answer["result"], sort_keys=True)
    if outcome.kind is Kind.REFUSED:
        return True
    no_match = answer.get("message", "").startswith(NO_MATCH)
    return answer.get("raises") == outcome.keystone_error and no_match == (outcome.kind is Kind.NO_MATCH)


def _reason(message: str) -> str:
    words = ("takes too long", "attribute", "format specification", "width", "JSON cannot hold", "list literal")
    return next((word for word in words if word in message), message)
