"""Take over an existing Keystone mapping: read it, say it as policy, prove that both do the same, write it once.

Owns the order of that, and that nothing is written before the proof. How a mapping becomes policy is
core/mappings/importing's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from p3idp.core.access.resources import Kind
from p3idp.core.keystone_rules import Search
from p3idp.core.keystone_rules.schema import VERSIONS, problems
from p3idp.core.mappings.compile import compile_mapping
from p3idp.core.mappings.importing.building import import_rules
from p3idp.core.mappings.importing.choices import Choices, Imported
from p3idp.core.mappings.importing.remarks import Remark
from p3idp.core.mappings.importing.replaying import Difference, Replay, Replayed
from p3idp.core.mappings.json_lines import JsonMistaken, LocatedJson, Path, read_json_lines
from p3idp.core.policy.model import AccessRule, Community, Policy, Project, ProjectRef
from p3idp.errors.importing import ImportDiffers, ImportImpossible, ImportUnreadable
from p3idp.errors.policy import PolicyInvalid
from p3idp.ports.keystone import FederationReader
from p3idp.ports.new_policy import Files, PolicyDraft

MAX_BYTES = 8_388_608
Rules = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class MappingImported:
    """What became of it: the files, the remarks, and how the proof went."""

    found: Imported
    files: Files
    replayed: Replayed

    @property
    def remarks(self) -> tuple[Remark, ...]:
        """What the operator should know."""
        return self.found.remarks


def read_mapping(raw: bytes, version: str | None = None) -> tuple[Rules, str]:
    """The rules of a file and their schema version: the one given, else the file's, else Keystone's own default.

    Raises ImportUnreadable, naming the line.
    """
    if len(raw) > MAX_BYTES:
        raise ImportUnreadable(f"The file has {len(raw):,} bytes; more than {MAX_BYTES:,} are not read.")
    try:
        read = read_json_lines(raw)
    except JsonMistaken as exc:
        raise ImportUnreadable(f"Line {exc.line}: not JSON: {exc.message}.") from exc
    data, above = _unwrapped(read)
    said = version or (data.get("schema_version", "1.0") if isinstance(data, dict) else "1.0")
    if said not in VERSIONS:
        raise ImportUnreadable(f"The schema version is {said!r}; Keystone knows {', '.join(VERSIONS)}.")
    rules = data.get("rules") if isinstance(data, dict) else data
    for where, message in problems(rules, said):
        line = read.line((*above, *_path(where)[0 if isinstance(data, dict) else 1 :]))
        raise ImportUnreadable(f"Line {line}: {where} {message}; Keystone would not save this.")
    checked: Rules = rules  # type: ignore[assignment]  # `problems` found it to be a list of rules
    return checked, said


def _unwrapped(read: LocatedJson) -> tuple[Any, Path]:
    """The list of rules, or the object around it, where Keystone's API puts that into another."""
    data = read.data
    if isinstance(data, dict) and isinstance(data.get("mapping"), dict):
        return data["mapping"], ("mapping",)
    if not isinstance(data, list | dict) or (isinstance(data, dict) and "rules" not in data):
        raise ImportUnreadable(
            "The file holds JSON, but no mapping: neither a list of rules nor an object with `rules`."
        )
    return data, ()


def _path(where: str) -> Path:
    parts = where.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def asked_keystone(choices: Choices, keystone: FederationReader, groups: Mapping[str, tuple[str, str]]) -> Choices:
    """The choices with what Keystone knows: the provider, the names of ``groups`` (domain, name) by id, their roles.

    Raises ImportImpossible where it has no such provider, and the errors of reading Keystone.
    """
    key = (choices.provider,)
    provider = keystone.read(choices.domain).of(Kind.IDENTITY_PROVIDER).get(key)
    if provider is None:
        raise ImportImpossible(
            f"Keystone has no identity provider {choices.provider}.",
            hint="Say --identity-provider ID, as `openstack identity provider list` shows it.",
        )
    held = provider.attributes
    domain = choices.domain or str(held["domain"])
    snapshot = keystone.read(domain)
    roles: dict[tuple[str, str], dict[tuple[str, str], tuple[str, ...]]] = {}
    other: dict[tuple[str, str], tuple[str, ...]] = {}
    for where, group, role, kind, project_domain, project in sorted(snapshot.of(Kind.ROLE_ASSIGNMENT)):
        if kind != "project":
            told = " ".join(filter(None, (role, "on", kind, project_domain, project)))
            other[where, group] = (*other.get((where, group), ()), told)
        else:
            granted = roles.setdefault((where, group), {})
            granted[project_domain, project] = (*granted.get((project_domain, project), ()), role)
    issuers: Any = held.get("issuers") or ()
    ttl: Any = held.get("authorization_ttl") or 0
    protocols = sorted(key[1] for key in snapshot.of(Kind.PROTOCOL) if key[0] == choices.provider)
    return replace(
        choices,
        domain=domain,
        issuers=choices.issuers or tuple(issuers),
        ttl_minutes=int(ttl),
        protocol=protocols[0] if len(protocols) == 1 else choices.protocol,
        groups=groups,
        roles=roles,
        unsayable=other,
    )


