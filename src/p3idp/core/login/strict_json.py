"""Read JSON that somebody else wrote. Owns what p3idp takes for JSON: one object, no tricks, bounded depth."""

import json
import math

# So much of a name is told.
_NAME = 60


class NotStrictJson(ValueError):
    """The text is not JSON, or is JSON that two readers could understand differently."""


def parse_object(text: bytes, depth: int) -> dict[str, object]:
    """Parse one JSON object of at most ``depth`` levels.

    Refuses what RFC 8259 section 4 leaves open or Python adds: names given twice, NaN and Infinity, numbers
    that overflow, half surrogates, any encoding but UTF-8. The caller bounds the size. Raises NotStrictJson.
    """
    try:
        value = _DECODER.decode(text.decode("utf-8"))
        # Without escapes no half surrogate can be made, and nothing nests deeper than there are brackets.
        if b"\\" in text or text.count(b"{") + text.count(b"[") > depth:
            _walk(value, depth)
    except NotStrictJson:
        raise
    except (ValueError, RecursionError) as exc:
        raise NotStrictJson("not JSON") from exc
    if not isinstance(value, dict):
        raise NotStrictJson("not a JSON object")
    return value


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        for name, _ in pairs:  # each name leaves with its first pair
            if found.pop(name, pairs) is pairs:
                raise NotStrictJson(f"the name {name[:_NAME]!r} is given twice")
    return found


def _no_constant(name: str) -> object:
    raise NotStrictJson("NaN and Infinity are not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise NotStrictJson("a number is out of range")
    return number


def _walk(value: object, depth: int) -> None:
    if isinstance(value, str):
        value.encode("utf-8")  # half a surrogate pair raises UnicodeEncodeError, a ValueError
    elif isinstance(value, dict | list):
        if depth == 0:
            raise NotStrictJson("nested too deeply")
        for part in value.values() if isinstance(value, dict) else value:
            _walk(part, depth - 1)


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
