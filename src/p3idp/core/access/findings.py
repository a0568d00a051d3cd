"""Which changes are dangerous. Owns the names of dangers; when they begin is thresholds.py's, the order plan.py's.

What reaches power (admin, protected projects) is power.py's.
"""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from p3idp.core.access.desired import Desired
from p3idp.core.access.order import exposed
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.power import power_findings
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.access.thresholds import USUAL, Thresholds
from p3idp.core.access.verbatim import verbatim_findings
from p3idp.core.mappings.compile import mapping_id
from p3idp.core.policy.examples import failed_examples
from p3idp.core.policy.model import Policy


def assess(
    policy: Policy,
    desired: Desired,
    observed: Snapshot,
    changes: Sequence[Change],
    now: datetime,
    limits: Thresholds = USUAL,
) -> tuple[Finding, ...]:
    """Everything worth saying about these changes, planned for ``now``, sorted."""
    found = [
        *_failing_examples(policy),
        *_incomplete(observed),
        *_clock(observed, now, limits),
        *_foreign(changes),
        *_exposed(observed, changes),
        *power_findings(policy.site.protected_projects, observed, changes, limits),
        *_unknown(desired, observed),
        *_too_many(desired, observed, changes, limits),
        *_providers(policy, desired, observed, changes),
        *_any_client(policy, changes),
        *verbatim_findings(policy, observed),
        *_kept(policy, desired, observed),
    ]
    return tuple(sorted(set(found), key=lambda f: (not f.blocking, f.name, f.subject, f.message)))


def _failing_examples(policy: Policy) -> Iterator[Finding]:
    for failed in failed_examples(policy):
        yield Finding("failing-example", failed.community, failed.message, acceptable=False)


def _incomplete(observed: Snapshot) -> Iterator[Finding]:
    for part in observed.missing:
        told = f"Keystone cut the list of {part} short, so nothing is removed; raise its list_limit and plan again."
        yield Finding("incomplete-source", part, told)


def _clock(observed: Snapshot, now: datetime, limits: Thresholds) -> Iterator[Finding]:
    if observed.said_at is not None and abs(observed.said_at - now) > limits.max_clock_difference:
        # By how much is not said here: the digest covers this text, and two plans of one world are the same.
        told = (
            "This host's clock and Keystone's differ by minutes or more, so access would begin and end at the wrong "
            "moment; let NTP set both. `p3idp doctor` says by how much."
        )
        yield Finding("clock-off", "this host", told)


def _foreign(changes: Sequence[Change]) -> Iterator[Finding]:
    for change in changes:
        if change.adopts and change.before is not None:
            kind, owner = change.resource.kind.replace("_", " "), change.before.owner
            whose = f"belongs to the policy {owner}" if owner else "was not made by p3idp"
            told = f"The {kind} {change.resource.name} {whose}; applying takes it over."
            yield Finding("foreign-object", change.resource.name, told)


def _exposed(observed: Snapshot, changes: Sequence[Change]) -> Iterator[Finding]:
    for provider in exposed(changes, observed):
        told = (
            f"Whom the identity provider {provider} lets in and rules behind it change at once: for a moment somebody "
            "may have what neither the state before nor after gives. Do it in two applies, its issuers first."
        )
        yield Finding("exposed-meanwhile", provider, told)


def _unknown(desired: Desired, observed: Snapshot) -> Iterator[Finding]:
    for role in sorted({r.key[2] for r in desired.resources if r.kind is Kind.ROLE_ASSIGNMENT} - set(observed.roles)):
        near = difflib.get_close_matches(role, observed.roles, n=1)
        meant = f"did you mean {near[0]}?" if near else f"it has {', '.join(sorted(observed.roles))}."
        yield Finding("unknown-role", role, f"Keystone has no role {role}; {meant}", acceptable=False)
    projects = observed.of(Kind.PROJECT)
    for ref in desired.existing_projects:
        if (ref.domain, ref.name) not in projects:
            told = f"The policy says that the project {ref} exists, but Keystone has none of that name."
            yield Finding("unknown-project", str(ref), told, acceptable=False)


def _any_client(policy: Policy, changes: Sequence[Change]) -> Iterator[Finding]:
    changed = {change.resource.key[0] for change in changes if change.resource.kind is Kind.MAPPING}
    for provider in policy.site.identity_providers:
        if mapping_id(provider) in changed and not provider.issuing_clients and not provider.audiences:
            told = (
                f"{provider.id} names neither issuing_clients nor audiences: where Apache does not see to it, whoever "
                "has a token that any service got from this provider can enter Keystone with it."
            )
            yield Finding("any-client", provider.id, told)


def _too_many(desired: Desired, observed: Snapshot, changes: Sequence[Change], limits: Thresholds) -> Iterator[Finding]:
    kinds = (Kind.GROUP, Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)
    removed = sum(change.after is None for change in changes)
    owned = sum(r.kind in kinds and r.owner == desired.owner for r in observed.resources)
    if removed > limits.max_removals or removed * 100 > owned * limits.max_removed_percent:
        most = f"more than {limits.max_removals}, or {limits.max_removed_percent} %"
        told = f"{removed} of {owned} groups and grants would go ({most})."
        yield Finding("too-many-removals", "groups and grants", told)


