"""JSON as commands print it. Owns that it steers no terminal: strangers' names stand in it."""

import json
import re

_UNUSUAL = re.compile(r"[^\n -~]")


def as_json_text(value: object, *, indent: int | None = None) -> str:
    """The value in one form, names in order; what no terminal should see is escaped, letters of all scripts are not."""
    return escaped(json.dumps(value, ensure_ascii=False, indent=indent, sort_keys=True))


def escaped(text: str) -> str:
    """JSON text with what is not printable as \\uXXXX: the same value to whoever reads it. Line ends stay."""
    return _UNUSUAL.sub(lambda found: found[0] if found[0].isprintable() else json.dumps(found[0])[1:-1], text)
