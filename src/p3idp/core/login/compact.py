"""Take a compact JWS apart (RFC 7515 section 3.1) before anything in it is believed.

Owns the form: sizes first, then three parts, canonical base64url, strict JSON. What header and claims may say is
rules.py; the signature is the adapter's matter.
"""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from p3idp.core.login.limits import LIMITS, Limits
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.core.login.tokens import RawToken, UnverifiedClaims

_PARTS = re.compile(r"[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*)*", re.ASCII)


@dataclass(frozen=True, slots=True)
class UnverifiedToken:
    """A token taken apart. Header and claims are what the bearer says, until a signature speaks for them."""

    raw: RawToken
    header: Mapping[str, object]
    claims: UnverifiedClaims

    @property
    def algorithm(self) -> str:
        """The header's ``alg`` where it is text, else empty (which no rule accepts)."""
        value = self.header.get("alg")
        return value if isinstance(value, str) else ""

    @property
    def key_id(self) -> str | None:
        """The header's ``kid``; rules.py refuses one that is not text."""
        value = self.header.get("kid")
        return value if isinstance(value, str) else None

    @property
    def issuer(self) -> str | None:
        """The claim ``iss`` where it is text: good for choosing whose rules apply, and for nothing else."""
        value = self.claims.get("iss")
        return value if isinstance(value, str) else None


def take_apart(raw: RawToken, limits: Limits = LIMITS) -> UnverifiedToken | Refusal:
    """Read header and claims of a compact JWS without believing them."""
    text = raw.reveal()
    if len(text) > limits.token_size:
        return Refusal(Reason.TOO_LONG, f"The token is longer than {limits.token_size} characters.")
    if (wrong := _wrong_form(text)) is not None:
        return wrong
    header, payload, signature = text.split(".")
    if len(header) > limits.header_size:
        return Refusal(Reason.TOO_LONG, f"The token's header is longer than {limits.header_size} characters.")
    decoded = [_decode(part) for part in (header, payload, signature)]
    if None in decoded:
        return Refusal(Reason.ENCODING, "A part of the token is not canonical base64url.")
    try:
        return UnverifiedToken(
            raw,
            header=parse_object(decoded[0] or b"", limits.depth),
            claims=UnverifiedClaims(parse_object(decoded[1] or b"", limits.depth)),
        )
    except NotStrictJson as exc:
        return Refusal(Reason.NOT_JSON, f"Header or claims of the token: {exc}.")


def _wrong_form(text: str) -> Refusal | None:
    dots = text.count(".")
    if not text.isascii() or not _PARTS.fullmatch(text):
        return Refusal(Reason.NOT_COMPACT, "This is not a JWT in compact form.")
    if dots == 4:
        return Refusal(Reason.ENCRYPTED, "The token is encrypted, which was never agreed with the provider.")
    if dots != 2:
        # Refresh tokens and Keystone's own (Fernet) tokens end here.
        return Refusal(Reason.NOT_COMPACT, "This is not a JWT: an access token of the identity provider is needed.")
    return None


def _decode(part: str) -> bytes | None:
    """Decode base64url; None where another text would decode to the same bytes, so that a token has one form."""
    try:
        value = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    except (binascii.Error, ValueError):
        return None
    return value if base64.urlsafe_b64encode(value).rstrip(b"=").decode() == part else None
