"""Quirks done wrong on purpose, one at a time: each must turn the proof red. Owns the list."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from p3idp.core.keystone_rules import combine, conditions, engine, literals, patterns


def _anchored(pattern: patterns.Pattern, text: str) -> bool:
    return ORIGINAL_FOUND(pattern, text) and re.match(pattern.source, text) is not None


def _groups_once(group, names, by_domain) -> None:
    domain = group["domain"]
    by_domain.setdefault(domain.get("name") or domain.get("id"), {})[group["name"]] = group
    names.append(group)


def _plain_blacklist(self, values):
    found = self.matcher.those_of(values) if self.condition in ("whitelist", "blacklist") else values
    return [each for each in values if each not in found] if self.condition == "blacklist" else found


ORIGINAL_FOUND = patterns.Pattern.found_in
DEFECTS = {
    "patterns are anchored": (patterns.Pattern, "found_in", _anchored),
    "values are split at commas": (engine, "_split", lambda name, text: text.split(",")),
    "an empty claim is absent": (engine, "_split", lambda name, text: [each for each in text.split(";") if each] or []),
    "groups are listed once": (combine, "_one_group", _groups_once),
    "list literals are texts": (combine, "listed", lambda text: [text]),
    "groups with `name` are names": (
        combine, "groups_of",
        lambda local: [{"name": name, "domain": local.get("domain", {})} for name in literals.listed(local["groups"])],
    ),
    "the first projects win": (combine, "_projects", lambda local, honours_domain: []),
    "a blacklist keeps its order": (conditions.Requirement, "selects", _plain_blacklist),
}  # fmt: skip


@contextmanager
def seeded(name: str) -> Iterator[None]:
    """With this defect."""
    owner, attribute, wrong = DEFECTS[name]
    with patch.object(owner, attribute, wrong):
        yield
