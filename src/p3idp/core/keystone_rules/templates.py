"""The texts of ``local``, filled in as ``str.format`` does. Owns which of its powers are declined.

Python's own ``str.format`` does the work, so that results and errors are Keystone's; a template is read beforehand.
Declined: a width or precision over 1,000, a field within a format specification, attributes other than ``__class__``
and ``__name__`` (what they show is an address in memory), a template over 16,384 characters, a result over a million.
"""

import re
import string
from collections.abc import Callable, Sequence

from p3idp.core.keystone_rules.outcome import fails, refuse

Value = str | list[str]
Render = Callable[[Sequence[Value]], str]
MAX_WIDTH = 1_000
MAX_TEXT = 1_000_000
MAX_TEMPLATE = 16_384
_ALLOWED = frozenset({"__class__", "__name__"})
_KNOWN = frozenset(dir(str)) | frozenset(dir(list))
_WHOLE_FIELD = re.compile(r"\{(\d{1,4})\}", re.ASCII)


class Listed(str):
    """Several values as one text, the way Python prints a list; it remembers them, for whoever would parse it again."""

    members: Sequence[str]

    def __new__(cls, members: Sequence[str]) -> "Listed":
        """The text of ``members``."""
        made = super().__new__(cls, members)
        made.members = members
        return made


def is_constant(text: str) -> bool:
    """Whether nothing in ``text`` is to be filled in."""
    return "{" not in text and "}" not in text


def compile_template(text: str) -> Render:
    """What fills ``text`` in. Calling it may raise Stop."""
    if is_constant(text):
        return lambda _: text
    whole = _WHOLE_FIELD.fullmatch(text)
    if whole:
        return _one_value(int(whole[1]))
    return _formatted(text)


def _one_value(index: int) -> Render:
    def render(values: Sequence[Value]) -> str:
        try:
            value = values[index]
        except IndexError as exc:
            raise fails("DirectMappingError", f"{{{index}}} stands for nothing") from exc
        return value if isinstance(value, str) else Listed(value)

    return render


def _formatted(text: str) -> Render:
    declined, fields = _read(text)

    def render(values: Sequence[Value]) -> str:
        if declined:
            raise refuse(declined)
        if fields * max(map(_size, values), default=0) > MAX_TEXT:
            raise refuse(f"a text of more than {MAX_TEXT} characters")
        try:
            return text.format(*values)
        except IndexError as exc:
            raise fails("DirectMappingError", f"{text!r} has a field that stands for nothing") from exc
        except (KeyError, ValueError, TypeError, AttributeError) as exc:
            raise fails(type(exc).__name__, f"{text!r} cannot be filled in") from exc

    return render


def _size(value: Value) -> int:
    return len(value) if isinstance(value, str) else sum(map(len, value)) + 4 * len(value)


def _read(text: str) -> tuple[str, int]:
    """Why ``text`` is declined (empty where it is not), and how many fields it has."""
    fields = 0
    if len(text) > MAX_TEMPLATE:
        return f"a template of more than {MAX_TEMPLATE} characters", fields
    try:
        for _, name, spec, _ in string.Formatter().parse(text):
            if name is None:
                continue
            fields += 1
            declined = _attributes(name) or _specification(spec or "")
            if declined:
                return declined, fields
    except ValueError:
        pass  # str.format will say so itself, when it gets there
    return "", fields


def _attributes(name: str) -> str:
    path = re.sub(r"\[[^]]*\]?", "", name).split(".")[1:]
    if not path or path[0] not in _KNOWN or all(step in _ALLOWED for step in path):
        return ""
    return f"the attribute {path[0]!r} of a value"


def _specification(spec: str) -> str:
    if "{" in spec or "}" in spec:
        return "a field within a format specification"
    if any(len(number) > 4 or int(number) > MAX_WIDTH for number in re.findall(r"\d+", spec)):
        return f"a width or precision over {MAX_WIDTH}"
    return ""
