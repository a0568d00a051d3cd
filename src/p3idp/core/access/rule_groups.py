"""Which groups a rule of a mapping leads to. Owns what can be told of that before anybody logs in."""

import re
from collections.abc import Set

from p3idp.core.access.resources import Key
from p3idp.core.access.rule_changes import Rule

FIELD = re.compile(r"(?<!\{)(?:\{\{)*\{(?!\{)")  # Keystone fills it at login; doubled braces are plain ones


def groups_named(rule: Rule) -> tuple[Set[Key], bool]:
    """The groups that a rule names by domain and name, and whether it leads to others that only a login tells."""
    named, unnamed = set(), False
    for local in rule.get("local") or ():
        group = local.get("group") or {}
        name, domain = group.get("name"), (group.get("domain") or {}).get("name")
        if isinstance(name, str) and isinstance(domain, str) and not FIELD.search(name + domain):
            named.add((plain(domain), plain(name)))
        elif group:
            unnamed = True
        unnamed = unnamed or bool(local.keys() & {"groups", "group_ids"})
    return named, unnamed


def folded(key: Key) -> Key:
    """Keystone on MariaDB finds names in any case."""
    return tuple(part.casefold() for part in key)


def plain(text: str) -> str:
    """A text of ``local`` as Keystone reads it, where it holds no field."""
    return text.replace("{{", "{").replace("}}", "}")
