"""Defects of rules beside one another: what never counts, and what is lost. Owns the comparison of rules."""

import json
from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from p3idp.core.keystone_rules import Mapped
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import RuleView

# A rule is compared with so many others that give the same; more give the same in no mapping that people wrote.
_COMPARED = 64
Given = frozenset[str]


def check_together(linted: Linted) -> None:
    """Look at rules that repeat, shadow or overwrite one another."""
    repeated = _repeated(linted)
    _shadowed(linted, repeated)
    _second_users(linted)
    _overwritten(linted)


def _repeated(linted: Linted) -> set[int]:
    """Rules with the condition of an earlier one. Returns those that stand twice altogether."""
    first: dict[str, RuleView] = {}
    twice: set[int] = set()
    for view in linted.views:
        earlier = first.setdefault(json.dumps(view.rule["remote"], sort_keys=True), view)
        if earlier is view:
            continue
        about = (earlier.number, view.number)
        if view.rule["local"] == earlier.rule["local"]:
            twice.add(view.number)
            told = f"it is the same as rule {earlier.number}"
            shows = Shows(Shown.NO_CHANGE)
            # Of projects the last rule's count, also after a rule that stands in between.
            fix = f"Remove rule {earlier.number}" if _gifts(view) is None else "Remove it"
            linted.say("rule-repeated", view, (), told, fix, view.login, shows, about=about, surely=True)
        elif _may_move(view, earlier):
            told = f"it asks the same as rule {earlier.number}"
            fix = f"Add its `local` to rule {earlier.number}, and remove it"
            linted.say("condition-repeated", view, ("remote",), told, fix, surely=True)
    return twice


def _may_move(view: RuleView, earlier: RuleView) -> bool:
    """Whether no order is lost: the first user counts, and the projects of the last rule."""
    same_user = view.user is None or (earlier.user is not None and earlier.user[1] == view.user[1])
    return same_user and _gifts(view) is not None


def _shadowed(linted: Linted, leave: set[int]) -> None:
    giving: defaultdict[str, list[RuleView]] = defaultdict(list)
    gifts = {view.number: _gifts(view) for view in linted.views}
    for view in linted.views:
        for gift in gifts[view.number] or ():
            giving[gift].append(view)
    for view in linted.views:
        given = gifts[view.number]
        if not given or view.number in leave:
            continue
        others = giving[min(given, key=lambda gift: len(giving[gift]))][:_COMPARED]
        wider = next((other for other in others if _hides(linted, other, view, gifts)), None)
        if wider is not None:
            told = f"rule {wider.number} gives the same, and asks for less"
            fix = f"Remove this rule, or narrow rule {wider.number}"
            about = (wider.number, view.number)
            linted.say("rule-shadowed", view, (), told, fix, view.login, Shows(Shown.NO_CHANGE), about=about)


def _hides(linted: Linted, other: RuleView, view: RuleView, gifts: dict[int, Given | None]) -> bool:
    if other is view or other.rule["remote"] == view.rule["remote"]:
        return False
    mine, theirs = gifts[view.number], gifts[other.number]
    if mine is None or theirs is None or not mine <= theirs:
        return False
    # Two that hide each other are one: only the later is named.
    if not linted.implied(view, other) or (linted.implied(other, view) and other.number > view.number):
        return False
    return view.user is None or (
        other.user is not None and resolved(other, other.user[1]) == resolved(view, view.user[1])
    )


def _gifts(view: RuleView) -> Given | None:
    """The groups that a rule gives, resolved to claims; None where it gives projects, which replace others."""
    found: set[str] = set()
    for local in view.rule["local"]:
        if "projects" in local or "projects_json" in local:
            return None
        if "group" in local:
            found.add(resolved(view, local["group"]))
        for name in ("groups", "group_ids"):
            if name in local:
                found.add(resolved(view, [name, local[name], local.get("domain")]))
    return frozenset(found)


def resolved(view: RuleView, part: Any) -> str:
    """A part of ``local`` with the claims themselves in place of their numbers: rules may count differently."""
    text = json.dumps(part, sort_keys=True)
    for each in view.handed:
        source = json.dumps([each.attribute, each.condition, each.entries, each.regex]).replace('"', "'")
        text = text.replace(f"{{{each.index}}}", f"<{source}>")
    return text


def _second_users(linted: Linted) -> None:
    """Users that differ from an earlier rule's, where somebody matches both."""
    kinds: dict[str, RuleView] = {}
    for view in linted.all_users:
        kind = resolved(view, view.user[1]) if view.user else ""
        if kind in kinds:
            continue
        for earlier in kinds.values():
            login = linted.joint_login([earlier, view])
            shown = _user_of(earlier, login)
            alone = _user_of(view, login)
            if login is None or shown is None or alone is None or shown == alone:
                continue
            never = linted.implied(view, earlier)
            told = f"its user {'never counts' if never else 'does not count'}: rule {earlier.number} gives another"
            fix = f"Give the same user as rule {earlier.number}, or none"
            path = ("local", view.user[0] if view.user else 0, "user")
            about = (earlier.number, view.number)
            if linted.say("user-second", view, path, told, fix, login, shown, about=about):
                break
        kinds[kind] = view


def _user_of(view: RuleView, login: Any) -> Shows | None:
    outcome = view.answer(login) if login is not None else None
    if not isinstance(outcome, Mapped):
        return None
    person = outcome.person
    return Shows(Shown.USER_ID, person.id) if person.id else Shows(Shown.USER_NAME, person.name or "")


def _overwritten(linted: Linted) -> None:
    giving = [view for view in linted.views if any(local.get("projects") for local in view.rule["local"])]
    for earlier, view in pairwise(giving):
        login = linted.joint_login([earlier, view])
        lost = _roles_of(earlier, login) - _roles_of(view, login)
        if login is not None and lost:
            told = f"its projects replace those of rule {earlier.number}"
            fix = "Give groups instead: they add up"
            shows = Shows(Shown.LOSES_ROLE, min(lost))
            about = (earlier.number, view.number)
            linted.say("projects-overwritten", view, ("local",), told, fix, login, shows, about=about)


def _roles_of(view: RuleView, login: Any) -> set[str]:
    outcome = view.answer(login) if login is not None else None
    grants: Sequence[Any] = outcome.grants if isinstance(outcome, Mapped) else ()
    return {f"{role} on {grant.project}" for grant in grants for role in grant.roles}
