"""Questions to the imitated engine, as JSON. Owns the members of both, and which rules stay compiled.

Questions come with their rules, and mostly with the same ones: compiled rules are kept, by their exact bytes.
"""

import json
import marshal
from typing import Any

from p3idp.core.keystone_rules import CompiledRules, Explanation, Failed, Kind, Mapped, Outcome, Search, compile_rules
from p3idp.errors.keystone_rules import MappingRulesInvalid

_KEPT = 64
Answer = dict[str, Any]


class Evaluator:
    """Answers questions; one rule set is compiled once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._kept: dict[bytes, CompiledRules | Failed] = {}

    def evaluate(self, rules: Any, version: Any, assertion: Any) -> Outcome:
        """What Keystone would say when these rules are saved and this assertion comes."""
        compiled = self._compiled(rules, version)
        if isinstance(compiled, Failed):
            return compiled
        return compiled.evaluate(assertion) if isinstance(assertion, dict) else _NO_ASSERTION

    def explain(self, rules: Any, version: Any, assertion: Any) -> Explanation:
        """The same, with the verdict on every rule."""
        compiled = self._compiled(rules, version)
        if isinstance(compiled, Failed):
            return Explanation(compiled, ())
        return compiled.explain(assertion) if isinstance(assertion, dict) else Explanation(_NO_ASSERTION, ())

    def answer_line(self, line: bytes) -> str:
        """The answer to a line of a batch, as a line. Raises nothing: whatever is wrong stands in the answer."""
        try:
            question = json.loads(line)
        except (ValueError, RecursionError):
            question = None
        if not isinstance(question, dict):
            return json.dumps({"id": None, **sayable(_NO_QUESTION)})
        outcome = self.evaluate(question.get("rules"), question.get("schema_version", "1.0"), question.get("assertion"))
        return json.dumps({"id": question.get("id"), **sayable(outcome)})

    def _compiled(self, rules: Any, version: Any) -> CompiledRules | Failed:
        # Equality of Python would take 1 for true; bytes do not.
        key = marshal.dumps((version, rules))
        if key not in self._kept:
            if len(self._kept) >= _KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._made(rules, version)
        return self._kept[key]

    def _made(self, rules: Any, version: Any) -> CompiledRules | Failed:
        try:
            return compile_rules(rules, version, self._search)
        except MappingRulesInvalid as invalid:
            return Failed(Kind.INVALID_RULE, invalid.detail)


def sayable(outcome: Outcome) -> Answer:
    """An outcome as JSON: ``result`` with the members that Keystone's engine uses, or ``error``."""
    if isinstance(outcome, Mapped):
        return {"result": outcome.as_keystone()}
    return {"error": {"kind": outcome.kind.value, "message": outcome.message}}


_NO_ASSERTION = Failed(Kind.EVALUATION_ERROR, "the assertion is no JSON object")
_NO_QUESTION = Failed(Kind.EVALUATION_ERROR, "the line is no JSON object")
