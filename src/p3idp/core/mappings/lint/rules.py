"""Lint the rules of a Keystone mapping, offline. Owns which checks there are and their order."""

from collections.abc import Mapping
from typing import Any

from p3idp.core.keystone_rules import NO_SEARCH, Search
from p3idp.core.keystone_rules.schema import VERSIONS, problems
from p3idp.core.mappings.json_lines import Path
from p3idp.core.mappings.lint.check_conditions import check_conditions
from p3idp.core.mappings.lint.check_exclusions import check_exclusions
from p3idp.core.mappings.lint.check_gives import check_gives
from p3idp.core.mappings.lint.check_names import check_names
from p3idp.core.mappings.lint.check_patterns import check_patterns
from p3idp.core.mappings.lint.check_people import check_issuer, check_people
from p3idp.core.mappings.lint.check_texts import check_texts
from p3idp.core.mappings.lint.check_together import check_together
from p3idp.core.mappings.lint.finding import Finding
from p3idp.core.mappings.lint.linted import Linted
from p3idp.core.mappings.lint.pattern_repair import as_json
from p3idp.core.mappings.lint.shows import Shown, Shows
from p3idp.core.mappings.lint.views import gift
from p3idp.core.mappings.lint.written import Written

MAX_RULES = 20_000


def lint_rules(written: Written, version: str | None = None, search: Search = NO_SEARCH) -> list[Finding]:
    """The findings of one Keystone mapping as it was written: the list of rules, or the object around them.

    ``version``: where the file names none. ``search`` runs patterns that no static check could prove harmless.
    """
    rules, at, said = rules_in(written.data)
    known = version if said is None else said
    refused = _refused(written, rules, at, known or "1.0")
    if refused:
        return refused
    linted = Linted(written, at, rules, known or "1.0", search)
    if known is None:
        _no_version(linted)
    for view in linted.views:
        check_patterns(linted, view)
        check_exclusions(linted, view)
        check_conditions(linted, view)
        check_texts(linted, view)
        check_gives(linted, view)
        check_people(linted, view)
    check_names(linted)
    check_issuer(linted)
    check_together(linted)
    _schema_3(linted)
    return linted.findings


def rules_in(data: Any) -> tuple[Any, Path, Any]:
    """The rules, where they stand, and the schema version beside them: a list, or what Keystone's API sends."""
    if isinstance(data, list):
        return data, (), None
    inner, at = (data["mapping"], ("mapping",)) if isinstance(data, dict) and "mapping" in data else (data, ())
    if not isinstance(inner, dict):
        return None, at, None
    return inner.get("rules"), (*at, "rules"), inner.get("schema_version")


def _refused(written: Written, rules: Any, at: Path, version: Any) -> list[Finding]:
    """What Keystone would not save."""
    if version not in VERSIONS:
        told = f"schema_version is {version!r}"
        return [_refusal(written, (*at[:-1], "schema_version"), told, f"Write one of {', '.join(VERSIONS)}")]
    if isinstance(rules, list) and len(rules) > MAX_RULES:
        return [_refusal(written, at, f"{len(rules):,} rules", f"Lint looks at {MAX_RULES:,} at most; write fewer")]
    found = list(problems(rules, version))
    return [_refusal(written, (*at, *_steps(where)), f"{where} {told}", "Correct it") for where, told in found[:100]]


def _refusal(written: Written, path: Path, told: str, fix: str) -> Finding:
    return Finding("keystone-refuses", written.file, written.line(path), told, fix)


def _steps(where: str) -> Path:
    """``rules[3].remote[0].type`` as a path below the rules."""
    steps: list[str | int] = []
    for part in where.removeprefix("rules").replace("[", ".").replace("]", "").split("."):
        if part:
            steps.append(int(part) if part.isdecimal() else part)
    return tuple(steps)


def _no_version(linted: Linted) -> None:
    """Shown by what the first rule gives under 1.0."""
    view = linted.views[0]
    path: Path = ()
    told = "no schema version is given, so Keystone takes 1.0"
    fix = f'Write {{"rules": […], {as_json("schema_version")}: "2.0"}}, or give --schema-version'
    shows = gift(view.answer(view.login)) if view.login else None
    linted.say("schema-version-missing", view, path, told, fix, view.login, shows, surely=True)


def _schema_3(linted: Linted) -> None:
    if linted.version != "3.0":
        return
    view = next((each for each in linted.views if not _gives_projects(each.rule)), linted.views[0])
    told = "schema 3.0 takes away every role given to a user directly that this mapping does not give"
    fix = 'Write "schema_version": "2.0" and give groups'
    linted.say("schema-3-sync", view, (), told, fix, view.login, Shows(Shown.NO_PROJECT), surely=True)


def _gives_projects(rule: Mapping[str, Any]) -> bool:
    return any("projects" in local or "projects_json" in local for local in rule["local"])
