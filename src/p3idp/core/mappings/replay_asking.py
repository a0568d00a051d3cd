"""What two mappings ask of each attribute. Owns the proof that the access of a login is that of its parts together.

Rules add up: who matches by one value of an ``any_one_of`` matches by it whatever other values there are, and what is
handed on to ``local`` is not that value. An attribute that rules only want to be there, and name nowhere but in
``user``, makes no difference to who gets what. Only projects do not add up: the last that are given replace all others.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from p3idp.core.keystone_rules import CompiledRules

_FIELD = re.compile(r"\{(\d+)\}", re.ASCII)
# A text of this length can be filled in whoever comes (templates.py has the bound).
_LONGEST_USER = 1_000
# What stands for somebody's own value begins with it; no good claim holds it.
STANDS_FOR = "\0"


class Asking(NamedTuple):
    """``own``: attributes whose value makes no difference to what is given; ``apart``: each value counts for itself.

    No rule asks for two of ``apart``. All other attributes count as a whole.
    """

    own: frozenset[str]
    apart: frozenset[str]


class _NotPlain(Exception):
    pass


def asking_of(mappings: Sequence[CompiledRules]) -> Asking | None:
    """What the rules of all mappings ask; None where their access is not that of the parts."""
    uses: dict[str, set[str]] = defaultdict(set)
    wanted: dict[str, set[str]] = defaultdict(set)
    together: list[set[str]] = []
    try:
        for mapping in mappings:
            for rule, source in zip(mapping.rules, mapping.source, strict=True):
                for attribute, use in _uses(rule.requirements, _named(source["local"])):
                    uses[attribute].add(use)
                gates = [each for each in rule.requirements if each.condition == "any_one_of"]
                together.append({each.attribute for each in gates})
                for each in gates:
                    wanted[each.attribute].update(map(str, each.entries))
    except _NotPlain:
        return None
    return Asking(
        frozenset(name for name, kinds in uses.items() if kinds == {"present"}),
        _apart([name for name, kinds in uses.items() if kinds == {"any_one_of"}], wanted, together),
    )


def _uses(requirements: Sequence[Any], named: set[int]) -> Iterator[tuple[str, str]]:
    """The attributes of a rule, and what it does with each: the condition, unless it is looked at once more."""
    number = 0
    asked = Counter(each.attribute for each in requirements if each.condition == "any_one_of")
    for each in requirements:
        is_named = not each.is_gate and number in named
        number += not each.is_gate
        yield each.attribute, "named" if is_named else "twice" if asked[each.attribute] > 1 else each.condition


def _apart(names: Sequence[str], wanted: dict[str, set[str]], together: Sequence[set[str]]) -> frozenset[str]:
    """Those of which rules know the most values first, and then whatever no rule asks for beside them."""
    found: set[str] = set()
    for name in sorted(names, key=lambda each: -len(wanted[each])):
        if all(name not in asked or found.isdisjoint(asked) for asked in together):
            found.add(name)
    return frozenset(found)


def _named(local: Sequence[dict[str, Any]]) -> set[int]:
    """The numbers that what is given names. Raises _NotPlain where more is made of values than putting them in."""
    found: set[int] = set()
    for each in local:
        if "projects" in each or "projects_json" in each:
            raise _NotPlain
        for member, part in each.items():
            for text in _texts(part):
                if not set("{}").isdisjoint(_FIELD.sub("", text)):
                    raise _NotPlain
                if member != "user":
                    found.update(map(int, _FIELD.findall(text)))
                elif len(text) > _LONGEST_USER or STANDS_FOR in text:
                    raise _NotPlain
    return found


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    elif isinstance(part, dict | list):
        for each in part.values() if isinstance(part, dict) else part:
            yield from _texts(each)
