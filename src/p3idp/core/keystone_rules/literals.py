"""Texts that Keystone takes apart once more: list literals of Python and ``JSON:`` groups. Owns those readings.

A claim's value can get here, so everything is bounded, and what JSON cannot say (bytes, sets, ``...``) is refused.
"""

import ast
import json
from collections.abc import Sequence
from typing import Any

from p3idp.core.keystone_rules.outcome import Json, Object, fails, refuse
from p3idp.core.keystone_rules.templates import Listed

# A list literal within a claim costs a parse tree: about a microsecond and 300 bytes a character at worst.
MAX_LITERAL = 8_192
_SHORT = 100
_PRINTABLE_BITS = 14_000  # Python prints no integer of more than 4,300 digits
_JSON_MARK = "JSON:"


def listed(text: str) -> list[Json]:
    """The members where ``text`` is a list literal of Python, else the text alone, as Keystone reads it."""
    if isinstance(text, Listed):
        return list(text.members)
    # Without a bracket no list comes out, and nothing so short can exhaust Python's parser.
    if len(text) <= _SHORT and "[" not in text and "{" not in text:
        return [text]
    if len(text) > MAX_LITERAL:
        raise refuse(f"a list literal of {len(text)} characters; at most {MAX_LITERAL} are read")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return [text]
    except (TypeError, RecursionError, MemoryError) as exc:
        raise fails(type(exc).__name__, "a list literal that Python cannot build") from exc
    if not isinstance(value, list):
        return [text]
    if not _is_json(value):
        raise refuse("a list literal with a member that JSON cannot hold")
    return value


def _is_json(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return all(_is_json(member) for member in value)
    if isinstance(value, dict):
        return all(_is_key(key) and _is_json(each) for key, each in value.items())
    if isinstance(value, int):
        return value.bit_length() <= _PRINTABLE_BITS
    return value is None or isinstance(value, str | float)


def _is_key(key: Any) -> bool:
    return not isinstance(key, tuple) and _is_json(key)


def groups_of(local: Object) -> list[Json]:
    """The groups of a ``groups`` text.

    Where the text contains the letters ``name``, Keystone takes it for a list of JSON groups, each with its own
    domain; otherwise for names within the ``domain`` of the same local object.
    """
    text = local["groups"]
    if "name" in text:
        groups = [_group_of_json(member) for member in listed(text)]
        for group in groups:
            _must_have_domain(group)
        return groups
    if "domain" not in local:
        raise _no_domain()
    return [{"name": name, "domain": local["domain"]} for name in listed(text)]


def _group_of_json(member: Json) -> Json:
    if not isinstance(member, str):
        raise fails("AttributeError", f"{type(member).__name__} in a list of groups")
    if not member.startswith(_JSON_MARK):
        return member
    # Not only the mark goes: every leading J, S, O, N and colon does.
    return read_json(member.lstrip(_JSON_MARK))


def read_json(text: str) -> Json:
    """JSON out of a claim."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise fails(type(exc).__name__, "a claim that is not the JSON it is taken for") from exc


def _must_have_domain(group: Json) -> None:
    try:
        found = "domain" in group  # a text that contains the word will do
    except TypeError as exc:
        raise fails("TypeError", "a group that is neither text nor object") from exc
    if not found:
        raise _no_domain()


def _no_domain() -> Exception:
    return fails("ValidationError", "`groups` without `domain`")


def distinct(ids: Sequence[Json], into: set[Json]) -> None:
    """Add group ids to those that are there."""
    try:
        into.update(ids)
    except TypeError as exc:
        raise fails("TypeError", "a group id that is a list or an object") from exc
