"""Which rules Keystone saves. Owns the shape of rules in schemas 1.0, 2.0 and 3.0; judges no content.

What Keystone accepts here can still fail every login; the lint says so, this module must not.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

VERSIONS = ("1.0", "2.0", "3.0")
CONDITIONS = ("any_one_of", "not_any_of", "whitelist", "blacklist")
Problem = tuple[str, str]
_TEXT_OF_USER = ("id", "name", "email")


def problems(rules: Any, version: str) -> Iterator[Problem]:
    """Where and why Keystone would refuse to save ``rules``: (path, message) pairs; none where it saves them."""
    if not isinstance(rules, list):
        yield "rules", "must be a list"
        return
    if not rules:
        yield "rules", "must hold at least one rule"
    for number, rule in enumerate(rules):
        yield from _rule(rule, f"rules[{number}]", version)


def _rule(rule: Any, at: str, version: str) -> Iterator[Problem]:
    yield from _object(rule, at, ("local", "remote"), required=("local", "remote"))
    if not isinstance(rule, dict):
        return
    for number, local in _items(rule, "local"):
        yield from _local(local, f"{at}.local[{number}]", version)
    if rule.get("remote") == []:
        yield f"{at}.remote", "must hold at least one requirement"
    for number, requirement in _items(rule, "remote"):
        yield from _requirement(requirement, f"{at}.remote[{number}]")
    for part in ("local", "remote"):
        if part in rule and not isinstance(rule[part], list):
            yield f"{at}.{part}", "must be a list"


def _requirement(requirement: Any, at: str) -> Iterator[Problem]:
    yield from _object(requirement, at, ("type", "regex", *CONDITIONS), required=("type",))
    if not isinstance(requirement, dict):
        return
    yield from _texts(requirement, at, ("type",))
    conditions = [name for name in CONDITIONS if name in requirement]
    if len(conditions) > 1:
        yield at, f"has {' and '.join(conditions)}; at most one condition is allowed"
    for name in conditions:
        if not isinstance(requirement[name], list):
            yield f"{at}.{name}", "must be a list"
    if "regex" in requirement and not conditions:
        yield f"{at}.regex", "needs a condition beside it"
    if "regex" in requirement and not isinstance(requirement["regex"], bool):
        yield f"{at}.regex", "must be true or false"


def _local(local: Any, at: str, version: str) -> Iterator[Problem]:
    known = ("user", "group", "groups", "group_ids", "domain", "projects")
    yield from _object(local, at, (*known, "projects_json") if version == "3.0" else known)
    if not isinstance(local, dict):
        return
    yield from _texts(local, at, ("groups", "group_ids", "projects_json"))
    if "user" in local:
        yield from _user(local["user"], f"{at}.user")
    if "group" in local:
        yield from _group(local["group"], f"{at}.group")
    if "domain" in local:
        yield from _domain(local["domain"], f"{at}.domain")
    if "projects" in local:
        yield from project_problems(local["projects"], f"{at}.projects", with_domain=version != "1.0")


def _user(user: Any, at: str) -> Iterator[Problem]:
    yield from _object(user, at, (*_TEXT_OF_USER, "domain", "type"))
    if not isinstance(user, dict):
        return
    yield from _texts(user, at, _TEXT_OF_USER)
    if "domain" in user:
        yield from _domain(user["domain"], f"{at}.domain")
    if "type" in user and user["type"] not in ("ephemeral", "local"):
        yield f"{at}.type", "must be 'ephemeral' or 'local'"


def _group(group: Any, at: str) -> Iterator[Problem]:
    if isinstance(group, dict) and "id" in group:
        yield from _object(group, at, ("id",))
        yield from _texts(group, at, ("id",))
        return
    yield from _object(group, at, ("name", "domain"), required=("name", "domain"))
    if isinstance(group, dict):
        yield from _texts(group, at, ("name",))
        yield from _domain(group.get("domain", {}), f"{at}.domain")


def _domain(domain: Any, at: str) -> Iterator[Problem]:
    yield from _object(domain, at, ("id", "name"))
    if isinstance(domain, dict):
        yield from _texts(domain, at, ("id", "name"))


def project_problems(projects: Any, at: str, *, with_domain: bool) -> Iterator[Problem]:
    """The shape of ``projects``; schema 3.0 asks it of a claim's JSON as well."""
    if not isinstance(projects, list):
        yield at, "must be a list"
        return
    known = ("name", "roles", "domain") if with_domain else ("name", "roles")
    for number, project in enumerate(projects):
        here = f"{at}[{number}]"
        yield from _object(project, here, known, required=("name", "roles"))
        if isinstance(project, dict):
            yield from _texts(project, here, ("name",))
            yield from _roles(project.get("roles", []), f"{here}.roles")
            if with_domain and "domain" in project:
                yield from _domain(project["domain"], f"{here}.domain")


def _roles(roles: Any, at: str) -> Iterator[Problem]:
    if not isinstance(roles, list):
        yield at, "must be a list"
        return
    for number, role in enumerate(roles):
        yield from _object(role, f"{at}[{number}]", ("name",), required=("name",))
        if isinstance(role, dict):
            yield from _texts(role, f"{at}[{number}]", ("name",))


def _object(value: Any, at: str, known: Sequence[str], required: Sequence[str] = ()) -> Iterator[Problem]:
    if not isinstance(value, dict):
        yield at, "must be an object"
        return
    for name in value:
        if name not in known:
            yield f"{at}.{name}", "is not known here"
    for name in required:
        if name not in value:
            yield at, f"needs {name!r}"


def _texts(value: Mapping[str, Any], at: str, names: Sequence[str]) -> Iterator[Problem]:
    for name in names:
        if not isinstance(value.get(name, ""), str):
            yield f"{at}.{name}", "must be text"


def _items(rule: Mapping[str, Any], part: str) -> Iterator[tuple[int, Any]]:
    value = rule.get(part)
    yield from enumerate(value if isinstance(value, list) else [])
