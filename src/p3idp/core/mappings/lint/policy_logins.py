"""Claims that a rule of the policy is meant for, and its verdict on claims. Owns what a good login holds."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from p3idp.core.policy.claims import given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Granted, Refusal, Refused
from p3idp.core.policy.model import AccessRule, IdentityProvider, Policy

_SOMEONE = "3f2a@example.org"


def good_claims(
    policy: Policy, rule: AccessRule, provider: IdentityProvider | None = None
) -> tuple[IdentityProvider, Mapping[str, Any]]:
    """A provider from which the rule takes people, the first unless given, and claims that meet the rule."""
    providers = policy.site.identity_providers
    chosen = provider or next((each for each in providers if each.id in rule.identity_providers), providers[0])
    shared = [name for name in rule.issuing_clients if name in chosen.issuing_clients]
    client = next(iter((*shared, *rule.issuing_clients, *chosen.issuing_clients)), "")
    claims: dict[str, Any] = {
        chosen.claims.subject: _SOMEONE,
        "iss": chosen.issuers[0],
        chosen.claims.entitlements[0]: str(rule.entitlement),
    }
    if client:
        claims["azp"] = client
    if chosen.audiences:
        claims["aud"] = chosen.audiences[0]
    if rule.assurance:
        claims[chosen.claims.assurance] = rule.assurance[0]
    return chosen, claims


def judged(
    policy: Policy, claims: Mapping[str, Any], provider: IdentityProvider, rule: AccessRule, now: datetime
) -> Granted | Refused | Refusal | None:
    """The verdict of this rule alone on these claims, or why they were not even looked at; None for no rule of it."""
    owners = [community for community in policy.communities if rule in community.rules]
    alone = tuple(replace(community, rules=(rule,), suspended=None) for community in owners[:1])
    decision = decide(replace(policy, communities=alone), given_claims(claims, policy.site, provider.id), now)
    return decision.refusal or (decision.trace[0] if decision.trace else None)
