"""Wildcards that run over colons where a community should be named. Owns finding them, and keeping them in one name."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from re import _constants as sre  # type: ignore[attr-defined]  # the parser's own words; typeshed has none for them
from typing import Any

from p3idp.core.mappings.lint.pattern_shape import REPEATS
from p3idp.core.mappings.lint.samples import chosen, parsed, takes, text_of
from p3idp.core.mappings.lint.searched import found_in, misses

_ENTITLEMENT = re.compile(r"(?i)\burn:|\bgroups?:")
# The community's name is there to its end, or none is meant: a capability, a legacy form as far as its community.
_NAMED = re.compile(r"(?i):groups?:[^:#]+:|:res:|^urn:(?!.*:groups?:)[^:]*:[^:]*:[^:]+:[^:]+:")
_GROUP = re.compile(r"(?i)\bgroups?:[^:#]*$")
_ONE_NAME, _BELOW = r"[^:#\s]+", r"(?::[^:#\s]+)*"
_OTHERS = "evil.example.org"
_MOST = 4


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``stranger``: a text of another community that is found; ``meant``: one that stays within a name.

    ``instead`` goes in its place; empty where nothing but the name helps.
    """

    stranger: str
    meant: str
    instead: str


@lru_cache(maxsize=4_096)
def over_names(pattern: str, branch: int = 0) -> Wildcard | None:
    """The first wildcard of a pattern, or of one of its alternatives, that lets other communities in."""
    items = list(_flat(chosen(list(parsed(pattern) or ()), branch)))
    for place, item in enumerate(items):
        if _runs_over_colons(*item):
            before, after = _written(items[:place]), _written(items[place + 1 :])
            found = _wildcard(pattern, before, after) if before is not None and after is not None else None
            if found is not None:
                return found
    return None


def within_names(pattern: str, branches: int) -> str:
    """The pattern with such wildcards kept within one name; empty where nothing but a name helps."""
    for _ in range(_MOST):
        found = next((each for n in range(branches) if (each := over_names(pattern, n))), None)
        if found is None:
            return pattern
        pattern = next((each for each in _replaced(pattern, found.instead) if _keeps(each, found)), "")
    return ""


def _keeps(pattern: str, wildcard: Wildcard) -> bool:
    return found_in(pattern, wildcard.meant) and misses(pattern, wildcard.stranger)


def _flat(items: Sequence[Any]) -> Iterator[Any]:
    for op, value in items:
        if op is sre.SUBPATTERN:
            yield from _flat(list(value[3]))
        else:
            yield op, value


def _runs_over_colons(op: Any, value: Any) -> bool:
    if op not in REPEATS or value[1] is not sre.MAXREPEAT or len(value[2]) != 1:
        return False
    inner, what = value[2][0]
    return takes(inner, what, ":")


def _written(items: Sequence[Any]) -> str | None:
    """With an x for every further wildcard."""
    return text_of([(sre.LITERAL, ord("x")) if _runs_over_colons(*each) else each for each in items])


def _wildcard(pattern: str, before: str, after: str) -> Wildcard | None:
    named = re.split("[#@]", after)[0]
    # What follows must name something, or all that is below is meant; what has no colon is no entitlement.
    asked = re.search(r"\w", named) if before else re.search(r":[^:/]", named)
    if not asked or (before and not _ENTITLEMENT.search(before)) or _NAMED.search(before):
        return None
    instead = _instead(before, named)
    meant = before + ("" if instead == _BELOW else "x") + after
    joint = "" if after.startswith(":") else ":"
    for filler in (_filler(before, named), "evil:sub", ":evil:sub"):
        if found_in(pattern, stranger := before + filler + joint + after):
            return Wildcard(stranger, meant, instead)
    return None


def _instead(before: str, named: str) -> str:
    if _GROUP.search(before) and not before.endswith(":"):
        return _BELOW
    # A name of one's own before the group that is named is another community, or another namespace.
    chooses = not before or ":group" in named or (_GROUP.search(before) and not re.match(":?role[=:]", named))
    return "" if chooses else _ONE_NAME


def _filler(before: str, named: str) -> str:
    if not before:
        return "urn:example:group:evil"  # short: where something may stand before it, searches are soon slow
    if _GROUP.search(before):
        if not before.endswith(":"):
            return f"-{_OTHERS}"
        return f"{_OTHERS}:sub" if re.match(":?role[=:]", named) else _OTHERS
    inner = f"example.org:group:{_OTHERS}" if ":group" in named else f"aai.example.org:{_OTHERS}"
    return inner if before.endswith(":") else f":{inner}"


def _replaced(pattern: str, instead: str) -> Iterator[str]:
    """The pattern with one wildcard after the other replaced."""
    pieces = re.findall(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*\]|.", pattern, re.DOTALL)
    for place, (piece, times) in enumerate(pairwise(pieces)):
        if instead and times in ("*", "+") and (piece in (".", r"\S", r"\W", r"\D") or piece[0] == "["):
            lazy = pieces[place + 2 : place + 3] in (["?"], ["+"])
            yield "".join([*pieces[:place], instead, *pieces[place + 2 + lazy :]])
