"""From the policy to Keystone's mapping for one identity provider. Owns the rules' form; patterns are patterns.py's.

Schema 2.0, users and groups only, groups by name and domain, never ``projects``: roles are grants of groups on
projects. What a login must show (issuer, issuing client, assurance) stands in every rule, so that a login through
Apache past p3idp meets it too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.model import AccessRule, IdentityProvider, Policy

SCHEMA_VERSION = "2.0"
# How mod_auth_openidc names claims in the environment; the form with a hyphen cannot be sent by a client.
CLAIM_PREFIX = "OIDC-"
Rule = Mapping[str, Any]
Entry = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class CompiledMapping:
    """A mapping as Keystone takes it."""

    rules: Sequence[Rule]
    schema_version: str = SCHEMA_VERSION


def attribute(claim: str) -> str:
    """The environment key under which Keystone sees a claim."""
    return CLAIM_PREFIX + claim


def mapping_id(provider: IdentityProvider) -> str:
    """The mapping's id in Keystone. It says whose provider it serves, so that an orphan is known as ours."""
    return f"p3idp-{provider.id}"


def compile_mapping(policy: Policy, provider: IdentityProvider, now: datetime) -> CompiledMapping:
    """The mapping of ``provider`` for the rules that hold at ``now``: one a group, claim and way in."""
    # Rules that share a group share their condition.
    by_group = {
        rule.group: rule
        for rule in policy.rules_at(now)
        if not rule.identity_providers or provider.id in rule.identity_providers
    }
    compiled = [
        _rule(policy.site.domain, provider, by_group[group], claim, admission)
        for group in sorted(by_group)
        for claim in provider.claims.entitlements
        for admission in _admissions(provider)
    ]
    # Keystone wants at least one rule; where nothing is valid, it must be one that nobody meets.
    return CompiledMapping(tuple(compiled) or (_nobody(policy.site.domain, provider),))


def _rule(domain: str, provider: IdentityProvider, rule: AccessRule, claim: str, admission: Sequence[Entry]) -> Rule:
    remote = [*_everyone(provider), *admission]
    if rule.assurance:
        remote.append({"type": attribute(provider.claims.assurance), "any_one_of": list(rule.assurance)})
    pattern = keystone_pattern(rule.entitlement)
    remote.append({"type": attribute(claim), "any_one_of": [pattern], "regex": True})
    return {"local": [_local(domain, rule.group)], "remote": remote}


def _everyone(provider: IdentityProvider) -> Sequence[Entry]:
    """What every login must show. The subject comes first and bare: it alone is counted, as ``{0}``."""
    return [
        {"type": attribute(provider.claims.subject)},
        {"type": attribute("iss"), "any_one_of": list(provider.issuers)},
    ]


def _admissions(provider: IdentityProvider) -> Sequence[Sequence[Entry]]:
    """Whose tokens are honoured: those of a listed client, or those addressed to a listed audience."""
    listed = (("azp", provider.issuing_clients), ("aud", provider.audiences))
    return [[{"type": attribute(claim), "any_one_of": list(names)}] for claim, names in listed if names] or [[]]


def _local(domain: str, group: str) -> Mapping[str, Any]:
    """User and group in one object: under schema 2.0 the last object that matches must bring the user's domain."""
    where = {"name": _literal(domain)}
    return {
        "user": {"id": "{0}", "name": "{0}", "domain": where},
        "group": {"name": _literal(group), "domain": where},
    }


def _literal(text: str) -> str:
    """Keystone formats every text of ``local`` with str.format: a brace of ours must not be a field of its."""
    return text.replace("{", "{{").replace("}", "}}")


def _nobody(domain: str, provider: IdentityProvider) -> Rule:
    user = {"id": "{0}", "name": "{0}", "domain": {"name": _literal(domain)}}
    never = {"type": attribute("iss"), "any_one_of": []}
    return {"local": [{"user": user}], "remote": [{"type": attribute(provider.claims.subject)}, never]}
