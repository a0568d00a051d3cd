"""Questions to the imitated engine, as JSON. Owns the members of both, how long one may be, and what stays compiled.

Questions come with their rules, and often with the same ones: compiled rules are kept, by their exact value.
"""

import json
import re
from typing import Any, BinaryIO

from p3idp.core.keystone_rules import CompiledRules, Explanation, Failed, Kind, Mapped, Outcome, Search, compile_rules
from p3idp.core.keystone_rules.outcome import exact_key
from p3idp.errors.keystone_rules import MappingRulesInvalid

# A hundred times what Keystone lets a request weigh unless told otherwise.
MAX_LINE = 16 * 1024 * 1024
_KEPT = 32
_KEPT_BYTES = 8 * 1024 * 1024
_ID = re.compile(rb'\s*\{\s*"id"\s*:\s*')
_LONGEST_ID = 1_024
_LONGEST_MESSAGE = 2_000
Answer = dict[str, Any]


class Evaluator:
    """Answers questions; one rule set is compiled once."""

    def __init__(self, search: Search) -> None:
        self._search = search
        self._kept: dict[bytes, CompiledRules | Failed] = {}
        self._bytes = 0

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

    def answer_line(self, line: bytes) -> bytes:
        """The answer to a line of a batch, as a line. Raises nothing: whatever is wrong stands in the answer."""
        if len(line) > MAX_LINE:
            return _line(_id_of(line), _TOO_LONG)
        try:
            question = json.loads(line)
            if not isinstance(question, dict):
                return _line(None, _NO_QUESTION)
            version = question.get("schema_version", "1.0")
            outcome = self.evaluate(question.get("rules"), version, question.get("assertion"))
            return _line(question.get("id"), outcome)
        except ValueError:
            return _line(None, _NO_QUESTION)
        except RecursionError:
            return _line(_id_of(line), _TOO_DEEP)

    def _compiled(self, rules: Any, version: Any) -> CompiledRules | Failed:
        key = exact_key((version, rules))
        known = self._kept.get(key)
        if known is None:
            known = self._made(rules, version)
            self._bytes += len(key)
            while self._kept and (self._bytes > _KEPT_BYTES or len(self._kept) >= _KEPT):
                oldest = next(iter(self._kept))
                self._bytes -= len(oldest)
                del self._kept[oldest]
            self._kept[key] = known
        return known

    def _made(self, rules: Any, version: Any) -> CompiledRules | Failed:
        try:
            return compile_rules(rules, version, self._search)
        except MappingRulesInvalid as invalid:
            return Failed(Kind.INVALID_RULE, invalid.detail)


def sayable(outcome: Outcome) -> Answer:
    """An outcome as JSON: ``result`` with the members that Keystone's engine uses, or ``error``."""
    if isinstance(outcome, Mapped):
        return {"result": outcome.as_keystone()}
    return {"error": {"kind": outcome.kind.value, "message": outcome.message[:_LONGEST_MESSAGE]}}


def read_line(questions: BinaryIO) -> bytes:
    """The next line, empty at the end; of one that is too long, enough to say so."""
    line = questions.readline(MAX_LINE + 1)
    rest = line
    while len(line) > MAX_LINE and rest and not rest.endswith(b"\n"):
        rest = questions.readline(MAX_LINE)
    return line


def _line(name: Any, outcome: Outcome) -> bytes:
    said = sayable(outcome)
    try:
        text = json.dumps({"id": name, **said}, allow_nan=False)
    except ValueError:  # 1e999 is JSON, and beyond all numbers: an id that cannot be said again
        text = json.dumps({"id": None, **said})
    return text.encode("ascii") + b"\n"


def _id_of(line: bytes) -> Any:
    """The id at the beginning of a line that is not read any further; None where none is there."""
    before = _ID.match(line)
    if before is None:
        return None
    text = line[before.end() : before.end() + _LONGEST_ID].decode("utf-8", "replace")
    try:
        return json.JSONDecoder().raw_decode(text)[0]
    except (ValueError, RecursionError):
        return None


_NO_ASSERTION = Failed(Kind.EVALUATION_ERROR, "the assertion is no JSON object")
_NO_QUESTION = Failed(Kind.EVALUATION_ERROR, "the line is no JSON object")
_TOO_LONG = Failed(Kind.REFUSED, f"the line has more than {MAX_LINE} bytes")
_TOO_DEEP = Failed(Kind.REFUSED, "the line holds lists or objects nested too deeply to read")
