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
from p3idp.core.mappings.ways import Way, admissions, needed, ways_in
from p3idp.core.policy.model import IdentityProvider, Policy

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
    """The mapping of ``provider`` for the rules that hold at ``now``: one a group, condition, claim and way in.

    Whoever is named is let in by name, without a group: their membership lasts, and is no matter of a login's.

    What the policy means alone decides: neither the order of files, rules or lists nor repetitions in them change a
    byte, and no rule could be left out. Verbatim rules follow, so that whom the policy knows is named by the policy.
    """
    alternatives: defaultdict[tuple[str, str], set[Way]] = defaultdict(set)
    for way in (way for rule in policy.rules_at(now) for way in ways_in(provider, rule)):
        alternatives[way.group, way.claim].add(way)
    kept = (way for ways in alternatives.values() for way in needed(ways))
    compiled = sorted((_rule(policy.site.domain, provider, way) for way in kept), key=_order)
    named = sorted(person.subject for person in policy.people_at(now) if person.identity_provider == provider.id)
    by_name = _by_name(policy.site.domain, provider, named) if named else ()
    rules = (*compiled, *by_name, *(rule for each in policy.verbatim_of(provider.id) for rule in each.rules))
    # Keystone wants at least one rule; where nothing is valid, it must be one that nobody meets.
    return CompiledMapping(rules or (_nobody(policy.site.domain, provider),))


def _by_name(domain: str, provider: IdentityProvider, subjects: Iterable[str]) -> Iterator[Rule]:
    """Everybody of a provider who is named.

    No group: Keystone splits a value at ``;``, so somebody called ``alice;alice`` meets alice's condition. They come
    in as another user, and only the membership of a user's own gives anything.
    """
    for clients, audiences in admissions(provider):
        remote = _asked(provider, (("azp", clients), ("aud", audiences), (provider.claims.subject, subjects)))
        yield {"local": [{"user": _user(domain)}], "remote": remote}


def _order(rule: Rule) -> tuple[str, str]:
    return rule["local"][0]["group"]["name"], json.dumps(rule["remote"])


def _rule(domain: str, provider: IdentityProvider, way: Way) -> Rule:
    asked = (("azp", way.clients), ("aud", way.audiences), (provider.claims.assurance, way.assurance))
    remote = _asked(provider, asked)
    remote.append({"type": attribute(way.claim), "any_one_of": [keystone_pattern(way.entitlement)], "regex": True})
    return {"local": [_local(domain, way.group)], "remote": remote}


def _asked(provider: IdentityProvider, asked: Iterable[tuple[str, Iterable[str] | None]]) -> list[Entry]:
    """What every rule asks for, and these claims' values besides; None: not asked."""
    # The subject comes first and bare: it alone is counted, as ``{0}``.
    always = [{"type": attribute(provider.claims.subject)}, _one_of("iss", provider.issuers)]
    return always + [_one_of(claim, values) for claim, values in asked if values is not None]


def _one_of(claim: str, values: Iterable[str]) -> Entry:
    return {"type": attribute(claim), "any_one_of": sorted(set(values))}


def _local(domain: str, group: str) -> Mapping[str, Any]:
    """User and group in one object: under schema 2.0 the last object that matches must bring the user's domain."""
    return {"user": _user(domain), "group": {"name": _literal(group), "domain": {"name": _literal(domain)}}}


def _user(domain: str) -> Mapping[str, Any]:
    return {"id": "{0}", "name": "{0}", "domain": {"name": _literal(domain)}}


def _literal(text: str) -> str:
    """Keystone formats every text of ``local`` with str.format: a brace of ours must not be a field of its."""
    return text.replace("{", "{{").replace("}", "}}")


def _nobody(domain: str, provider: IdentityProvider) -> Rule:
    never = {"type": attribute("iss"), "any_one_of": []}
    return {"local": [{"user": _user(domain)}], "remote": [{"type": attribute(provider.claims.subject)}, never]}
