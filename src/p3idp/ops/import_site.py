"""Take over a live cloud: read it, say each provider's mapping as policy, put them together, and plan from the result.

Owns the order of that. A reader is all it needs of Keystone; files are written once, by import_mapping's draft.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from p3idp.core.access.desired import desired_state
from p3idp.core.access.plan import diff
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.importing.choices import Choices
from p3idp.core.mappings.importing.remarks import Remark
from p3idp.core.policy.model import Policy, Suspension
from p3idp.core.site_import.effects import Effects, effects
from p3idp.core.site_import.merging import merged
from p3idp.core.site_import.naming import with_people, without_people
from p3idp.core.site_import.owning import owned
from p3idp.errors.importing import ImportDiffers, ImportImpossible
from p3idp.errors.policy import PolicyInvalid
from p3idp.ops.import_mapping import MappingImport, MappingImported, asked_keystone, refuse_lost_grants
from p3idp.ports.keystone import FederationReader
from p3idp.ports.new_policy import Files

_LISTED = "`openstack identity provider list` shows the providers."
GroupNames = Mapping[str, tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Door:
    """A provider with the protocol and the mapping that its logins go through."""

    provider: str
    protocol: str
    mapping: Resource
    enabled: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """What the operator says. Empty: every provider of the one domain in which some are enabled."""

    providers: tuple[str, ...] = ()
    domain: str = ""
    tighten: bool = False


@dataclass(frozen=True, slots=True)
class SiteImported:
    """What became of it. ``parts``: each provider's import, whose own files do not count. ``left``: what stayed out."""

    policy: Policy
    files: Files
    parts: Mapping[str, MappingImported]
    left: tuple[Remark, ...]
    effects: Effects