@dataclass(frozen=True, slots=True)
class MappingImport:
    """Imports, with the outside handed in."""

    draft: PolicyDraft
    search: Search

    def run(self, rules: Rules, version: str, choices: Choices, now: datetime) -> MappingImported:
        """The policy directory for a mapping; nothing is written.

        Raises ImportImpossible, and ImportDiffers where the policy would give something else than the remarks say.
        """
        found = import_rules(rules, version, choices)
        self._refuse_unreadable(found, now)
        replayed = Replay(rules, version, _rules(found.policy, now), found, choices, self.search).run()
        if replayed.differences:
            raise ImportDiffers(_told(replayed))
        return MappingImported(found, self.draft.render(found.policy), replayed)

    def write(self, imported: MappingImported, target: str) -> None:
        """Write the directory. Raises DirectoryNotEmpty."""
        self.draft.write(target, imported.files)

    def _refuse_unreadable(self, found: Imported, now: datetime) -> None:
        """The files must read as the policy that was proven, but for what is left to fill in."""
        filled = _filled(found.policy)
        try:
            again = self.draft.load(self.draft.render(filled))
        except PolicyInvalid as exc:
            raise ImportImpossible(
                f"What the mapping says is no policy: {exc.detail}", hint="Correct the mapping, and import again."
            ) from exc
        refuse_lost_grants(filled, again)
        if _rules(again, now) != _rules(filled, now):
            raise ImportDiffers("The policy reads back otherwise than it was written.")


def refuse_lost_grants(policy: Policy, again: Policy) -> None:
    """Raise ImportImpossible where the files say fewer grants: they know the projects of a community by name alone."""
    if lost := _grants(policy) - _grants(again):
        raise ImportImpossible(
            f"A community cannot name two projects of one name: {'; '.join(sorted(lost))}.",
            hint="Rename one of the projects, or take its role away from the group and give it to another one.",
        )


def _grants(policy: Policy) -> frozenset[str]:
    rules = (rule for community in policy.communities for rule in community.gives)
    return frozenset(f"{rule.group}: {', '.join(roles)} on {ref}" for rule in rules for ref, roles in rule.grants)


def _rules(policy: Policy, now: datetime) -> Rules:
    return list(compile_mapping(policy, policy.site.identity_providers[0], now).rules)


def _filled(policy: Policy) -> Policy:
    """The policy with something in every gap, so that the loader reads the rest."""
    ref = ProjectRef(policy.site.domain, "to-be-filled-in")

    def rule(each: AccessRule) -> AccessRule:
        return each if each.grants else replace(each, grants=((ref, ("member",)),))

    def community(each: Community) -> Community:
        rules = tuple(map(rule, each.rules))
        gap = any(not r.grants for r in each.rules)
        projects = (*each.projects, Project(ref, existing=True)) if gap else each.projects
        return replace(each, rules=rules, projects=projects)

    return replace(policy, communities=tuple(map(community, policy.communities)))


def _told(replayed: Replayed) -> str:
    lines = [f"Of {replayed.tried:,} logins that were tried, these come out otherwise than before:"]
    lines += [
        f"- {_login(each)}: before {_access(each.before)}, after {_access(each.after)}" for each in replayed.differences
    ]
    return "\n".join(lines)


def _login(difference: Difference) -> str:
    return ", ".join(f"{name}={'; '.join(values)}" for name, values in sorted(difference.login.items()))


def _access(access: Any) -> str:
    if access is None:
        return "no access"
    parts = [f"{name}@{domain}" for domain, name in sorted(access.groups)]
    parts += [f"group id {each}" for each in sorted(access.group_ids)]
    parts += [f"{role} on {project}@{domain}" for domain, project, role in sorted(access.projects)]
    return f"{access.person} of {access.domain} with {', '.join(parts)}"
