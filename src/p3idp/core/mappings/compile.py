"""From the policy to Keystone's mapping for one identity provider. Owns the rules' form; patterns are patterns.py's.

Schema 2.0, users and groups only, groups by name and domain, never ``projects``: roles are grants of groups on
projects. What a login must show (issuer, issuing client, assurance) stands in every rule, so that a login through
Apache past p3idp meets it too.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from p3idp.core.mappings.patterns import keystone_pattern
from p3idp.core.policy.entitlement import Entitlement
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


@dataclass(frozen=True, slots=True)
class _Way:
    """One way into a group, which becomes one rule. None: not asked."""

    group: str
    claim: str
    entitlement: Entitlement
    assurance: frozenset[str] | None
    clients: frozenset[str] | None
    audiences: frozenset[str] | None

    def covers(self, other: "_Way") -> bool:
        """Whether everyone who comes in by ``other`` comes in by this as well."""
        return (
            (self.group, self.claim) == (other.group, other.claim)
            and other.entitlement.grants(self.entitlement)
            and _within(other.assurance, self.assurance)
            and _within(other.clients, self.clients)
            and _within(other.audiences, self.audiences)
        )


def _within(narrow: frozenset[str] | None, wide: frozenset[str] | None) -> bool:
    return wide is None or (narrow is not None and narrow <= wide)


def compile_mapping(policy: Policy, provider: IdentityProvider, now: datetime) -> CompiledMapping:
    """The mapping of ``provider`` for the rules that hold at ``now``: one a group, condition, claim and way in.

    What the policy means alone decides: neither the order of files, rules or lists nor repetitions in them change a
    byte, and no rule could be left out. Verbatim rules follow, so that whom the policy knows is named by the policy.
    """
    by_group: defaultdict[str, set[_Way]] = defaultdict(set)
    for rule in policy.rules_at(now):
        if not rule.identity_providers or provider.id in rule.identity_providers:
            by_group[rule.group].update(_ways(provider, rule))
    needed = [way for ways in by_group.values() for way in ways if not _covered(way, ways)]
    compiled = sorted((_rule(policy.site.domain, provider, way) for way in needed), key=_order)
    rules = (*compiled, *(rule for each in policy.verbatim_of(provider.id) for rule in each.rules))
    # Keystone wants at least one rule; where nothing is valid, it must be one that nobody meets.
    return CompiledMapping(rules or (_nobody(policy.site.domain, provider),))


def _covered(way: _Way, ways: Iterable[_Way]) -> bool:
    return any(other.covers(way) for other in ways if other != way)


def _order(rule: Rule) -> tuple[str, str]:
    return rule["local"][0]["group"]["name"], json.dumps(rule["remote"])


def _ways(provider: IdentityProvider, rule: AccessRule) -> Iterator[_Way]:
    assurance = frozenset(rule.assurance) or None
    for claim in provider.claims.entitlements:
        for clients, audiences in _admissions(provider, rule):
            yield _Way(rule.group, claim, rule.entitlement, assurance, clients, audiences)


def _admissions(provider: IdentityProvider, rule: AccessRule) -> Iterator[tuple[frozenset[str] | None, ...]]:
    """Whose tokens are honoured, as (clients, audiences): a listed client's, or those for a listed audience.

    A rule may ask for clients of its own besides.
    """
    own, listed = frozenset(rule.issuing_clients) or None, frozenset(provider.issuing_clients) or None
    audiences = frozenset(provider.audiences) or None
    shared = own & listed if own and listed else own or listed
    if audiences:
        yield own, audiences
    if (listed or not audiences) and shared != frozenset():
        yield shared, None


def _rule(domain: str, provider: IdentityProvider, way: _Way) -> Rule:
    remote: list[Entry] = [
        # The subject comes first and bare: it alone is counted, as ``{0}``.
        {"type": attribute(provider.claims.subject)},
        _one_of("iss", provider.issuers),
    ]
    asked = (("azp", way.clients), ("aud", way.audiences), (provider.claims.assurance, way.assurance))
    remote += [_one_of(claim, values) for claim, values in asked if values is not None]
    remote.append({"type": attribute(way.claim), "any_one_of": [keystone_pattern(way.entitlement)], "regex": True})
    return {"local": [_local(domain, way.group)], "remote": remote}


def _one_of(claim: str, values: Iterable[str]) -> Entry:
    return {"type": attribute(claim), "any_one_of": sorted(set(values))}


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
