"""A provider's published signing key (RFC 7517), by what its JSON says. Owns which are fit, and which may have signed.

The server and the light client choose alike here; importing a key and the arithmetic are a library's, which core has
none of.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS

MAX_KEYS = 50
_FAMILY = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}
_NUMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_RSA_BITS = (2048, 8192)
_SMALLEST_EXPONENT = 65537
_LONGEST_NUMBER = 2048


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key that is fit by its JSON. ``algorithm``: where the provider bound it to one. ``parts``: its public half."""

    id: str | None
    family: str
    algorithm: str | None
    parts: Mapping[str, str]

    def may_have_signed(self, token: UnverifiedToken) -> bool:
        """Whether it is of this ``kid``, where the token names one, and of its algorithm."""
        return (
            (token.key_id is None or self.id == token.key_id)
            and self.family == _FAMILY.get(token.algorithm)
            and self.algorithm in (None, token.algorithm)
        )


def read_key(jwk: object) -> PublishedKey:
    """One key of a JWKS. Raises ValueError, saying why it is not fit."""
    if not isinstance(jwk, dict):
        raise ValueError("not an object")
    kid, alg, family = jwk.get("kid"), jwk.get("alg"), jwk.get("kty")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise ValueError("not meant for signatures")
    if not isinstance(kid, str | None) or (alg is not None and alg not in LIMITS.algorithms):
        raise ValueError("odd key id, or an algorithm that is not ours")
    if "d" in jwk:
        raise ValueError("its private half is published")
    if family != "RSA" and (family != "EC" or jwk.get("crv") != "P-256"):
        raise ValueError("neither RSA nor P-256")
    return PublishedKey(kid, family, alg, {"kty": family} | {name: _text(jwk, name) for name in _NUMBERS[family]})


def check_rsa(bits: int, exponent: int) -> None:
    """Raises ValueError for a key that is too small, too large to be honest, or of a small exponent."""
    if not _RSA_BITS[0] <= bits <= _RSA_BITS[1]:
        raise ValueError(f"RSA of {bits} bits")
    if exponent < _SMALLEST_EXPONENT:
        raise ValueError("RSA with a small exponent")


def _text(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or len(value) > _LONGEST_NUMBER:
        raise ValueError(f"{name} is missing or odd")
    return value
