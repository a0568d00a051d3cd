"""Lint a mapping beside the live Keystone: its names, its own copy there, and what sends logins to it."""

from collections.abc import Iterator, Mapping
from typing import Any

from p3idp.core.keystone_rules import NO_SEARCH, Search
from p3idp.core.keystone_rules.schema import VERSIONS, problems
from p3idp.core.mappings.lint.check_live import LiveNames
from p3idp.core.mappings.lint.finding import Finding
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.live import Live, LiveProvider
from p3idp.core.mappings.lint.rules import rules_in
from p3idp.core.mappings.lint.written import Written

KEYSTONE = "(Keystone)"


def lint_live(
    written: Written, version: str | None, live: Live, provider: str | None, search: Search = NO_SEARCH
) -> list[Finding]:
    """The findings of one mapping beside ``live``.

    ``provider``: the identity provider whose mapping it is; the only one there is unless given.
    """
    rules, at, said = rules_in(written.data)
    known = version if said is None else said
    if (known or "1.0") not in VERSIONS or any(problems(rules, known or "1.0")):
        return []  # lint_rules has said so
    chosen = provider or live.only_provider
    linted = Linted(written, at, rules, known or "1.0", search)
    names = LiveNames(linted, live, live.providers.get(chosen) if chosen else None)
    for view in linted.views:
        names.check(view)
    if chosen is None:
        return linted.findings
    return [*linted.findings, *_copy(written, rules, known, live, chosen)]


def _copy(written: Written, rules: Any, version: str | None, live: Live, provider: str) -> Iterator[Finding]:
    """How the mapping that the provider uses differs from this one."""
    if provider not in live.providers:
        known = ", ".join(sorted(live.providers)) or "none"
        found = f"there is no identity provider {provider}"
        yield _at(written, "live-provider-unknown", found, f"Keystone has {known}")
        return
    mapping = live.mapping_of(provider)
    if mapping is None or mapping not in live.mappings:
        return
    held, held_version = live.mappings[mapping]
    if version is not None and held_version != version:
        found = f"{mapping} has schema {held_version} in Keystone, and {version} here"
        fix = f"openstack mapping set --rules {written.file} --schema-version {version} {mapping}"
        yield _at(written, "live-schema-version", found, fix)
    if held != rules:
        found = f"{mapping} in Keystone is not this: {_difference(held, rules)}"
        yield _at(written, "live-drift", found, "Run `p3idp plan`, or save these rules")


def _difference(held: Any, rules: Any) -> str:
    ours, theirs = [r for r in rules if r not in held], [r for r in held if r not in rules]
    if not ours and not theirs:
        return "the same rules in another order"
    return f"{len(ours)} of these rules are not there, and {len(theirs)} there are not here"


def _at(written: Written, code: str, found: str, fix: str) -> Finding:
    return Finding(code, written.file, 1, found, fix)


def lint_objects(live: Live, of: frozenset[str] = frozenset()) -> list[Finding]:
    """What is wrong with identity providers, protocols and mappings. ``of``: of these providers; of all where empty."""
    chosen = {name: each for name, each in live.providers.items() if not of or name in of}
    found = [finding for name, each in sorted(chosen.items()) for finding in _provider(live, name, each)]
    found += [
        _there("live-mapping-unused", f"no protocol uses the mapping {name}", f"openstack mapping delete {name}")
        for name in sorted(set(live.mappings) - set(live.protocols.values()))
        if not of
    ]
    if live.missing:
        told = f"Keystone cut the list of {', '.join(live.missing)} short"
        found.append(_there("live-incomplete", told, "Raise list_limit in keystone.conf"))
    return found


def _provider(live: Live, name: str, provider: LiveProvider) -> Iterator[Finding]:
    if not provider.remote_ids:
        fix = f"openstack identity provider set --remote-id ISSUER {name}"
        yield _there("live-provider-open", f"{name} has no remote_ids", fix)
    if not provider.enabled:
        yield _there(
            "live-provider-disabled", f"{name} is disabled", f"openstack identity provider set --enable {name}"
        )
    yield from _shared(live.providers, name, provider)
    protocols = [protocol for owner, protocol in sorted(live.protocols) if owner == name]
    if len(protocols) > 1:
        fix = f"openstack federation protocol delete --identity-provider {name} {protocols[-1]} (deletes its users)"
        yield _there("live-second-protocol", f"{name} has the protocols {', '.join(protocols)}", fix)
    for protocol in protocols:
        mapping = live.protocols[name, protocol]
        if mapping not in live.mappings and live.knows_all("mappings"):
            found = f"{name}/{protocol} names the mapping {mapping}, which is not there"
            fix = f"openstack federation protocol set --identity-provider {name} --mapping MAPPING {protocol}"
            yield _there("live-mapping-missing", found, fix)


def _shared(providers: Mapping[str, LiveProvider], name: str, provider: LiveProvider) -> Iterator[Finding]:
    for other, each in sorted(providers.items()):
        both = sorted(set(each.remote_ids) & set(provider.remote_ids))
        if other < name and both:
            fix = f"openstack identity provider unset --remote-id {both[0]} {name}"
            yield _there("live-issuer-shared", f"{other} and {name} both have {both[0]}", fix)


def _there(code: str, found: str, fix: str) -> Finding:
    return Finding(code, KEYSTONE, 1, found, fix)
