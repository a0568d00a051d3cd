"""Defects of conditions: entries that match nobody, conditions that ask for nothing, or exclude each other."""

import re
import unicodedata
from collections.abc import Iterator

from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.attributes import COMMON, plain
from p3idp.core.mappings.lint.check_texts import is_filled_from
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_repair import as_json
from p3idp.core.mappings.lint.samples import sample
from p3idp.core.mappings.lint.searched import found_in
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import Required, RuleView, gift

_PATTERNLIKE = re.compile(r"^\^|\$$|\\[.AZdws]|\.[*+]|\[[^\]]+\][*+]|^\(.*\)$")
_NOBODY = Shows(Shown.NOBODY)


def check_conditions(linted: Linted, view: RuleView) -> None:
    """Look at every requirement of a rule, and at all of them together."""
    for required in view.required:
        _entries(linted, view, required)
        if required.condition != "present" and not required.entries:
            _empty(linted, view, required)
    _exclusions(linted, view)
    _contradiction(linted, view)
    if gives_fixed(view):
        _everybody(linted, view)


def _entries(linted: Linted, view: RuleView, required: Required) -> None:
    for place, entry in enumerate(required.entries):
        path: Path = (*required.path, place)
        if not isinstance(entry, str):
            if not required.regex:
                _not_text(linted, view, required, path, entry)
            continue
        if not required.regex:
            _literal(linted, view, required, path, entry)


def _not_text(linted: Linted, view: RuleView, required: Required, path: Path, entry: object) -> None:
    breaks = isinstance(entry, list | dict)
    login = {**(view.login or view.any_login), required.attribute: str(entry)}
    shows = Shows(Shown.BREAKS, "TypeError") if breaks else _NOBODY
    told = f"{required.attribute}: {required.condition} lists {entry!r}, which is no text"
    others_match = any(text == str(entry) for text in required.texts)
    if breaks or (required.condition == "any_one_of" and not others_match):
        linted.say("entry-not-text", view, path, told, f'Write "{entry}"', login, shows, surely=True)
    else:
        linted.say("entry-not-text", view, path, told, f'Write "{entry}"', surely=True)


def _literal(linted: Linted, view: RuleView, required: Required, path: Path, entry: str) -> None:
    said = f"{required.attribute}: {required.condition} lists {as_json(entry)}"
    tidy = unicodedata.normalize("NFC", "".join(c for c in entry if c.isprintable())).strip()
    if ";" in entry:
        parts = ", ".join(as_json(part) for part in entry.split(";") if part)
        _unmatched(linted, view, required, path, entry, ("entry-semicolon", said, f"Write {parts}", ""))
    elif tidy != entry:
        found = f"{said}: {entry!a} holds a blank at an end, an invisible or a composed character"
        _unmatched(linted, view, required, path, tidy, ("entry-odd-character", found, f"Write {as_json(tidy)}", tidy))
    elif _PATTERNLIKE.search(entry):
        meant = sample(entry)
        if meant is not None and meant != entry and meant not in required.texts and found_in(entry, meant):
            alone = "an entry" if required.condition == "not_any_of" else "a rule"
            fix = f'Put it in {alone} of its own, with "regex": true'  # the others are no patterns
            fix = 'Add "regex": true' if len(required.entries) == 1 else fix
            _unmatched(linted, view, required, path, meant, ("entry-looks-like-pattern", said, fix, ""))


def _unmatched(
    linted: Linted, view: RuleView, required: Required, path: Path, value: str, words: tuple[str, str, str, str]
) -> None:
    """The entry does not match ``value``, which it is meant for. Where other conditions decide, nothing is shown."""
    code, found, fix, instead = words
    login = {**(view.login or view.any_login), required.attribute: value}
    shows: Shows | None = _NOBODY
    if required.condition != "any_one_of":
        shows = gift(view.answer(login))
    linted.say(code, view, path, found, fix, login, shows, instead=instead, surely=True)


