"""What pydantic found wrong, in words for whoever wrote the file: which line, and what was meant."""

import difflib
from collections.abc import Iterable, Iterator
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from p3idp.adapters.policy_files.nodes import Document
from p3idp.errors.policy import Place

_WANTED = {
    "string_type": "must be text; put it in quotes if it looks like a number, a date or yes/no",
    "list_type": "must be a list: one item a line, each begun with `- `",
    "dict_type": "must hold keys and values (`key: value`)",
    "model_type": "must hold keys and values (`key: value`)",
    "model_attributes_type": "must hold keys and values (`key: value`)",
    "bool_type": "must be true or false",
    "too_short": "must not be empty",
    "string_too_short": "must not be empty",
    "string_pattern_mismatch": "holds a character, or a space at an end, that does not belong there",
}


def explain(document: Document, model: type[BaseModel], error: ValidationError) -> Iterator[Place]:
    """One place for every mistake, without pydantic's words."""
    for found in error.errors(include_url=False, include_context=True, include_input=False):
        path = tuple(part for part in found["loc"] if part != "[key]")
        yield document.place(path, _message(found, path, model))


def _message(found: Any, path: tuple[str | int, ...], model: type[BaseModel]) -> str:
    kind, name = found["type"], next((part for part in reversed(path) if isinstance(part, str)), "the file")
    if kind == "extra_forbidden":
        known = list(_keys(model, path[:-1]))
        return f"there is no key `{name}` here{meant(name, known) or ': the keys are ' + ', '.join(known)}"
    if kind == "missing":
        return f"`{name}` is missing"
    if kind == "value_error":
        return f"`{name}`: {found['ctx']['error']}"
    if kind == "string_too_long":
        return f"`{name}` is longer than {found['ctx']['max_length']} characters"
    return f"`{name}` {_WANTED.get(kind, 'is not understood: ' + found['msg'])}"


def meant(word: str, known: Iterable[str]) -> str:
    """``; did you mean `…`?`` where one of the known words is near, else nothing."""
    near = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean `{near[0]}`?" if near else ""


def _keys(model: type[BaseModel], path: tuple[str | int, ...]) -> Iterator[str]:
    """The keys that may stand at a path: walk the models along it."""
    here: Any = model
    for part in path:
        here = _inside(here, part)
    section = _section(here)
    if section is not None:
        yield from (field.alias or name for name, field in section.model_fields.items())


def _inside(kind: Any, part: str | int) -> Any:
    section = _section(kind)
    if section is not None:
        return next((f.annotation for n, f in section.model_fields.items() if part in (n, f.alias)), None)
    # list[X] and dict[K, X]: what they hold is their last argument
    return get_args(kind)[-1] if get_args(kind) else None


def _section(kind: Any) -> type[BaseModel] | None:
    options = [kind, *get_args(kind)] if type(None) in get_args(kind) else [kind]
    return next((option for option in options if isinstance(option, type) and issubclass(option, BaseModel)), None)
