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

# So many values of one list of a rule are tried, each in a login of its own.
MOST_VALUES = 50
# What a claim's list becomes, whatever the text says.
_LISTS = frozenset({"groups", "group_ids", "projects_json"})


class RuleLogin(NamedTuple):
    """A login that meets a rule, as attributes; None where none could be made. ``groups``: what the rule leads to.

    ``by``: the value that it comes in by, where the rule takes several and this is not the first.
    """

    attributes: Mapping[str, str] | None
    groups: frozenset[Key]
    by: str = ""


def rule_logins(
    before: Cloud,
    later: Cloud,
    old: Resource | None,
    new: Resource | None,
    touched: frozenset[Key],
    *,
    every: bool,
    search: Search,
) -> Iterator[RuleLogin]:
    """Logins for the rules of a provider's mapping on either side that lead to ``touched`` groups, or are on one side.

    ``every``: all rules, since the door itself changes.
    """
    sides = [{canonical(rule): rule for rule in rules_of(mapping)} for mapping in (old, new)]
    for cloud, mapping, mine, others in ((before, old, sides[0], sides[1]), (later, new, sides[1], sides[0])):
        for text, rule in mine.items():
            if text in others and (cloud is later or not (every or _leads_to(rule, touched))):
                continue
            version = str(mapping.attributes.get("schema_version") if mapping else "")
            yield from _logins(cloud, RuleView(0, rule, version, search))


def touched_groups(before: Cloud, later: Cloud) -> frozenset[Key]:
    """The groups that come, go, or change what they give."""
    groups = {*before.rights, *later.rights, *before.groups, *later.groups}
    return frozenset(g for g in groups if before.standing(g) != later.standing(g))


def fills_in(rule: Rule) -> bool:
    """Whether a login's values fill in anything but the user."""
    return any(_varies({key: value for key, value in local.items() if key != "user"}) for local in rule["local"])


def _varies(part: Any) -> bool:
    if isinstance(part, str):
        return "{" in part.replace("{{", "")
    if isinstance(part, dict):
        return any(key in _LISTS for key in part) or any(map(_varies, part.values()))
    return isinstance(part, list) and any(map(_varies, part))


def _leads_to(rule: Rule, touched: frozenset[Key]) -> bool:
    if fills_in(rule) or any("id" in (local.get("group") or {}) for local in rule["local"]):
        return bool(touched)
    named = {str((local.get("group") or {}).get("name", "")) for local in rule["local"]}
    return not {name.replace("{{", "{").replace("}}", "}") for name in named}.isdisjoint(name for _, name in touched)


def _logins(cloud: Cloud, view: RuleView) -> Iterator[RuleLogin]:
    """One login for the rule, and one for each further value of a list that the rule takes one of."""
    attributes: Any = view.login
    outcome = view.answer(attributes) if attributes else None
    groups = cloud.groups_of(outcome) if isinstance(outcome, Mapped) else frozenset()
    yield RuleLogin(attributes, groups)
    for each in view.required if attributes else ():
        if each.condition in ("any_one_of", "whitelist") and not each.regex:
            for value in each.texts[:MOST_VALUES]:
                varied: Any = view.login_with(each.attribute, value)
                if value != attributes.get(each.attribute) and view.reaches(varied):
                    yield RuleLogin(varied, groups, f"{each.attribute} {value}")
