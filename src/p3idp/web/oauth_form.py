"""The form that OAuth's endpoints take (RFC 6749 section 3.2). Owns its bounds and how it is read."""

from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from flask import request

from p3idp.errors.exchange import ExchangeError, MethodNotTaken

METHODS = ("POST", "GET", "PUT", "PATCH", "DELETE")  # all are heard, so that each is refused in OAuth's form
FORM = "application/x-www-form-urlencoded"
MOST_BYTES = 64 * 1024  # the largest honest body is a form with one token in it
MOST_PARAMETERS = 50
_LONGEST = 16_384
Form = Sequence[tuple[str, str]]


def oauth_form() -> Form:
    """The form's parameters with their repetitions. Raises ExchangeError."""
    if request.method != "POST":
        raise MethodNotTaken("The token endpoint takes POST only: a token does not belong into an address.")
    if request.query_string:
        raise ExchangeError("Parameters go into the body; an address ends up in logs.")
    if request.mimetype != FORM:
        raise ExchangeError(f"The body must be {FORM}.")
    if request.content_length is None or request.content_length > MOST_BYTES:
        raise ExchangeError(f"The body must say its length, and be no longer than {MOST_BYTES} bytes.")
    try:
        body = request.get_data(cache=False).decode("ascii")
        return parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body), encoding="utf-8", errors="strict",
                         max_num_fields=MOST_PARAMETERS)  # fmt: skip
    except ValueError as exc:
        raise ExchangeError("The body is not a form in UTF-8, or has too many fields.") from exc


def fields(form: Form, *needed: str) -> Mapping[str, str]:
    """The parameters of a form in which each stands once; those ``needed`` have a value. Raises ExchangeError."""
    doubled = sorted(name for name, times in Counter(name for name, _ in form).items() if times > 1)
    if doubled:
        raise ExchangeError("A parameter stands in the form twice.")
    given = dict(form)
    missing = [name for name in needed if not given.get(name)]
    if missing:
        raise ExchangeError(f"The form lacks {', '.join(missing)}.")
    if any(len(text) > _LONGEST or not text.isascii() or not text.isprintable() for text in given.values()):
        raise ExchangeError("A parameter is too long, or holds characters that none has.")
    return given
