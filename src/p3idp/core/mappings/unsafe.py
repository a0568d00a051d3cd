"""What in a rule of schema 2.0 ends logins in an error, however good it looks. Owns what no p3idp mapping may hold."""

from collections.abc import Iterator, Mapping
from string import Formatter
from typing import Any

Rule = Mapping[str, Any]


def unsafe(rule: Rule) -> Iterator[str]:
    """Why a login by this rule fails: nobody named, no domain for whoever is, a field that stands for nothing."""
    user = next((local["user"] for local in rule["local"] if local.get("user")), None)
    if user is None or not (user.get("id") or user.get("name")):
        yield "names nobody: without a `user` Keystone takes whatever the web server calls the person"
    elif not user.get("domain"):
        yield "its `user` has no `domain`, so Keystone answers logins by this rule with an error"
    counted = sum(not {"any_one_of", "not_any_of"} & set(entry) for entry in rule["remote"])
    for text in _texts(rule["local"]):
        yield from _broken_fields(text, counted)


def _broken_fields(text: str, counted: int) -> Iterator[str]:
    try:
        names = [name for _, name, _, _ in Formatter().parse(text) if name is not None]
    except ValueError as exc:
        yield f"`{text}` cannot be filled in ({exc}), and everybody's login by this rule fails"
        return
    for name in names:
        if not (name.isdecimal() and name.isascii() and int(name) < counted):
            yield f"`{text}` asks for {{{name}}}, but the rule's `remote` hands on {counted} values, counted from 0"


def _texts(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    for member in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _texts(member)
