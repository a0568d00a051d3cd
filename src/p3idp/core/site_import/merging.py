"""Policies of one provider each, put together into one. Owns what of two providers is one rule, and one community."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from p3idp.core.policy.model import AccessRule, Community, Example, Policy, Project, ProjectRef, ProviderId


def merged(policies: Sequence[Policy]) -> Policy:
    """One policy with all providers; each compiles to the mapping that it had alone. Not empty."""
    first = policies[0]
    providers = tuple(provider for policy in policies for provider in policy.site.identity_providers)
    return Policy(
        replace(first.site, identity_providers=providers),
        tuple(_communities(policies)),
        verbatim=tuple(each for policy in policies for each in policy.verbatim),
    )


def _communities(policies: Sequence[Policy]) -> Iterable[Community]:
    """By name; rules that share a group must be of one community, so the first to name a group keeps it."""
    owner: dict[str, str] = {}
    rules: defaultdict[str, dict[AccessRule, list[ProviderId]]] = defaultdict(dict)
    examples: defaultdict[str, list[Example]] = defaultdict(list)
    shown: dict[str, Community] = {}
    for policy in policies:
        (provider,) = policy.site.identity_providers
        for community in policy.communities:
            for rule in community.rules:
                name = owner.setdefault(rule.group, community.name)
                rules[name].setdefault(rule, []).append(provider.id)
            examples[community.name] += community.examples
            shown.setdefault(community.name, community)
    everybody = {provider.id for policy in policies for provider in policy.site.identity_providers}
    for name in sorted(rules):
        own = tuple(_of(rule, set(those), everybody) for rule, those in rules[name].items())
        yield replace(shown[name], projects=_projects(own), rules=own, examples=tuple(examples[name]))


def _of(rule: AccessRule, providers: set[ProviderId], everybody: set[ProviderId]) -> AccessRule:
    return rule if providers == everybody else replace(rule, identity_providers=tuple(sorted(providers)))


def _projects(rules: Iterable[AccessRule]) -> tuple[Project, ...]:
    refs: set[ProjectRef] = {ref for rule in rules for ref, _ in rule.grants}
    return tuple(Project(ref, existing=True) for ref in sorted(refs))
