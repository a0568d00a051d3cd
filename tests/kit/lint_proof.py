"""Whether the example login of a finding shows what it says: asked of our engine, of Keystone's, or of the policy."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from asked_keystone import AskedKeystone

from p3idp.core.keystone_rules import Failed, Kind, Mapped, Outcome
from p3idp.core.mappings.lint import Finding, Login, Shown
from p3idp.core.mappings.lint.policy_logins import judged
from p3idp.core.mappings.lint.proof import Ask, holds
from p3idp.core.mappings.lint.views import compiled
from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decision import Granted, Refusal, Refused
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.examples import told, try_examples
from p3idp.core.policy.model import Policy

Rules = Sequence[Mapping[str, Any]]
NO_MATCH = "Could not map any federated user properties"


def is_proven(finding: Finding, rules: Rules, ask: Ask) -> bool:
    """By an engine that is asked about some of the rules; a finding without a login claims nothing."""
    if finding.login is None or finding.shows is None:
        return True
    return holds(finding.shows, finding.login, finding.rules, rules, ask)


def ours(version: str, search: Any) -> Ask:
    """Our engine."""

    def ask(rules: Rules, login: Login) -> Outcome | None:
        made = compiled(rules, version, search)
        return made.evaluate(login) if made else None

    return ask


def keystones(version: str, engine: AskedKeystone) -> Ask:
    """Keystone's own engine."""

    def ask(rules: Rules, login: Login) -> Outcome | None:
        said = engine.ask({"rules": list(rules), "schema_version": version, "assertions": [dict(login)]})
        return _outcome(said["answers"][0]) if "answers" in said else None

    return ask


def _outcome(answer: dict[str, Any]) -> Outcome:
    if "result" in answer:
        return Mapped(**answer["result"])
    unmatched = answer["message"].startswith(NO_MATCH)
    return Failed(Kind.NO_MATCH if unmatched else Kind.EVALUATION_ERROR, answer["message"], answer["raises"])


def is_shown_by_policy(finding: Finding, policy: Policy, now: datetime) -> bool:
    """By the policy's own decision."""
    login, shows = finding.login, finding.shows
    if login is None or shows is None:
        return True
    if shows.what in (Shown.OPENS, Shown.DOES_NOT_OPEN):
        return is_shown_by_entitlement(finding)
    place = (finding.file, finding.line)
    if shows.what is Shown.EXAMPLE:
        return any(told(each.got) == shows.value for each in try_examples(policy) if each.example.place == place)
    provider = policy.site.provider(given_claims(login, policy.site).provider)
    rules = [rule for community in policy.communities for rule in community.rules if rule.place == place]
    verdicts = [judged(policy, login, provider, rule, finding.at or now) for rule in rules]
    if shows.what is Shown.GRANTED:
        return any(isinstance(verdict, Granted) for verdict in verdicts)
    return any(isinstance(verdict, Refused | Refusal) and verdict.reason == shows.value for verdict in verdicts)


def is_shown_by_entitlement(finding: Finding) -> bool:
    """By what one entitlement grants."""
    if finding.login is None or finding.shows is None:
        return True
    held = parse_entitlement(str(next(iter(finding.login.values()))))
    wanted = parse_entitlement(finding.shows.value)
    opens = held is not None and wanted is not None and held.grants(wanted)
    return opens is (finding.shows.what is Shown.OPENS)
