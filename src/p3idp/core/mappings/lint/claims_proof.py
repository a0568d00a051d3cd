"""Whether the claims of a finding show what it says of the policy, or of one entitlement. Owns that asking."""

from datetime import datetime

from p3idp.core.mappings.lint.finding import Finding
from p3idp.core.mappings.lint.policy_logins import judged
from p3idp.core.mappings.lint.shows import Shown
from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decision import Granted, Refused
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.examples import told, try_examples
from p3idp.core.policy.model import Policy


def is_shown_by_policy(finding: Finding, policy: Policy, now: datetime) -> bool:
    """Whether the policy decides as the finding says; one without claims says nothing."""
    login, shows = finding.login, finding.shows
    if login is None or shows is None or shows.what in (Shown.OPENS, Shown.DOES_NOT_OPEN):
        return login is None or shows is None or is_shown_by_entitlement(finding)
    place = (finding.file, finding.line)
    if shows.what is Shown.EXAMPLE:
        return any(told(each.got) == shows.value for each in try_examples(policy) if each.example.place == place)
    typed = given_claims(login, policy.site)
    provider = policy.site.provider(typed.provider)
    rules = [rule for community in policy.communities for rule in community.rules if rule.place == place]
    verdicts = [judged(policy, login, provider, rule, finding.at or now) for rule in rules]
    if shows.what is Shown.GRANTED:
        return any(isinstance(verdict, Granted) for verdict in verdicts)
    return any(isinstance(verdict, Refused) and verdict.reason == shows.value for verdict in verdicts)


def is_shown_by_entitlement(finding: Finding) -> bool:
    """Whether what somebody holds opens, or does not open, what the finding names."""
    login, shows = finding.login, finding.shows
    if login is None or shows is None:
        return True
    held, wanted = parse_entitlement(str(next(iter(login.values())))), parse_entitlement(shows.value)
    opens = held is not None and wanted is not None and held.grants(wanted)
    return opens is (shows.what is Shown.OPENS)
