"""Keystone's mapping engine, imitated result for result: attribute mapping schemas 1.0, 2.0 and 3.0, quirks included.

Owns what Keystone's own engine would answer to an assertion, and the trace of how. What the site *means* is
core/policy's; what becomes of the answer in Keystone (users, groups looked up, roles) is Keystone's.

    compiled = compile_rules(rules, "2.0", search)   # raises MappingRulesInvalid: what Keystone refuses to save
    outcome = compiled.evaluate(assertion)           # Mapped | Failed; never raises for any assertion
    explanation = compiled.explain(assertion)        # the same outcome, with a verdict on every rule

``rules`` is the JSON list that Keystone stores; ``assertion`` maps environment keys to text, lists joined by ``;``
(anything that is not text is ignored, as Keystone ignores it). ``search`` runs patterns that no static check could
prove harmless (ports/regex.py); without it they are refused.

- ``Mapped``: ``as_keystone()`` is the JSON that Keystone's engine returns; ``person``, ``groups`` and ``grants``
  are the same, typed and without repetitions.
- ``Failed``: ``kind`` (no-match, evaluation-error, refused), ``message``, the ``keystone_error`` that Keystone would
  raise, and the number of the ``rule`` it comes from.
- ``Explanation.verdicts``: a ``RuleHit``, ``RuleMiss`` (the requirement and the values that failed) or
  ``RuleBroken`` for each rule in order, up to the one where Keystone stops.
"""

from p3idp.core.keystone_rules.engine import CompiledRules, compile_rules
from p3idp.core.keystone_rules.outcome import Failed, GroupName, Kind, Mapped, Outcome, Person, ProjectGrant
from p3idp.core.keystone_rules.search import NO_SEARCH, BrokenPattern, Search
from p3idp.core.keystone_rules.trace import Explanation, RuleBroken, RuleHit, RuleMiss, Verdict

__all__ = [
    "NO_SEARCH",
    "BrokenPattern",
    "CompiledRules",
    "Explanation",
    "Failed",
    "GroupName",
    "Kind",
    "Mapped",
    "Outcome",
    "Person",
    "ProjectGrant",
    "RuleBroken",
    "RuleHit",
    "RuleMiss",
    "Search",
    "Verdict",
    "compile_rules",
]
