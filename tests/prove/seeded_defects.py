"""Quirks done wrong on purpose, one at a time: each must turn the proof red. Owns the list."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from p3idp.core.keystone_rules import combine, conditions, engine, fill, literals, patterns, rule

FOUND_IN = patterns.Pattern.found_in
LOOKED_UP = engine.CompiledRules._looked_up
JUDGE = rule.Prelude.judge
GROUP_OF_JSON = literals._group_of_json
COMBINE, USER, PROJECTS = combine.combine, combine._user, combine._projects


def _anchored(pattern, text):
    return FOUND_IN(pattern, text) and re.match(pattern.source, text) is not None


def _split_at_commas(compiled, assertion):
    texts = {name: text for name, text in assertion.items() if isinstance(text, str)}
    swapped = str.maketrans({";": ",", ",": ";"})
    return LOOKED_UP(compiled, {name: text.translate(swapped) for name, text in texts.items()})


def _empty_is_absent(compiled, assertion):
    return LOOKED_UP(compiled, {name: text for name, text in assertion.items() if text != ""})


def _absent_is_empty(compiled, assertion):
    return LOOKED_UP(compiled, dict.fromkeys(compiled.attributes, "") | assertion)


def _every_requirement_counts(prelude, environment):
    judged = JUDGE(prelude, environment)
    if isinstance(judged, int):
        return judged
    handed = [(each, environment[each.attribute]) for each in prelude.requirements]
    selected = [values if each.is_gate else each.selects(values) for each, values in handed]
    return [values[0] if len(values) == 1 else values for values in selected]


def _empty_selection_misses(prelude, environment):
    judged = JUDGE(prelude, environment)
    return judged if isinstance(judged, int) or [] not in judged else 0


def _last_user(given, *, honours_domain):
    with_user = [pair for pair in given if "user" in pair[0].whole(pair[1])]
    return USER([*with_user[-1:], *given], honours_domain=honours_domain)


def _first_projects(given, *, honours_domain):
    mapped = COMBINE(given, honours_domain=honours_domain)
    wholes = [local.whole(varying) for local, varying in given]
    having = [whole for whole in wholes if {"projects", "projects_json"} & whole.keys()]
    return mapped._replace(projects=PROJECTS(having[0], honours_domain=honours_domain)) if having else mapped


def _last_ids(ids, into):
    into.clear()
    into.update(ids)


def _groups_once(group, names, gathered):
    names.append(group[2])


def _groups_are_names(local):
    return [{"name": name, "domain": local.get("domain", {})} for name in literals.listed(local["groups"])]


def _mark_removed(member):
    mark = "JSON:"
    return literals.read_json(member[len(mark) :]) if str(member).startswith(mark) else GROUP_OF_JSON(member)


def _ordered_blacklist(requirement, values):
    found = requirement.matcher.those_of(values) if requirement.condition in ("whitelist", "blacklist") else values
    return [each for each in values if each not in found] if requirement.condition == "blacklist" else found


def _ordered_whitelist(matcher, values):
    named = matcher._named()
    return [value for value in values if value in named]


def _replaced(text):
    def render(values):
        return re.sub(r"\{(\d)\}", lambda field: str((*values, *"?" * 10)[int(field[1])]), text)

    return render


DEFECTS = {
    "patterns are anchored": (patterns.Pattern, "found_in", _anchored),
    "values are split at commas": (engine.CompiledRules, "_looked_up", _split_at_commas),
    "an empty claim is absent": (engine.CompiledRules, "_looked_up", _empty_is_absent),
    "an absent claim is empty": (engine.CompiledRules, "_looked_up", _absent_is_empty),
    "every requirement is counted": (rule.Prelude, "judge", _every_requirement_counts),
    "an empty whitelist is a miss": (rule.Prelude, "judge", _empty_selection_misses),
    "a blacklist keeps its order": (conditions.Requirement, "selects", _ordered_blacklist),
    "a whitelist keeps its order": (conditions.Literals, "those_of", _ordered_whitelist),
    "the last user wins": (combine, "_user", _last_user),
    "the last group ids win": (combine, "distinct", _last_ids),
    "groups are listed once": (combine, "_one_group", _groups_once),
    "the first projects win": (engine, "combine", _first_projects),
    "fields are replaced, not formatted": (fill, "compile_template", _replaced),
    "list literals are texts": (combine, "listed", lambda text: [text]),
    "groups with `name` are names": (combine, "groups_of", _groups_are_names),
    "JSON: values are names": (literals, "_group_of_json", lambda member: member),
    "of JSON: values only the mark goes": (literals, "_group_of_json", _mark_removed),
}


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """With this defect."""
    owner, attribute, wrong = DEFECTS[name]
    with patch.object(owner, attribute, wrong):
        yield
