"""By what an old mapping knows people. Owns what must be sure of that before any rule becomes policy.

Of all rules that apply, the first names the person. As long as all name alike that does not matter; where they do not,
no rule may leave its place, or somebody becomes another person.
"""

import json
from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

from p3idp.core.mappings.importing.attributes import claim_of
from p3idp.errors.importing import ImportImpossible

Rule = Mapping[str, Any]


def names_alike(rules: Sequence[Rule], version: str) -> bool:
    """Whether every rule that names people makes the same id, in the same domain, of the same claims."""
    return len({each for rule in rules if (each := _source(rule, version)) is not None}) <= 1


def _source(rule: Rule, version: str) -> str | None:
    user = next((local["user"] for local in rule["local"] if local.get("user")), None)
    if user is None:
        return None
    handed = [_handed(entry) for entry in rule["remote"] if not {"any_one_of", "not_any_of"} & set(entry)]
    domain = None if version == "1.0" else _domain(rule, user)
    named = _with_claims(user.get("id") or user.get("name") or "", handed)
    return json.dumps([named, domain, user.get("type", "ephemeral")])


def _handed(entry: Rule) -> str:
    """What an entry hands on: a claim, or some of its values."""
    claim = claim_of(entry["type"]).name
    return claim if set(entry) == {"type"} else f"{claim} of {json.dumps(entry)}"


def _with_claims(text: str, handed: Sequence[str]) -> str:
    """A template with claims for numbers, so that the same source is the same text."""
    try:
        parts = list(Formatter().parse(text))
    except ValueError:
        return text
    made = ""
    for before, name, _, _ in parts:
        number = int(name) if name and name.isdecimal() and name.isascii() else -1
        claim = handed[number] if 0 <= number < len(handed) else name
        made += before.replace("{", "{{") + ("" if name is None else f"{{{claim}}}")
    return made


def _domain(rule: Rule, user: Rule) -> Any:
    return user.get("domain") or rule["local"][-1].get("domain")


def refuse_unsure_domains(rules: Sequence[Rule], version: str) -> None:
    """From schema 2.0 on, a user without a domain gets that of the last object of the last rule that applies.

    Raises ImportImpossible where that is not the same for everybody: some of those logins end in an error.
    """
    if version == "1.0":
        return
    users = [local["user"] for rule in rules for local in rule["local"] if local.get("user")]
    if all(user.get("domain") for user in users):
        return
    last = [rule["local"][-1].get("domain") if rule["local"] else None for rule in rules]
    if any(domain != last[0] or not domain for domain in last):
        raise ImportImpossible(
            f"Under schema {version} a user without `domain` gets the one of the last object of the last rule that "
            "applies, and these rules end in different ones, or in none: such logins end in an error.",
            hint="Give every `user` a `domain` in the file, and import again.",
        )
