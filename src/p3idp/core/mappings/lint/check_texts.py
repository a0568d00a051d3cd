"""Defects of the texts that Keystone fills in with ``str.format``. Owns which field is wrong, and the right one."""

from collections.abc import Iterator
from string import Formatter
from typing import Any

from p3idp.core.keystone_rules import Failed
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView, field_numbers, gift

Field = tuple[str, str, str | None]


def check_texts(linted: Linted, view: RuleView) -> None:
    """Look at every text of ``local``."""
    for path, text in texts_of(view.rule["local"], ("local",)):
        if "{" not in text and "}" not in text:
            continue
        if path[-1] == "projects_json":
            continue  # not a template: "0" names a claim too
        try:
            fields = [(name, spec or "", kind) for _, name, spec, kind in Formatter().parse(text) if name is not None]
        except ValueError as exc:
            found = f"{text!r} cannot be filled in: {exc}"
            _breaks(linted, view, path, "template-broken", found, "Write {0} for a value, {{ and }} for braces")
            continue
        for place, field in enumerate(fields):
            _field(linted, view, path, text, place, field)


def _field(linted: Linted, view: RuleView, path: Path, text: str, place: int, field: Field) -> None:
    name, spec, conversion = field
    first = name.split(".", maxsplit=1)[0].split("[", maxsplit=1)[0]
    if not first:
        fix = f"Write {{{place}}}"
        told = f"{text!r} has a field without a number"
        linted.say("template-unnumbered", view, path, told, fix, view.login, _seen(view), instead=f"{{{place}}}")
    elif not first.isdecimal():
        known = "; ".join(_meanings(view)) or "no entry is counted"
        told = f"{text!r} has a field {{{first}}}, and fields have numbers"
        _breaks(linted, view, path, "template-broken", told, f"Write the number: {known}")
        return
    number = int(first) if first.isdecimal() and len(first) < 5 else place if not first else 10_000
    if number >= len(view.handed):
        _out_of_range(linted, view, path, text, number)
        return
    whole = f"{{{number}}}"
    claim = view.handed[number]
    if path[-1] not in ("groups", "group_ids") and _is_unordered(claim):
        _unordered(linted, view, path, text, claim)
    if name != first:
        told = f"{text!r} looks inside the value of {view.handed[number].attribute}"
        seen = _seen(view)
        # An address in memory comes out: what p3idp declines is not for being large here.
        shown = seen if seen and seen.what is not Shown.DECLINED else None
        linted.say("template-inside", view, path, told, f"Write {whole}", view.login, shown, instead=whole, surely=True)
    elif spec or conversion:
        told = f"{text!r} changes the value of {view.handed[number].attribute}"
        fix = f"Write {whole}"
        linted.say("template-format", view, path, told, fix, view.login, _seen(view), instead=whole, surely=True)


def _is_unordered(claim: Required) -> bool:
    """Whether several values may be left, and Keystone keeps them in a set."""
    listed = claim.condition == "whitelist" and not claim.regex and len(claim.texts) > 1
    return listed or claim.condition == "blacklist"


def _unordered(linted: Linted, view: RuleView, path: Path, text: str, claim: Required) -> None:
    two = claim.texts[:2] if claim.condition == "whitelist" else ("one", "other")
    login = view.login_with(claim.attribute, ";".join(two))
    outcome = view.answer(login) if login else None
    made = gift(outcome, containing="['")
    told = f"{text!r} is filled from {claim.attribute}, of whose values the {claim.condition} may leave several"
    linted.say("order-unstable", view, path, told, "Use `groups`, or one rule for each value", login, made)


def _out_of_range(linted: Linted, view: RuleView, path: Path, text: str, number: int) -> None:
    meanings = list(_meanings(view))
    if len(meanings) == 1:
        fix, instead = f"Write {meanings[0]}", "{0}"
    else:
        fix, instead = (
            f"Choose among: {'; '.join(meanings)}" if meanings else "Add an entry without condition first",
            "",
        )
    told = f"{text!r}: {{{number}}} stands for nothing"
    gates = [each for each in view.required if each.is_gate]
    if gates:
        told += f" ({gates[0].condition} on {gates[0].attribute} is not counted)"
    _breaks(linted, view, path, "index-out-of-range", told, fix, instead)


def _meanings(view: RuleView) -> Iterator[str]:
    """What may be written, and what it stands for."""
    yield from (f"{{{each.index}}} for {each.attribute}" for each in view.handed)


def _breaks(linted: Linted, view: RuleView, path: Path, code: str, found: str, fix: str, instead: str = "") -> None:
    outcome = view.answer(view.login) if view.login else None
    # A text with two defects fails by the first; whatever error comes out is what the login shows.
    shows = Shows(Shown.BREAKS, outcome.keystone_error) if isinstance(outcome, Failed) else None
    linted.say(code, view, path, found, fix, view.login, shows, instead=instead, surely=True)


def _seen(view: RuleView) -> Shows | None:
    """What comes of the text: mostly a strange name, sometimes a failure."""
    outcome = view.answer(view.login) if view.login else None
    if isinstance(outcome, Failed):
        return Shows(Shown.BREAKS, outcome.keystone_error) if outcome.keystone_error else Shows(Shown.DECLINED)
    if outcome is not None and outcome.person.name:
        return Shows(Shown.USER_NAME, outcome.person.name)
    return gift(outcome)


def texts_of(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Every text within, with its path."""
    if isinstance(node, str):
        yield path, node
    elif isinstance(node, list):
        for place, member in enumerate(node):
            yield from texts_of(member, (*path, place))
    elif isinstance(node, dict):
        for name, member in node.items():
            yield from texts_of(member, (*path, name))


def is_filled_from(view: RuleView, index: int) -> bool:
    """Whether a field counts what is handed on at ``index`` or behind it: without that it would mean another claim."""
    return any(int(n) >= index for _, text in texts_of(view.rule["local"], ()) for n in field_numbers(text))


def is_filled(text: str) -> bool:
    """Whether something of a login becomes part of the text."""
    return "{" in text.replace("{{", "")