@dataclass(frozen=True, slots=True)
class _Held:
    """A reader of what was read already: all questions are about one moment."""

    snapshot: Snapshot
    address: str

    def read(self, domain: str, kinds: frozenset[Kind] = frozenset(Kind)) -> Snapshot:
        return self.snapshot

    def target(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class SiteImport:
    """Imports, with the outside handed in. ``groups``: every group by id, as (domain, name)."""

    mappings: MappingImport
    reader: FederationReader
    groups: Callable[[], GroupNames]

    def run(self, asked: Asked, now: datetime) -> SiteImported:
        """The policy directory for what Keystone holds; nothing is written.

        Raises ImportImpossible, ImportDiffers, and the errors of reading Keystone.
        """
        domain = asked.domain or _domain(self.reader.read(""), asked)
        observed = self.reader.read(domain)
        if observed.missing:
            told = f"Keystone cut short: {', '.join(observed.missing)}. What is not seen cannot be taken over."
            raise ImportImpossible(told, hint="Raise Keystone's list_limit, and import again.")
        left: list[Remark] = []
        doors = list(_doors(observed, domain, asked, left))
        _refuse_nothing(doors, domain, left)
        groups = self.groups()
        parts: dict[str, MappingImported] = {}
        for door in doors:
            try:
                parts[door.provider] = self._part(door, observed, domain, groups, asked, now)
            except (ImportImpossible, ImportDiffers) as exc:
                if door.enabled:
                    raise
                # Nobody comes in by it: the others need not wait until somebody has repaired it.
                told = f"the identity provider {door.provider} is disabled, and its mapping is no policy: {exc.detail}"
                left.append(Remark("left-disabled", told, (), "Enable it first, if it is still meant."))
        _refuse_nothing(parts, domain, left)
        shut = {door.provider for door in doors if not door.enabled}
        rules = merged([part.found.policy for part in parts.values()])
        policy = _suspended(owned(with_people(rules, observed), observed), shut, now)
        files = self.mappings.draft.render(policy)
        again = self._again(files, policy, parts, now)
        changes = diff(desired_state(again, now), observed)
        return SiteImported(again, files, parts, tuple(left), effects(changes))

    def write(self, imported: SiteImported, target: str) -> None:
        """Write the directory. Raises DirectoryNotEmpty."""
        self.mappings.draft.write(target, imported.files)

    def _part(
        self, door: Door, observed: Snapshot, domain: str, groups: GroupNames, asked: Asked, now: datetime
    ) -> MappingImported:
        told = Choices(door.provider, domain, (), asked.tighten, door.protocol, needs_roles=True)
        choices = asked_keystone(told, _Held(observed, self.reader.target()), groups)
        rules: Any = door.mapping.attributes["rules"]
        try:
            return self.mappings.run(rules, str(door.mapping.attributes["schema_version"]), choices, now)
        except (ImportImpossible, ImportDiffers) as exc:
            where = f"The mapping {door.mapping.name} of the identity provider {door.provider}: {exc.detail}"
            raise type(exc)(where, hint=exc.hint) from exc

    def _again(self, files: Files, policy: Policy, parts: Mapping[str, MappingImported], now: datetime) -> Policy:
        """The policy as the loader reads it; it gives the same, and each provider's mapping is the one proven."""
        try:
            again = self.mappings.draft.load(files)
        except PolicyInvalid as exc:
            told = f"What Keystone holds is no policy: {exc.detail}"
            raise ImportImpossible(told, hint="Take the providers over one by one: --identity-provider ID.") from exc
        refuse_lost_grants(policy, again)
        for provider, part in parts.items():
            alone = part.found.policy
            before = compile_mapping(alone, alone.site.provider(provider), now)
            ruled = without_people(again)  # whom Keystone names in groups of their own is not in the part
            if compile_mapping(ruled, again.site.provider(provider), now) != before:
                raise ImportDiffers(
                    f"Together with the others, the provider {provider} has another mapping than alone."
                )
        return again


def _refuse_nothing(found: Collection[object], domain: str, left: Sequence[Remark]) -> None:
    if not found:
        told = "\n".join([f"There is nothing to take over in the domain {domain}.", *(each.told for each in left)])
        raise ImportImpossible(told, hint=_LISTED)


def _suspended(policy: Policy, shut: Collection[str], now: datetime) -> Policy:
    """The policy with these providers suspended, as they are disabled in Keystone."""
    stopped = Suspension(now.replace(microsecond=0), "disabled in Keystone when it was imported")
    providers = policy.site.identity_providers
    known = tuple(replace(each, suspended=stopped) if each.id in shut else each for each in providers)
    return replace(policy, site=replace(policy.site, identity_providers=known))


def _domain(observed: Snapshot, asked: Asked) -> str:
    found = {str(each.attributes["domain"]) for each in _providers(observed, asked) if each.attributes["enabled"]}
    if len(found) == 1:
        return found.pop()
    if not found:
        named = f" {', '.join(asked.providers)}" if asked.providers else ""
        raise ImportImpossible(f"Keystone has no enabled identity provider{named}.", hint=_LISTED)
    told = f"The identity providers are in {len(found)} domains: {', '.join(sorted(found))}."
    raise ImportImpossible(told, hint="A policy has one domain; say --domain NAME, and import each into a directory.")


def _providers(observed: Snapshot, asked: Asked) -> Sequence[Resource]:
    found = observed.of(Kind.IDENTITY_PROVIDER)
    return [found[key] for key in sorted(found) if not asked.providers or key[0] in asked.providers]


def _doors(observed: Snapshot, domain: str, asked: Asked, left: list[Remark]) -> Iterator[Door]:
    """The ways in of the domain's providers; what stays out is said."""
    mappings = observed.of(Kind.MAPPING)
    for provider in _providers(observed, asked):
        name = provider.key[0]
        protocols = [p for key, p in sorted(observed.of(Kind.PROTOCOL).items()) if key[0] == name]
        if provider.attributes["domain"] != domain:
            told = f"the identity provider {name} is in the domain {provider.attributes['domain']}"
            left.append(Remark("left-other-domain", told, (), "Import it into a policy directory of its own."))
        elif not provider.attributes["enabled"] and provider.owner is None:
            told = f"the identity provider {name} is disabled, and not by p3idp"
            left.append(Remark("left-disabled", told, (), "Enable it first, if it is still meant."))
        elif not (known := [p for p in protocols if (str(p.attributes["mapping"]),) in mappings]):
            told = f"the identity provider {name} has no protocol with a mapping that exists: nobody comes in by it"
            left.append(Remark("left-without-mapping", told))
        else:
            chosen = next((p for p in known if p.key[1] == "openid"), known[0])
            enabled = bool(provider.attributes["enabled"])
            yield Door(name, chosen.key[1], mappings[str(chosen.attributes["mapping"]),], enabled)
            for other in (p for p in protocols if p is not chosen):
                told = f"the protocol {other.name} stays as it is: a policy knows one protocol of a provider"
                left.append(Remark("left-protocol", told, (), "Nobody is known by two protocols: Keystone refuses it."))
