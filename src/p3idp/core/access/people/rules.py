"""A login made from each rule that a plan touches, so that no rule is lost or won unseen. Owns which and what of it.

Rules that are on both sides, and lead to groups whose grants stay as they are, are passed over.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from p3idp.core.access.people.cloud import Cloud
from p3idp.core.access.resources import Key, Resource
from p3idp.core.access.rule_changes import Rule, rules_of
from p3idp.core.audit.event import canonical
from p3idp.core.keystone_rules import Mapped, Search
from p3idp.core.mappings.lint.views import RuleView


class RuleLogin(NamedTuple):
    """A login that meets a rule, as attributes; None where none could be made. ``groups``: what the rule leads to."""

    attributes: Mapping[str, str] | None
    groups: frozenset[Key]


def rule_logins(
    before: Cloud, later: Cloud, old: Resource | None, new: Resource | None, *, every: bool, search: Search
) -> Iterator[RuleLogin]:
    """Logins for the rules of a provider's mapping on either side. ``every``: the door itself changes."""
    touched = touched_groups(before, later)
    sides = [{canonical(rule): rule for rule in rules_of(mapping)} for mapping in (old, new)]
    for cloud, mapping, mine, others in ((before, old, sides[0], sides[1]), (later, new, sides[1], sides[0])):
        for text, rule in mine.items():
            if text in others and (cloud is later or not (every or _leads_to(rule, touched))):
                continue
            yield _login(cloud, rule, str(mapping.attributes.get("schema_version") if mapping else ""), search)


def touched_groups(before: Cloud, later: Cloud) -> frozenset[Key]:
    """The groups that come, go, or change what they give."""
    groups = {*before.rights, *later.rights, *before.groups, *later.groups}
    return frozenset(g for g in groups if before.standing(g) != later.standing(g))


def _leads_to(rule: Rule, touched: frozenset[Key]) -> bool:
    names = {name for _, name in touched}
    for local in rule["local"]:
        group: Any = local.get("group") or {}
        text = str(group.get("name", ""))
        if any(key in local for key in ("groups", "group_ids")) or "id" in group:
            return True
        if text.replace("{{", "{").replace("}}", "}") in names or "{" in text.replace("{{", "").replace("}}", ""):
            return bool(names)
    return False


def _login(cloud: Cloud, rule: Rule, version: str, search: Search) -> RuleLogin:
    view = RuleView(0, rule, version, search)
    attributes: Any = view.login
    outcome = view.answer(attributes) if attributes else None
    return RuleLogin(attributes, cloud.groups_of(outcome) if isinstance(outcome, Mapped) else frozenset())
