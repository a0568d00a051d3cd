"""The policy that says what an old mapping says. Owns its site, communities, examples, and what is said of it."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from p3idp.core.mappings.importing.choices import Choices, Imported, Said
from p3idp.core.mappings.importing.joining import Joined, join
from p3idp.core.mappings.importing.keeping import keep, naming_rule
from p3idp.core.mappings.importing.noting import notes
from p3idp.core.mappings.importing.sorting import Sorted, sort_rules
from p3idp.core.mappings.importing.terms import Rule, Terms
from p3idp.core.policy.examples import try_examples
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    Example,
    IdentityProvider,
    Policy,
    PolicyId,
    Project,
    ProjectRef,
    ProviderId,
    Site,
    VerbatimRules,
)
from p3idp.errors.importing import ImportImpossible

FILL_IN = "to be filled in"
DEFAULT_TTL = timedelta(hours=8)
_USUAL_CLAIMS = ("entitlements", "eduperson_entitlement")
_USUAL_SCOPES = ("openid", "profile", "email")
_NO_SCOPES = frozenset({"sub", "preferred_username", "name"})
_NOTHING = "Is this the whole mapping? `openstack mapping show ID -f json` prints it."
_FILE = re.compile(r"[^A-Za-z0-9._-]+")


def import_rules(rules: Sequence[Rule], version: str, choices: Choices) -> Imported:
    """The policy for ``rules`` (a mapping that Keystone would save). Raises ImportImpossible."""
    found = sort_rules(rules, version, choices)
    joined = join(found.said, found.common, _provider(found, choices))
    said = _said(joined, found, choices)
    expressed = {terms.number for each in said for terms in each.terms}
    kept = {
        number: keep(number, rule, version, found.common.domain, naming_rule(list(rules), found.naming))
        for number, rule in enumerate(rules)
        if number not in expressed | found.dropped
    }
    direct = any("projects" in local for rule in kept.values() for local in rule["local"])
    by_group = {(each.rule.group, each.rule.grants) for each in said}
    unequal = len(by_group) > len({group for group, _ in by_group})
    if (direct and any(terms.grants for each in said for terms in each.terms)) or (
        unequal and not choices.keep_projects
    ):
        return import_rules(rules, version, replace(choices, keep_projects=True))
    if not said and not kept:
        raise ImportImpossible("No rule gives anything to anybody, so there is nothing to take over.", hint=_NOTHING)
    policy = _policy(said, kept, found, joined, choices)
    remarks = (*found.remarks, *joined.remarks, *notes(rules, version, found, said, choices))
    ordered = tuple(sorted(set(remarks), key=lambda each: (not each.kept, each.rules, each.code, each.told)))
    return Imported(_with_examples(policy), said, kept, ordered)


def _provider(found: Sorted, choices: Choices) -> IdentityProvider:
    names = ClaimNames(found.common.subject, _USUAL_CLAIMS, found.common.assurance)
    ttl = timedelta(minutes=choices.ttl_minutes) or DEFAULT_TTL
    issuers = found.common.issuers
    return IdentityProvider(ProviderId(choices.provider), choices.provider, issuers, choices.protocol, names, (), ttl)


def _said(joined: Joined, found: Sorted, choices: Choices) -> tuple[Said, ...]:
    """Rules with their grants and communities: those that share a group must be of one community."""
    communities: dict[str, str] = {}
    said = []
    for rule, terms in sorted(joined.rules, key=lambda each: min(t.number for t in each[1])):
        community = communities.setdefault(rule.group, _community(rule))
        grants = _grants(rule.group, terms, found.common.domain, choices)
        said.append(Said(replace(rule, grants=grants), community, terms))
    return tuple(said)


def _community(rule: AccessRule) -> str:
    """The community's name as a file's name: the group at the top."""
    name = _FILE.sub("-", rule.entitlement.path[0]).strip("-._")[:100]
    return name or "community"


def _grants(
    group: str, terms: Sequence[Terms], domain: str, choices: Choices
) -> tuple[tuple[ProjectRef, tuple[str, ...]], ...]:
    """What Keystone says that the group has; where it is not asked, what the rules give directly."""
    found: defaultdict[ProjectRef, set[str]] = defaultdict(set)
    if choices.roles is not None:
        for (where, project), roles in choices.roles.get((domain, group), {}).items():
            found[ProjectRef(where, project)] |= set(roles)
    for project, roles in (grant for each in terms for grant in each.grants):
        found[ProjectRef(domain, project)] |= set(roles)
    return tuple(sorted((project, tuple(sorted(roles))) for project, roles in found.items()))


def _policy(said: Sequence[Said], kept: Mapping[int, Rule], found: Sorted, joined: Joined, choices: Choices) -> Policy:
    names = ClaimNames(found.common.subject, joined.claims or _USUAL_CLAIMS, found.common.assurance)
    provider = replace(
        _provider(found, choices),
        claims=names,
        scopes=tuple(s for s in dict.fromkeys([*_USUAL_SCOPES, *_claims(names)]) if s not in _NO_SCOPES),
        issuing_clients=joined.clients,
        audiences=joined.audiences,
    )
    site = Site(PolicyId(choices.provider), FILL_IN, found.common.domain, FILL_IN, (provider,))
    by_name: defaultdict[str, list[AccessRule]] = defaultdict(list)
    for each in said:
        by_name[each.community].append(each.rule)
    verbatim = (VerbatimRules(provider.id, tuple(kept[number] for number in sorted(kept))),) if kept else ()
    return Policy(site, tuple(_community_of(name, by_name[name]) for name in sorted(by_name)), verbatim=verbatim)


def _claims(names: ClaimNames) -> Sequence[str]:
    return names.subject, *names.entitlements, names.assurance


def _community_of(name: str, rules: Sequence[AccessRule]) -> Community:
    refs = sorted({ref for rule in rules for ref, _ in rule.grants})
    return Community(name, name, FILL_IN, tuple(Project(ref, existing=True) for ref in refs), tuple(rules))


def _with_examples(policy: Policy) -> Policy:
    """The policy with an example for each rule, and the access that the policy itself gives for it."""
    (provider,) = policy.site.identity_providers
    asked = [replace(each, examples=tuple(_examples(provider, each.rules))) for each in policy.communities]
    tried = list(try_examples(replace(policy, communities=tuple(asked))))
    answered = [
        replace(each, examples=tuple(replace(t.example, access=t.got) for t in tried if t.community == each.name))
        for each in asked
    ]
    return replace(policy, communities=tuple(answered))


def _examples(provider: IdentityProvider, rules: Sequence[AccessRule]) -> Iterator[Example]:
    """Who shows just what a rule asks for."""
    for rule in rules:
        claims: dict[str, object] = {provider.claims.entitlements[0]: str(rule.entitlement)}
        if rule.assurance:
            claims[provider.claims.assurance] = rule.assurance[0]
        if rule.issuing_clients:
            honoured = [c for c in rule.issuing_clients if c in provider.issuing_clients]
            claims["azp"] = [*honoured, *rule.issuing_clients][0]
        yield Example(f"Who holds {rule.entitlement.short} gets what its rule gives", claims, (), provider.id)
