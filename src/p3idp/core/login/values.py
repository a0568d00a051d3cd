"""Claims as typed values: texts and lists of texts, bounded, never split and never evaluated. Owns those readings."""

from collections.abc import Mapping

from p3idp.core.login.limits import LIMITS, Limits
from p3idp.core.login.reasons import Reason, Refusal


def texts(claims: Mapping[str, object], name: str, limits: Limits = LIMITS) -> tuple[str, ...]:
    """A claim as a tuple of texts: a single text is one element, a missing claim none. Raises TokenRefused."""
    value = claims.get(name, [])
    listed = value if isinstance(value, list) else [value]
    if len(listed) > limits.values:
        raise Refusal(Reason.TOO_MANY_VALUES, f"The claim {name} has more than {limits.values} values.").as_error()
    found = tuple(text for text in listed if isinstance(text, str))
    if len(found) != len(listed):
        raise Refusal(Reason.CLAIM_TYPE, f"The claim {name} holds something that is not text.").as_error()
    if any(len(text) > limits.value_size for text in found):
        detail = f"The claim {name} has a value of more than {limits.value_size} characters."
        raise Refusal(Reason.VALUE_TOO_LONG, detail).as_error()
    return found


def all_texts(claims: Mapping[str, object], names: tuple[str, ...], limits: Limits = LIMITS) -> tuple[str, ...]:
    """All values of some claims together, sorted, each once. Raises TokenRefused."""
    return tuple(sorted({value for name in names for value in texts(claims, name, limits)}))


def shown_text(claims: Mapping[str, object], names: tuple[str, ...], limits: Limits = LIMITS) -> str:
    """The first of these claims that is fit to be shown to people; empty where none is."""
    for name in names:
        value = claims.get(name)
        if isinstance(value, str) and 0 < len(value) <= limits.name_size and value.isprintable() and value.strip():
            return value
    return ""
