"""keystone/<identity provider>.json: rules for Keystone alone. Owns what of them a policy directory may hold.

They reach Keystone unchanged, after the compiled ones. What would end a login in an error is refused here; what they
open is for the plan's findings to say.
"""

from collections.abc import Iterator
from typing import Any

from p3idp.adapters.policy_files.nodes import MAX_BYTES
from p3idp.core.keystone_rules.schema import problems
from p3idp.core.mappings.compile import SCHEMA_VERSION
from p3idp.core.mappings.json_lines import JsonMistaken, LocatedJson, Path, read_json_lines
from p3idp.core.mappings.unsafe import unsafe
from p3idp.core.policy.model import ProviderId, VerbatimRules
from p3idp.errors.policy import Place


def read_verbatim(file: str, provider: str, raw: bytes) -> VerbatimRules | tuple[Place, ...]:
    """The rules of one file, or every mistake in it."""
    if len(raw) > MAX_BYTES:
        return ((file, 1, f"the file is larger than {MAX_BYTES // 1024} kB"),)
    try:
        read = read_json_lines(raw)
    except JsonMistaken as exc:
        return ((file, exc.line, f"not JSON: {exc.message}"),)
    data, above = _unwrapped(read.data)
    mistakes = [_placed(file, read, above, path, message) for path, message in _shape(data)]
    if mistakes:
        return tuple(mistakes)
    rules = data["rules"]
    at: Path = (*above, "rules")
    mistakes = [
        (file, read.line((*at, number)), f"rule {number}: {told}")
        for number, rule in enumerate(rules)
        for told in unsafe(rule)
    ]
    lines = tuple(read.line((*at, number)) for number in range(len(rules)))
    return tuple(mistakes) or VerbatimRules(ProviderId(provider), tuple(rules), file, lines)


def _unwrapped(data: Any) -> tuple[Any, Path]:
    """The object with ``rules``; Keystone's API puts it into one called ``mapping``."""
    if isinstance(data, dict) and set(data) == {"mapping"}:
        return data["mapping"], ("mapping",)
    return data, ()


def _shape(data: Any) -> Iterator[tuple[Path, str]]:
    if not isinstance(data, dict) or "rules" not in data:
        yield (), 'must be an object with the member `rules`: {"rules": […]}'
        return
    for name in data:
        if name not in ("rules", "schema_version", "id", "links"):
            yield (name,), f"`{name}` is not known here"
    version = data.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        yield ("schema_version",), f"is {version!r}; p3idp writes mappings of schema {SCHEMA_VERSION} only"
    for where, message in problems(data["rules"], SCHEMA_VERSION):
        yield _path(where), f"{where} {message}; Keystone would refuse it"


def _path(where: str) -> Path:
    """``rules[1].remote[0].type`` as a path."""
    parts = where.replace("[", ".").replace("]", "").split(".")
    return tuple(int(part) if part.isdecimal() else part for part in parts)


def _placed(file: str, read: LocatedJson, above: Path, path: Path, message: str) -> Place:
    return file, read.line((*above, *path)), message
