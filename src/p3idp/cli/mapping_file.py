"""A Keystone mapping from a file. Owns the forms it may have; what stands in it is judged elsewhere."""

import json
from pathlib import Path
from typing import Any

import click

from p3idp.ops.replay_sides import RawMapping

LARGEST = 64 * 1024 * 1024


def raw_mapping(file: Path, version: str | None = None) -> RawMapping:
    """The rules alone, the object around them, or what Keystone's API sends. Raises UsageError, naming the file."""
    read = read_json(file)
    inner = {"rules": read} if isinstance(read, list) else read.get("mapping", read) if isinstance(read, dict) else None
    if not isinstance(inner, dict) or "rules" not in inner:
        raise click.UsageError(
            f'{file} is no mapping: neither a list of rules, nor {{"rules": …}}, nor {{"mapping": …}}.'
        )
    return RawMapping(str(file), inner["rules"], version or inner.get("schema_version", "1.0"))


def read_json(file: Path) -> Any:
    """What a file holds, read strictly: a name twice or NaN is no JSON. Raises UsageError, naming the file."""
    if file.stat().st_size > LARGEST:
        raise click.UsageError(f"{file} is larger than {LARGEST // 1024 // 1024} MB; that is not read.")
    try:
        return json.loads(file.read_bytes(), object_pairs_hook=_unique, parse_constant=_no_constant)
    except (ValueError, RecursionError) as exc:
        raise click.UsageError(f"{file} is no JSON: {exc}") from exc


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is given twice in one object")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is none")
