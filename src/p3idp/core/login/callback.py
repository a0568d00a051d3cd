"""What a provider's answer at the callback must be to be looked at. Owns the checks before the code is redeemed.

Nothing here calls anyone: a callback that fails makes no token call (RFC 9700 section 4.7, RFC 9207 section 2.4).
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from p3idp.errors.login import SignInRefused

_SINGLE = ("state", "code", "iss", "error", "error_description", "error_uri", "session_state")
_MAX_LENGTH = 4096


@dataclass(frozen=True, slots=True)
class Callback:
    """The parameters of an authorization response (RFC 6749 section 4.1.2, RFC 9207), each at most once."""

    state: str
    code: str = ""
    error: str = ""
    issuer: str | None = None


def read_callback(parameters: Sequence[tuple[str, str]]) -> Callback:
    """Parse the query. Raises SignInRefused where a parameter is repeated, oversized, or contradicts another."""
    found: dict[str, str] = {}
    for name, value in parameters:
        if name in _SINGLE and name in found:
            raise SignInRefused("repeated-parameter", f"The answer of the identity provider says “{name}” twice.")
        if len(value) > _MAX_LENGTH:
            raise SignInRefused("oversized-parameter", "The answer of the identity provider is too long.")
        found[name] = value
    if bool(found.get("code")) == bool(found.get("error")):
        raise SignInRefused("code-or-error", "The answer of the identity provider is neither a success nor a refusal.")
    return Callback(found.get("state", ""), found.get("code", ""), found.get("error", ""), found.get("iss"))


def check_state(callback: Callback, expected: str) -> None:
    """Compare the state in constant time. Raises SignInRefused."""
    if not expected or not hmac.compare_digest(callback.state.encode(), expected.encode()):
        raise SignInRefused("state", "This answer does not belong to a sign-in that this browser began.")


def check_issuer(callback: Callback, issuer: str, *, always_named: bool) -> None:
    """Compare the issuer to the letter (RFC 9207 section 2.4). Raises SignInRefused."""
    if callback.issuer is None and always_named:
        raise SignInRefused("issuer-missing", "The answer does not say which identity provider it comes from.")
    if callback.issuer is not None and callback.issuer != issuer:
        raise SignInRefused("issuer", "The answer comes from another identity provider than the one asked.")
