"""Defects of patterns: broken, open, too wide, too slow. Owns which texts show them."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from p3idp.core.keystone_rules.reading import Reading, read_pattern
from p3idp.core.keystone_rules.search import NO_SEARCH, BrokenPattern
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_names import over_names
from p3idp.core.mappings.lint.pattern_repair import BRANCHES, as_json, before, behind, repaired
from p3idp.core.mappings.lint.pattern_shape import ends_with_dollar, has_loose_dot, is_open_at_end, is_open_at_start
from p3idp.core.mappings.lint.samples import parsed, sample, slow_texts
from p3idp.core.mappings.lint.searched import found_in
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView, gift

# Every pattern must cope with a claim of this length.
LONG_CLAIM = 4_096
# Where nobody can run what may not end, the bound alone is believed up to this length.
_SHORT_CLAIM = 64
_LOOSE = ("pattern-unanchored", "pattern-across-names", "pattern-dot", "pattern-dollar")
_NONSENSE = ("q", "7", "anything at all", "~", "urn:x:y")


@dataclass(frozen=True, slots=True)
class Mark:
    """What is wrong with a pattern: ``value`` is a text that shows it."""

    code: str
    found: str
    fix: str
    value: str
    instead: str = ""


def check_patterns(linted: Linted, view: RuleView) -> None:
    """Look at every pattern of a rule."""
    for required in view.required:
        if required.regex:
            for place, entry in enumerate(required.entries):
                _check(linted, view, required, (*required.path, place), entry)


def _check(linted: Linted, view: RuleView, required: Required, path: Path, entry: object) -> None:
    if not isinstance(entry, str):
        fix = f'Put it in quotes: "{entry}"'
        _broken(linted, view, path, "pattern-not-text", f"{entry!r} is no text", fix, "TypeError")
        return
    reading = read_pattern(entry)
    if isinstance(reading, BrokenPattern):
        literal = rf"\A{re.escape(entry)}\Z"
        fix = f"If the text itself is meant: {as_json(literal)}"
        _broken(linted, view, path, "pattern-invalid", reading.message, fix, reading.error, literal)
        return
    for mark in marks(entry):
        # A loose exclusion shuts out too many (check_exclusions.py); a tight one would let in whom it was to stop.
        if required.condition != "not_any_of" or mark.code not in _LOOSE:
            _say(linted, view, required, path, mark)
    if reading.quick_up_to < LONG_CLAIM:
        slow = _slow(linted, entry, reading.quick_up_to)
        if slow is not None:
            _say(linted, view, required, path, slow)


def _broken(
    linted: Linted, view: RuleView, path: Path, code: str, told: str, fix: str, error: str, instead: str = ""
) -> None:
    # No text is made up for a broken pattern; any value reaches it.
    login = view.login or view.any_login
    linted.say(code, view, path, told, fix, login, Shows(Shown.BREAKS, error), instead=instead, surely=True)


def _say(linted: Linted, view: RuleView, required: Required, path: Path, mark: Mark) -> None:
    """With the text as the attribute's value, somebody gets in, or is shut out, or nobody can say when."""
    login = view.login_with(required.attribute, mark.value)
    if login is None:
        return
    if mark.code == "pattern-slow":
        shows: Shows | None = Shows(Shown.DECLINED)
    elif required.condition == "not_any_of":
        shows = Shows(Shown.NOBODY)
    else:
        shows = gift(view.answer(login))
    if shows is not None:
        linted.say(mark.code, view, path, mark.found, mark.fix, login, shows, instead=mark.instead)


@lru_cache(maxsize=4_096)
def marks(pattern: str) -> tuple[Mark, ...]:
    """What is wrong with a pattern that Python takes, each with a text that shows it."""
    if _is_tight(pattern):
        return ()
    if all(found_in(pattern, text) for text in _NONSENSE):
        told = f"the pattern {as_json(pattern)} is found in every value"
        return (Mark("pattern-anything", told, "List the values that are meant, or remove the condition.", "anything"),)
    by_code: dict[str, Mark] = {}
    branches = _branches(pattern)
    wildcard = next((each for number in branches if (each := over_names(pattern, number))), None)
    if wildcard is not None:
        better = repaired(pattern, wildcard.meant)
        told = f"the pattern {as_json(pattern)} has a wildcard where a community is named, and it runs over colons"
        fix = "Write the name that is meant in its place" + (f", or at the least {as_json(better)}" if better else "")
        by_code["pattern-across-names"] = Mark("pattern-across-names", told, fix, wildcard.stranger, better)
    for meant in dict.fromkeys(sample(pattern, branch=number) for number in branches):
        if meant is not None and found_in(pattern, meant):
            for code, told, value in _loose(pattern, meant):
                by_code.setdefault(code, _mark(code, f"the pattern {as_json(pattern)} {told}", value, pattern, meant))
    return tuple(by_code.values())


def _branches(pattern: str) -> range:
    return range(BRANCHES if "|" in pattern else 1)


def _is_tight(pattern: str) -> bool:
    """Whether nothing can be loose, by its form alone: so are most of a thousand patterns."""
    reading, tree = read_pattern(pattern), parsed(pattern)
    begins = isinstance(reading, Reading) and reading.prefix and not is_open_at_start(tree)
    if any(over_names(pattern, number) for number in _branches(pattern)):
        return False
    return bool(begins) and not (is_open_at_end(tree) or has_loose_dot(tree) or ends_with_dollar(tree))


def _mark(code: str, told: str, value: str, pattern: str, meant: str) -> Mark:
    better = repaired(pattern, meant)
    fix = f"Write {as_json(better)}" if better else "Begin it with \\A, end it with \\Z, and write \\. for a dot."
    return Mark(code, told, fix, value, better)


def _loose(pattern: str, meant: str) -> Iterator[tuple[str, str, str]]:
    """(code, what is loose, a text that shows it)."""
    tree = parsed(pattern)
    if is_open_at_end(tree) and found_in(pattern, behind(meant)):
        yield "pattern-unanchored", "is open at its end", behind(meant)
    elif is_open_at_start(tree) and found_in(pattern, before(meant)):
        yield "pattern-unanchored", "is open at its beginning", before(meant)
    if has_loose_dot(tree) and (dotted := sample(pattern, "x")) and dotted != meant and found_in(pattern, dotted):
        yield "pattern-dot", "has a dot that stands for any character", dotted
    if ends_with_dollar(tree) and found_in(pattern, f"{meant}\n"):
        yield "pattern-dollar", "ends with $", f"{meant}\n"


def _slow(linted: Linted, pattern: str, quick_up_to: int) -> Mark | None:
    """A long claim on which the pattern takes longer than one evaluation may."""
    guarded = linted.search is not NO_SEARCH
    shape = re.sub(r"(?:[A-Za-z0-9_-]|\\\.)+", "w", pattern)
    if shape in linted.quick_shapes or (not guarded and quick_up_to >= _SHORT_CLAIM):
        return None
    for text in slow_texts(pattern, LONG_CLAIM):
        linted.search.begin()
        if linted.search.find(pattern, [text]) is None:
            told = f"the pattern {as_json(pattern)} takes Keystone very long on a claim of {len(text)} characters"
            return Mark("pattern-slow", told, "Say [^:]+ for a part of a name, no repeats in repeats; anchor it.", text)
    linted.quick_shapes.add(shape)
    return None
