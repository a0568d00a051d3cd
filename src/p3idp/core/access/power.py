"""Which changes reach power: admin, what implies it, and protected projects. Owns these findings and their words.

One person cannot accept them (docs/adr/0011). A grant is one way to power; others are a new rule that leads to a group
which has it, and a door in front of such rules: another issuer, an identity provider that is opened again.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from functools import cached_property
from typing import Any

from p3idp.core.access.history import place_of
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.power_named import named_power
from p3idp.core.access.resources import Key, Kind, Resource, Snapshot
from p3idp.core.access.rule_changes import Rule, rule_changes, rules_of
from p3idp.core.access.rule_groups import FIELD, folded, groups_named, plain
from p3idp.core.access.thresholds import Thresholds

_UNNAMED = "a group that p3idp cannot tell beforehand"


def power_findings(
    protected: Collection[str], observed: Snapshot, changes: Sequence[Change], limits: Thresholds
) -> Iterator[Finding]:
    """Everything among these changes that one person must not decide alone."""
    if not changes:
        return
    judge = _Judge(protected, observed, changes, limits)
    for change in changes:
        if change.resource.kind is Kind.ROLE_ASSIGNMENT and change.after is not None:
            yield from judge.grant(change.after)
    led = [finding for change in changes if change.resource.kind is Kind.MAPPING for finding in judge.rules(change)]
    yield from led
    opened = {change.resource.key[0] for change in changes if _opens(change)}
    yield from named_power(judge.powerful, changes, judge.after, opened)
    yield from judge.doors({finding.subject.partition(": ")[0] for finding in led})


class _Judge:
    """What is looked at for one plan."""

    def __init__(
        self, protected: Collection[str], observed: Snapshot, changes: Sequence[Change], limits: Thresholds
    ) -> None:
        self.protected, self.observed, self.changes, self.limits = frozenset(protected), observed, changes, limits
        self.after = {place_of(resource): resource for resource in observed.resources}
        self.after |= {place_of(change.after): change.after for change in changes if change.after}

    def grant(self, grant: Resource) -> Iterator[Finding]:
        """A grant that comes."""
        role = grant.key[2]
        if reached := self.limits.reached(role, self.observed):
            told = f"the role {role} is or reaches {', '.join(reached)}, which in Keystone rules over everything."
            yield Finding("admin-role", grant.name, f"{grant.name}: {told}", second_person=True)
        if self._protects(grant):
            told = f"{grant.name}: the policy protects the project {grant.key[5]}."
            yield Finding("protected-project", grant.name, told, second_person=True)

    def rules(self, change: Change) -> Iterator[Finding]:
        """New or changed rules of a mapping that lead to power, by the group they lead to."""
        mapping = change.resource.key[0]
        new = [each.policy for each in rule_changes(rules_of(change.before), rules_of(change.after)) if each.policy]
        for group in sorted({reached for rule in new for reached in self._led(rule)}):
            told = f"New or changed rules of the mapping {mapping} lead to {group}. Who meets them has that power."
            yield Finding("admin-rule", f"{mapping}: {group}", told, second_person=True)

    def doors(self, told_already: Set[str]) -> Iterator[Finding]:
        """Identity providers and protocols that let others than before come to rules that lead to power."""
        opened = {change.resource.key[0] for change in self.changes if _opens(change)}
        for protocol in [resource for (kind, _), resource in self.after.items() if kind is Kind.PROTOCOL]:
            provider, mapping = protocol.key[0], str(protocol.attributes.get("mapping"))
            if provider not in opened or mapping in told_already:
                continue
            rules = rules_of(self.after.get((Kind.MAPPING, (mapping,))))
            if groups := sorted({group for rule in rules for group in self._led(rule)}):
                who = f"Whom Keystone lets in by {provider} would change, and its rules lead to {', '.join(groups)}."
                yield Finding("admin-rule", f"{mapping}: {provider}", who, second_person=True)

    def _led(self, rule: Rule) -> frozenset[str]:
        """What a rule leads to that has power, in words."""
        named, unnamed = groups_named(rule)
        found = {f"the group {self.powerful[key]}" for key in map(folded, named) if key in self.powerful}
        if unnamed and self.powerful:
            found.add(_UNNAMED)
        return frozenset(found | set(self._direct(rule)))

    @cached_property
    def powerful(self) -> Mapping[Key, str]:
        """Groups that have power already, by what they are called. For one that gets it now, its grant is told."""
        grants = self.observed.of(Kind.ROLE_ASSIGNMENT).values()
        strong = (r for r in grants if self._protects(r) or self.limits.reached(r.key[2], self.observed))
        return {folded(grant.key[:2]): f"{grant.key[1]}@{grant.key[0]}" for grant in strong}

    def _protects(self, grant: Resource) -> bool:
        return grant.key[3] == "project" and grant.key[5] in self.protected

    def _direct(self, rule: Rule) -> Iterator[str]:
        """Roles that a rule of somebody else's gives on projects, without a group."""
        protected = {name.casefold() for name in self.protected}
        for local in rule.get("local") or ():
            if "projects_json" in local:
                yield "projects and roles that a claim names"
            for project in local.get("projects") or ():
                name, roles = str(project.get("name")), [str(role.get("name")) for role in project.get("roles") or ()]
                strong = [role for role in roles if FIELD.search(role) or self.limits.reached(role, self.observed)]
                if strong or FIELD.search(name) or plain(name).casefold() in protected:
                    yield f"{', '.join(roles)} on the project {name}"


def _opens(change: Change) -> bool:
    if change.resource.kind is Kind.PROTOCOL:
        return change.after is not None
    if change.resource.kind is not Kind.IDENTITY_PROVIDER or change.after is None:
        return False
    old: Any = (change.before.attributes.get("issuers") if change.before else None) or ()
    new: Any = change.after.attributes.get("issuers") or ()
    begins = change.before is None or not change.before.attributes.get("enabled")
    return bool(change.after.attributes.get("enabled")) and (begins or bool(set(new) - set(old)) or not new)