def _empty(linted: Linted, view: RuleView, required: Required) -> None:
    never = required.condition == "any_one_of"
    login = view.any_login if never else view.login
    shows = _NOBODY if never else gift(view.answer(login)) if login else None
    told = f"{required.attribute}: {required.condition} is empty"
    needless = "rule" if never else "condition" if required.index is not None else "entry"
    fix = f"List the values that are meant, or remove the {needless}"
    linted.say("condition-empty", view, required.path, told, fix, login, shows, surely=True)


def _exclusions(linted: Linted, view: RuleView) -> None:
    """Conditions that say who is not meant: what an absent attribute does, and that nothing else is asked."""
    if not any(each.condition == "not_any_of" for each in view.required) or (login := view.login) is None:
        return
    asked = [each for each in view.required if each.condition == "any_one_of" and plain(each.attribute) not in COMMON]
    for required in view.required:
        if required.condition != "not_any_of" or not required.entries:
            continue
        told = f"{required.attribute}: not_any_of; nothing else says who is meant"
        stranger = view.stranger(required.attribute) or login
        if not asked:
            fix = f'Say who is meant: {{"type": "{required.attribute}", "any_one_of": […]}}'
            linted.say("only-exclusions", view, required.path, told, fix, stranger, gift(view.answer(stranger)))
        if not any(each.attribute == required.attribute for each in view.required if each is not required):
            without = {name: text for name, text in login.items() if name != required.attribute}
            told = f"whoever has no {required.attribute} at all is shut out by its not_any_of"
            fix = "Say with any_one_of who is meant; an absent attribute fails that too, as one expects"
            linted.say("absent-attribute", view, required.path, told, fix, without, _NOBODY)


def _contradiction(linted: Linted, view: RuleView) -> None:
    for asked in view.required:
        if asked.condition != "any_one_of" or asked.regex or not asked.texts:
            continue
        for barred in view.required:
            if barred.condition == "not_any_of" and barred.attribute == asked.attribute and _bars_all(barred, asked):
                login = view.any_login
                told = f"{asked.attribute}: not_any_of bars every value that any_one_of asks for"
                linted.say("never-matches", view, barred.path, told, "Remove one of the two", login, _NOBODY)


def _bars_all(barred: Required, asked: Required) -> bool:
    if barred.regex:
        return all(any(found_in(pattern, text) for pattern in barred.texts) for text in asked.texts)
    return set(asked.texts) <= set(barred.texts)


def _everybody(linted: Linted, view: RuleView) -> None:
    """A rule that gives fixed groups or projects, and shuts nobody out."""
    if any(each.is_gate and plain(each.attribute) not in COMMON for each in view.required):
        return
    picked = [each for each in view.required if each.condition in ("whitelist", "blacklist")]
    for required in picked:
        stranger = view.stranger(required.attribute) if required.condition == "whitelist" else view.login
        told = f"{required.attribute}: the {required.condition} shuts nobody out, and the rule gives what is fixed"
        gate = "any_one_of" if required.condition == "whitelist" else "not_any_of"
        fix = f'Write "{gate}"'
        if required.index is not None and is_filled_from(view, required.index):
            fix = f'Add {{"type": "{required.attribute}", "{gate}": […]}}, and leave this one: it is counted'
        if stranger is not None:
            linted.say("whitelist-no-gate", view, required.path, told, fix, stranger, gift(view.answer(stranger)))
    login = view.login
    if not picked and login is not None:
        asked = ", ".join(dict.fromkeys(each.attribute for each in view.required))
        told = f"everybody gets what this rule gives: it asks only for {asked}"
        fix = 'Add a condition, such as {"type": "OIDC-entitlements", "any_one_of": […]}'
        linted.say("matches-everybody", view, ("remote",), told, fix, login, gift(view.answer(login)))


def gives_fixed(view: RuleView) -> bool:
    """Whether the rule gives a group or a project that no claim chooses."""
    return any("{" not in text for text in _given(view))


def _given(view: RuleView) -> Iterator[str]:
    for local in view.rule["local"]:
        group = local.get("group", {})
        yield from (group[name] for name in ("id", "name") if name in group)
        yield from (local[name] for name in ("groups", "group_ids") if name in local)
        yield from (project["name"] for project in local.get("projects", ()))
