"""Judge what Keystone holds against the policy. Owns one rule a trap; the snapshot comes from core/access."""

from collections.abc import Iterator, Mapping
from typing import Any

from p3idp.core.access.desired import Desired
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.mappings.compile import CLAIM_PREFIX
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.site.findings import Finding, fail, ok, skipped, warn

# Keystone 29 and newer refuse a longer remote id (JSON schema); Entra's issuers have 75 characters.
MAX_REMOTE_ID = 64
_COUNTED = (Kind.PROJECT, Kind.GROUP, Kind.ROLE_ASSIGNMENT, Kind.MEMBERSHIP)


def judge_issuer_lengths(provider: IdentityProvider) -> Finding:
    """Whether Keystone can store the issuers of the policy at all."""
    long = [issuer for issuer in provider.issuers if len(issuer) > MAX_REMOTE_ID]
    if long:
        return fail("issuer-length", provider.id, f"{', '.join(long)}: more than {MAX_REMOTE_ID} characters.")
    return ok("issuer-length", provider.id, f"All issuers have at most {MAX_REMOTE_ID} characters.")


def judge_federation(provider: IdentityProvider, snapshot: Snapshot, desired: Desired) -> Iterator[Finding]:
    """Everything Keystone holds for this provider, in the order in which a sign-in meets it."""
    held = snapshot.of(Kind.IDENTITY_PROVIDER).get((str(provider.id),))
    if held is None:
        yield fail("idp-exists", provider.id, f"Keystone knows no identity provider {provider.id}.")
        return
    wanted = next(r for r in desired.resources if r.kind is Kind.IDENTITY_PROVIDER and r.key == held.key)
    yield ok("idp-exists", provider.id, "Keystone knows the identity provider.")
    yield _enabled(provider, held)
    yield _issuers(provider, held)
    yield _owned(provider, held, desired)
    yield _domain(provider, held, wanted)
    yield _ttl(provider, held, wanted)
    yield from _protocol(provider, snapshot, desired)


def judge_access(snapshot: Snapshot, desired: Desired) -> Finding:
    """Whether the policy's projects, groups and grants are there: a group that is not is skipped silently at login."""
    lacking = [
        r.name for r in desired.resources if r.kind in _COUNTED and r.key not in snapshot.of(r.kind)
    ]  # fmt: skip
    if not snapshot.complete:
        return skipped("groups-and-grants", "Keystone", f"Keystone did not list everything: {snapshot.missing}.")
    if lacking:
        shown = ", ".join(sorted(lacking)[:3]) + (" …" if len(lacking) > 3 else "")
        return fail("groups-and-grants", "Keystone", f"{len(lacking)} missing: {shown}.")
    return ok("groups-and-grants", "Keystone", "All projects, groups and role assignments of the policy are there.")


def _enabled(provider: IdentityProvider, held: Resource) -> Finding:
    if held.attributes.get("enabled"):
        if provider.suspended is not None:
            told = "The policy suspends the identity provider, and it is enabled in Keystone."
            return fail("idp-enabled", provider.id, told)
        return ok("idp-enabled", provider.id, "The identity provider is enabled.")
    if provider.suspended is not None:
        return ok("idp-enabled", provider.id, "The identity provider is disabled, as the policy suspends it.")
    return fail("idp-enabled", provider.id, "The identity provider is disabled in Keystone.")


def _issuers(provider: IdentityProvider, held: Resource) -> Finding:
    found = held.attributes.get("issuers")
    known = {str(issuer) for issuer in found} if isinstance(found, (list, tuple)) else set()
    if not known:
        return fail("idp-issuers", provider.id, "It has no remote ids: Keystone accepts any issuer for it.")
    lacking, surplus = sorted(set(provider.issuers) - known), sorted(known - set(provider.issuers))
    if lacking:
        return fail("idp-issuers", provider.id, f"Keystone does not know the issuer {', '.join(lacking)}.")
    if surplus:
        found_text = f"Keystone also accepts {', '.join(surplus)}, which the policy does not name."
        return fail("idp-issuers", provider.id, found_text)
    return ok("idp-issuers", provider.id, "Keystone accepts the issuers of the policy, and no other.")


def _owned(provider: IdentityProvider, held: Resource, desired: Desired) -> Finding:
    if held.owner == desired.owner:
        return ok("idp-owned", provider.id, f"It carries the mark p3idp:{desired.owner}.")
    whose = f"the mark of policy {held.owner}" if held.owner else "no mark"
    return warn("idp-owned", provider.id, f"It carries {whose}, not p3idp:{desired.owner}.")


def _domain(provider: IdentityProvider, held: Resource, wanted: Resource) -> Finding:
    has, wants = held.attributes.get("domain"), wanted.attributes["domain"]
    if has == wants:
        return ok("idp-domain", provider.id, f"Its people belong to the domain {wants}.")
    return fail("idp-domain", provider.id, f"Its people belong to the domain {has or '(none)'}, not {wants}.")


