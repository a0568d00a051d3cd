"""Rules that stay as they are, made fit to stand beside compiled ones. Owns what is changed in them, and nothing more.

Claims get the names by which p3idp's Apache passes them; a rule that leaves the naming of people, or the domain, to
others says it itself. What cannot stand in schema 2.0, or breaks every login, cannot be kept.
"""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from p3idp.core.keystone_rules import compile_rules
from p3idp.core.keystone_rules.reading import read_pattern
from p3idp.core.keystone_rules.search import BrokenPattern
from p3idp.core.mappings.compile import SCHEMA_VERSION
from p3idp.core.mappings.importing.attributes import claim_of
from p3idp.core.mappings.importing.terms import Rule, Terms
from p3idp.core.mappings.unsafe import unsafe
from p3idp.errors.importing import ImportImpossible
from p3idp.errors.keystone_rules import MappingRulesInvalid


def keep(number: int, rule: Rule, version: str, domain: str, naming: Rule | None) -> Rule:
    """The rule for schema 2.0. ``naming``: the rule that names people where this one does not.

    Raises ImportImpossible.
    """
    made: Any = deepcopy(dict(rule))
    for entry in made["remote"]:
        entry["type"] = claim_of(entry["type"]).attribute
        _refuse_broken(number, entry)
    if not any(local.get("user") for local in made["local"]):
        _name(number, made, naming, version)
    for local in made["local"]:
        user = local.get("user")
        if user and (version == "1.0" or not (user.get("domain") or local.get("domain"))):
            user["domain"] = {"name": _literal(domain)}
        elif user and not user.get("domain"):
            user["domain"] = deepcopy(local["domain"])
        if version == "1.0":  # projects were in the provider's domain, whatever the rule says
            for project in local.get("projects", ()):
                project["domain"] = {"name": _literal(domain)}
    try:
        compile_rules([made], SCHEMA_VERSION)
    except MappingRulesInvalid as exc:
        raise _impossible(number, f"p3idp writes schema {SCHEMA_VERSION}, which has no place for it: {exc}") from exc
    kept: Rule = made
    for why in unsafe(kept):
        raise _impossible(number, why)
    return kept


def _name(number: int, made: Any, naming: Rule | None, version: str) -> None:
    """Let the rule name people as the naming one does, and ask what that one asks."""
    if naming is None:
        raise _impossible(number, "it names nobody, and no other rule names people for it")
    counted = sum(not {"any_one_of", "not_any_of"} & set(entry) for entry in made["remote"])
    more = deepcopy(list(naming["remote"]))
    for entry in more:
        entry["type"] = claim_of(entry["type"]).attribute
    made["remote"] += more
    user = deepcopy(next(local["user"] for local in naming["local"] if local.get("user")))
    made["local"].insert(0, {"user": _shifted(user, counted)})
    domain = next((local["domain"] for local in naming["local"] if local.get("user") and "domain" in local), None)
    if domain and version != "1.0":
        made["local"][0]["user"].setdefault("domain", deepcopy(domain))


def _shifted(user: Mapping[str, Any], by: int) -> dict[str, Any]:
    """Fields like {0} stand for what comes ``by`` places later now; others cannot be moved so simply."""
    return {
        name: f"{{{int(value[1:-1]) + by}}}" if isinstance(value, str) and value[1:-1].isdecimal() else value
        for name, value in user.items()
    }


def _refuse_broken(number: int, entry: Mapping[str, Any]) -> None:
    if not entry.get("regex"):
        return
    for condition in ("any_one_of", "not_any_of", "whitelist", "blacklist"):
        for pattern in entry.get(condition, ()):
            if not isinstance(pattern, str) or isinstance(read_pattern(pattern), BrokenPattern):
                raise _impossible(number, f"{pattern!r} is no pattern, and every login that reaches it fails")


def _impossible(number: int, told: str) -> ImportImpossible:
    return ImportImpossible(
        f"Rule {number} (counted from 0) cannot be taken over: {told}.",
        hint="Correct the rule, or take it out of the file, and import again.",
    )


def _literal(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")


def naming_rule(rules: "tuple[Rule, ...] | list[Rule]", naming: Terms | None) -> Rule | None:
    """The old rule behind ``naming``."""
    return rules[naming.number] if naming else None
