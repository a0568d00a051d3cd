"""Which changes bring power to somebody who is named, or let others come in as them. Owns these findings.

Whoever is named has what their group has however they come in: every way in by which Keystone takes somebody for them
counts, and a new one, or a wider one, is as much as a new rule that leads to power.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from p3idp.core.access.order import implies
from p3idp.core.access.plan import Change, Finding
from p3idp.core.access.resources import Key, Kind, Resource
from p3idp.core.access.rule_changes import Rule, rules_of
from p3idp.core.access.rule_groups import folded
from p3idp.core.audit.event import canonical

State = Mapping[tuple[Kind, Key], Resource]


def named_power(
    powerful: Mapping[Key, str], changes: Sequence[Change], after: State, opened: Collection[str]
) -> Iterator[Finding]:
    """The findings. ``powerful``: groups that have power, by what they are called; ``opened``: providers."""
    for change in changes:
        if change.resource.kind is Kind.MEMBERSHIP and change.after and folded(change.after.key[:2]) in powerful:
            told = f"{change.after.name}, and that group has power."
            yield Finding("admin-member", change.after.name, told, second_person=True)
    named: defaultdict[str, set[str]] = defaultdict(set)
    for kind, key in after:
        if kind is Kind.MEMBERSHIP and folded(key[:2]) in powerful:
            named[key[2]].add(key[4])
    mappings = {change.resource.key[0]: change for change in changes if change.resource.kind is Kind.MAPPING}
    for (kind, key), protocol in sorted(after.items(), key=lambda item: item[0]):
        if kind is Kind.PROTOCOL and key[0] in named:
            mapping = str(protocol.attributes.get("mapping"))
            rules = mappings.get(mapping)
            if key[0] in opened or (rules and any(_widens(rules, subject) for subject in sorted(named[key[0]]))):
                who = f"Whom Keystone lets in by {key[0]} would change, and people who have power are known by it."
                yield Finding("admin-member", f"{mapping}: {key[0]}", who, second_person=True)


def _widens(change: Change, subject: str) -> bool:
    """Whether a rule comes that may take somebody for this subject who shows less, or other things, than before."""
    old, new = ({canonical(rule): rule for rule in rules_of(side)} for side in (change.before, change.after))
    held = [(_identity(rule), asked) for rule in old.values() if (asked := _asked(rule, subject)) is not None]
    held.sort(key=lambda each: len(each[1]))  # what asks for least covers most
    for text in sorted(new.keys() - old.keys()):
        rule = new[text]
        # Keystone on MariaDB takes another case for the same subject.
        shown, identity = _asked(rule, subject, str.casefold), _identity(rule)
        if shown is not None and not any(identity == who and _all_asked(had, shown) for who, had in held):
            return True
    return False


def _all_asked(had: Sequence[Rule], shown: Sequence[Rule]) -> bool:
    return all(any(implies(each, asked) for each in shown) for asked in had)


def _identity(rule: Rule) -> str:
    """What makes somebody who they are: the user of a rule, and the claims that Keystone counts for it."""
    handed = _handed(rule)
    users: list[Any] = [local.get("user") for local in rule.get("local") or ()]
    return canonical([users, handed[:1] if _by_the_first(rule) else handed])


def _handed(rule: Rule) -> list[Any]:
    return [entry for entry in rule.get("remote") or () if not {"any_one_of", "not_any_of"} & entry.keys()]


def _by_the_first(rule: Rule) -> bool:
    """Whether the user's id is the first claim that is handed on, as it stands."""
    users = [local["user"] for local in rule.get("local") or () if local.get("user")]
    return bool(users and _handed(rule)) and all(user.get("id") == user.get("name") == "{0}" for user in users)


def _asked(rule: Rule, subject: str, read: Callable[[str], str] = str) -> list[Rule] | None:
    """What somebody must show to be taken for the subject by this rule; None where it names others alone."""
    entries: list[Rule] = list(rule.get("remote") or ())
    if not _by_the_first(rule):
        return entries
    claim = _handed(rule)[0]["type"]
    lists = [entry for entry in entries if entry.keys() == {"type", "any_one_of"} and entry["type"] == claim]
    if not all(read(subject) in map(read, entry["any_one_of"]) for entry in lists):
        return None
    return [entry for entry in entries if entry not in lists]
