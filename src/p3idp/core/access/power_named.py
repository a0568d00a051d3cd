"""Which changes bring power to somebody who is named, or let others come in as them. Owns these findings.

Whoever is named has what their group has however they come in: every way in by which Keystone takes somebody for them
counts, and a new one, or a wider one, is as much as a new rule that leads to power.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Key, Kind, Resource
from p3idp.core.access.rule_changes import Rule, rules_of
from p3idp.core.access.rule_groups import folded
from p3idp.core.audit.event import canonical
from p3idp.core.mappings.patterns import PREAMBLE

State = Mapping[tuple[Kind, Key], Resource]


def named_power(
    powerful: Mapping[Key, str], changes: Sequence[Change], after: State, opened: Collection[str]
) -> Iterator[Finding]:
    """The findings. ``powerful``: groups that have power, by what they are called; ``opened``: providers."""
    for change in changes:
        if change.resource.kind is Kind.MEMBERSHIP and change.after and folded(change.after.key[:2]) in powerful:
            told = f"{change.after.name}, and that group has power."
            yield Finding("admin-member", change.after.name, told, second_person=True)
    named = {key[2] for kind, key in after if kind is Kind.MEMBERSHIP and folded(key[:2]) in powerful}
    widened = {change.resource.key[0] for change in changes if change.resource.kind is Kind.MAPPING and _widens(change)}
    for (kind, key), protocol in sorted(after.items(), key=lambda item: item[0]):
        if kind is Kind.PROTOCOL and key[0] in named:
            mapping = str(protocol.attributes.get("mapping"))
            if key[0] in opened or mapping in widened:
                who = f"Whom Keystone lets in by {key[0]} would change, and people who have power are known by it."
                yield Finding("admin-member", f"{mapping}: {key[0]}", who, second_person=True)


def _widens(change: Change) -> bool:
    """Whether somebody may come in by a rule that asks for less, or for something else, than every rule did."""
    old, new = ([_gate(rule) for rule in rules_of(side)] for side in (change.before, change.after))
    return any(not any(had <= gate for had in old) for gate in new)


def _gate(rule: Rule) -> frozenset[str]:
    """What makes somebody who they are: the user of a rule, and what it asks of everybody, whatever their group."""
    users: list[Any] = [local.get("user") for local in rule.get("local") or ()]
    remote: list[Any] = list(rule.get("remote") or ())
    subject = remote[0].get("type") if remote else None
    return frozenset(canonical(each) for each in (users, *(e for e in remote if not _chooses(e, subject))))


def _chooses(entry: Mapping[str, Any], subject: str | None) -> bool:
    """Whether an entry of the compiler's only says which people are meant: their entitlements, or their names."""
    values: list[Any] = list(entry.get("any_one_of") or ())
    if entry.get("regex"):
        return bool(values) and all(str(value).startswith(PREAMBLE) for value in values)
    return bool(values) and entry.get("type") == subject