def _providers(policy: Policy, desired: Desired, observed: Snapshot, changes: Sequence[Change]) -> Iterator[Finding]:
    providers = observed.of(Kind.IDENTITY_PROVIDER)
    for change in changes:
        if change.resource.kind is not Kind.IDENTITY_PROVIDER:
            continue
        if change.different.get("enabled") == (True, False):
            known = any(change.resource.key == (str(each.id),) for each in policy.site.identity_providers)
            why = "is suspended by the policy" if known else "is no longer in the policy"
            told = f"{change.resource.name} {why}: it would be disabled, and lets nobody in."
            yield Finding("disables-provider", change.resource.name, told)
        if "domain" in change.different:
            old, new = change.different["domain"]
            told = f"Keystone cannot move the identity provider {change.resource.name} from the domain {old} to {new}."
            yield Finding("changes-user-ids", change.resource.name, told, acceptable=False)
    for wanted in desired.resources:
        if wanted.kind is Kind.IDENTITY_PROVIDER:
            yield from _taken(wanted, providers.values())
        if wanted.kind is Kind.PROTOCOL:
            yield from _subject(wanted, desired, observed)


def _taken(wanted: Resource, providers: Any) -> Iterator[Finding]:
    for other in providers:
        for issuer in sorted(set(_texts(wanted, "issuers")) & set(_texts(other, "issuers"))):
            if other.key != wanted.key:
                told = (
                    f"The issuer {issuer} belongs to the identity provider {other.name} already; Keystone allows one."
                )
                yield Finding("remote-id-taken", issuer, told, acceptable=False)


def _subject(protocol: Resource, desired: Desired, observed: Snapshot) -> Iterator[Finding]:
    """Whether people would be known by another claim than now: Keystone makes new people of them."""
    present = observed.of(Kind.PROTOCOL).get(protocol.key)
    old = observed.of(Kind.MAPPING).get((str(present.attributes.get("mapping")),)) if present else None
    new = next(r for r in desired.resources if r.key == (protocol.attributes["mapping"],) and r.kind is Kind.MAPPING)
    before, after = user_sources(old) if old else frozenset(), user_sources(new)
    if before and before != after:
        told = (
            f"People of {protocol.key[0]} are known by {_and(before)} now and would be known by {_and(after)}: "
            "everybody becomes a new person, and loses servers and application credentials."
        )
        yield Finding("changes-user-ids", protocol.key[0], told)


def user_sources(mapping: Resource) -> frozenset[str]:
    """The attributes that a mapping makes the user's id of."""
    return frozenset(source for rule in _rules(mapping) for source in _sources(rule))


def _sources(rule: Mapping[str, Any]) -> Iterator[str]:
    counted = [entry["type"] for entry in rule["remote"] if not {"any_one_of", "not_any_of"} & set(entry)]
    for local in rule["local"]:
        user = local.get("user") or {}
        named = user.get("id") or user.get("name")
        for number, attribute in enumerate(counted):
            if named and f"{{{number}}}" in named:
                yield attribute


def _rules(mapping: Resource) -> Sequence[Mapping[str, Any]]:
    rules: Any = mapping.attributes.get("rules") or []
    return list(rules)


def _kept(policy: Policy, desired: Desired, observed: Snapshot) -> Iterator[Finding]:
    """Notes: what p3idp made, no longer needs, and leaves alone; and providers that accept anyone."""
    known = {(ref.domain, ref.name) for community in policy.communities for ref in (p.ref for p in community.projects)}
    wanted = {r.key for r in desired.resources if r.kind in (Kind.PROTOCOL, Kind.IDENTITY_PROVIDER)}
    for resource in observed.resources:
        ours = resource.owner == desired.owner
        if resource.kind is Kind.PROJECT and ours and resource.key not in known:
            told = f"The project {resource.name} is no longer in the policy. p3idp deletes no project; its owner may."
            yield Finding("project-kept", resource.name, told, blocking=False)
        if resource.kind is Kind.PROTOCOL and ours and resource.key not in wanted:
            told = f"The protocol {resource.name} is no longer in the policy. Deleting it would delete its people."
            yield Finding("protocol-kept", resource.name, told, blocking=False)
        if resource.kind is Kind.IDENTITY_PROVIDER and resource.key not in wanted and _open(resource):
            told = f"The identity provider {resource.name} names no issuer, so Keystone takes anyone's word for it."
            yield Finding("open-provider", resource.name, told, blocking=False)


def _open(provider: Resource) -> bool:
    return bool(provider.attributes.get("enabled")) and not _texts(provider, "issuers")


def _texts(resource: Resource, name: str) -> Sequence[str]:
    values: Any = resource.attributes.get(name) or ()
    return [str(value) for value in values]


def _and(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))