def _ttl(provider: IdentityProvider, held: Resource, wanted: Resource) -> Finding:
    has, wants = held.attributes.get("authorization_ttl"), wanted.attributes["authorization_ttl"]
    if has == wants and has:
        return ok("authorization-ttl", provider.id, f"Group membership outlives a sign-in by {has} minutes.")
    shown = "not set (Keystone's own default is 0)" if has is None else f"{has} minutes"
    needed = has or wants or provider.issuing_clients or provider.audiences
    judge = fail if needed else warn
    return judge("authorization-ttl", provider.id, f"It is {shown}; the policy says {wants} minutes.")


def _protocol(provider: IdentityProvider, snapshot: Snapshot, desired: Desired) -> Iterator[Finding]:
    held = snapshot.of(Kind.PROTOCOL).get((str(provider.id), provider.protocol))
    if held is None:
        yield fail("protocol-exists", provider.id, f"The identity provider has no protocol {provider.protocol}.")
        return
    name = str(held.attributes.get("mapping"))
    yield ok("protocol-exists", provider.id, f"The protocol {provider.protocol} uses the mapping {name}.")
    yield _remote_id(provider, held)
    mapping = snapshot.of(Kind.MAPPING).get((name,))
    if mapping is None:
        yield fail("mapping-exists", provider.id, f"The mapping {name} does not exist.")
        return
    yield ok("mapping-exists", provider.id, f"The mapping {name} is there.")
    protocol = next(r for r in desired.resources if r.kind is Kind.PROTOCOL and r.key == held.key)
    wanted = next(
        r for r in desired.resources if r.kind is Kind.MAPPING and r.key == (protocol.attributes["mapping"],)
    )  # fmt: skip
    yield _claim_names(provider, mapping)
    yield _schema(provider, mapping, wanted)
    yield _drift(provider, mapping, wanted)


def _remote_id(provider: IdentityProvider, protocol: Resource) -> Finding:
    reads = protocol.attributes.get("remote_id_attribute")
    if not reads:
        why = "The protocol leaves it to keystone.conf; --keystone-config FILE looks there."
        return skipped("protocol-remote-id", provider.id, why)
    if reads == f"{CLAIM_PREFIX}iss":
        return ok("protocol-remote-id", provider.id, f"The issuer is read from {reads}.")
    found = f"The protocol reads the issuer from {reads}; Apache passes it as {CLAIM_PREFIX}iss."
    return fail("protocol-remote-id", provider.id, found)


def _claim_names(provider: IdentityProvider, mapping: Resource) -> Finding:
    foreign = sorted({
        str(remote.get("type", ""))
        for rule in _rules(mapping)
        for remote in rule.get("remote", ())
        if not str(remote.get("type", "")).startswith(CLAIM_PREFIX)
    })  # fmt: skip
    if foreign:
        found = f"The mapping reads {', '.join(foreign)}; Apache passes claims as {CLAIM_PREFIX}…."
        return fail("mapping-claim-names", provider.id, found)
    return ok("mapping-claim-names", provider.id, f"The mapping reads claims as Apache passes them ({CLAIM_PREFIX}…).")


def _schema(provider: IdentityProvider, mapping: Resource, wanted: Resource) -> Finding:
    has, wants = mapping.attributes.get("schema_version"), wanted.attributes["schema_version"]
    if has == wants:
        return ok("mapping-schema", provider.id, f"Its schema version is {has}.")
    return fail("mapping-schema", provider.id, f"Its schema version is {has}, not {wants}.")


def _drift(provider: IdentityProvider, mapping: Resource, wanted: Resource) -> Finding:
    held, asked = ([_frozen(rule) for rule in _rules(one)] for one in (mapping, wanted))
    if held == asked:
        return ok("mapping-drift", provider.id, f"Its {len(asked)} rules are what the policy compiles to.")
    surplus, lacking = sum(r not in asked for r in held), sum(r not in held for r in asked)
    found = f"Of the policy's {len(asked)} rules {lacking} are missing, and {surplus} are not the policy's."
    return fail("mapping-drift", provider.id, found)


def _rules(mapping: Resource) -> tuple[Mapping[str, Any], ...]:
    rules = mapping.attributes.get("rules")
    return tuple(rule for rule in rules if isinstance(rule, Mapping)) if isinstance(rules, (list, tuple)) else ()


def _frozen(node: Any) -> Any:
    if isinstance(node, Mapping):
        return tuple(sorted((key, _frozen(value)) for key, value in node.items()))
    return tuple(_frozen(item) for item in node) if isinstance(node, (list, tuple)) else node
