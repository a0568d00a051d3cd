"""What may not be logged. Owns the names, the forms and the known values of secrets, and what stands in their place."""

import re
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any

MASK = "[redacted]"
_SHORTEST_KNOWN = 6  # shorter values would tear ordinary words apart; such a password is no secret anyway

_SECRET_KEYS = re.compile(
    r"(?i)^(code|state|nonce)$|(^|[_.\-])(authorization|cookie|passw(or)?d|passphrase|secret|token|verifier"
    r"|session[_-]?id|credential|assertion|(api|private|cookie)[_-]?key)$"
)
_PARAMETERS = (
    r"code|state|nonce|code_verifier|client_secret|client_assertion|password|passwd|passphrase|secret|api_key"
    r"|(?:access_|refresh_|id_|subject_|actor_|csrf_)?token|assertion|device_code|user_code|cookie_key|session_id"
)
_FORMS: tuple[tuple[re.Pattern[str], str], ...] = (
    # A JWT or JWE in compact form: its header is JSON, so it begins with the base64 of '{"'.
    (re.compile(r"eyJ[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*){1,4}"), MASK),
    # A Fernet token, Keystone's included: version byte 0x80, then a time whose first bytes are zero until 2106.
    (re.compile(r"gAAAA[A-Za-z0-9_=-]{12,}"), MASK),
    (re.compile(r"(?i)\b(bearer|basic|dpop)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {MASK}"),
    (
        re.compile(r"(?i)\b((?:set-)?cookie|authorization|x-(?:auth|subject)-token)(['\"]?\s*[:=]\s*)[^\r\n]+"),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"(__(?:Host|Secure)-p3idp[\w-]*=)[^;,\s]+"), rf"\1{MASK}"),
    # In a query string, a form or a Python or JSON rendering of one.
    (re.compile(rf"(?i)(?<![\w-])(['\"]?(?:{_PARAMETERS})['\"]?\s*[=:]\s*['\"]?)[^&\s'\",;}})\]]+"), rf"\1{MASK}"),
    (re.compile(r"(\w+://[^/\s:@]+:)[^/\s@]+(@)"), rf"\1{MASK}\2"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.S), MASK),
    # Long random text of the URL-safe alphabet: session ids, codes, keys. Digests in hex and UUIDs stay readable.
    (re.compile(r"(?<![\w-])(?=[\w-]*[A-Z])(?=[\w-]*[a-z])(?=[\w-]*[0-9])[A-Za-z0-9_-]{40,}={0,2}"), MASK),
)


class Redactor:
    """A structlog processor that takes secrets out of an event: by key, by form, and by known value."""

    def __init__(self, known: Iterable[str] = ()) -> None:
        self._known = tuple(sorted({value for value in known if len(value) >= _SHORTEST_KNOWN}, key=len, reverse=True))

    def __call__(self, _logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        """Return the event without its secrets."""
        return {key: self._value(key, value) for key, value in event.items()}

    def text(self, text: str) -> str:
        """Return the text without its secrets."""
        for value in self._known:
            text = text.replace(value, MASK)
        for form, instead in _FORMS:
            text = form.sub(instead, text)
        return text

    def _value(self, key: object, value: Any) -> Any:
        if isinstance(key, str) and _SECRET_KEYS.search(key) and isinstance(value, str | bytes | list | tuple | dict):
            return MASK
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self._value("", name): self._value(name, inner) for name, inner in value.items()}
        if isinstance(value, list | tuple | set | frozenset):
            return [self._value("", inner) for inner in value]
        if value is None or isinstance(value, bool | int | float):
            return value
        return self.text(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value))
