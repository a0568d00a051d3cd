"""Whether a provider signed an ID token. Owns the choice of keys on this machine; what a token may say is core/login.

The light client has joserfc for the arithmetic. As on the server, algorithms are ours to name, and small keys are none.
"""

import warnings
from collections.abc import Mapping

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS
from p3idp.core.login.reasons import Reason, Refusal

_MOST_KEYS = 50
_SMALLEST_RSA, _LARGEST_RSA = 2048, 8192
_FAMILY = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


def check_signature(token: UnverifiedToken, jwks: Mapping[str, object]) -> Refusal | None:
    """Whether one of these published keys (RFC 7517) made the token's signature."""
    listed = jwks.get("keys")
    keys = [jwk for jwk in listed if isinstance(jwk, dict)] if isinstance(listed, list) else []
    for jwk in keys[:_MOST_KEYS]:
        if _may_have_signed(jwk, token) and (key := _key(jwk)) is not None and _signed_by(token, key):
            return None
    return Refusal(Reason.SIGNATURE, "None of the identity provider's keys signed the ID token.")


def _may_have_signed(jwk: Mapping[str, object], token: UnverifiedToken) -> bool:
    return (
        (token.key_id is None or jwk.get("kid") == token.key_id)
        and jwk.get("kty") == _FAMILY.get(token.algorithm, "-")
        and jwk.get("alg", token.algorithm) == token.algorithm
        and jwk.get("use", "sig") == "sig"
    )


def _key(jwk: Mapping[str, object]) -> RSAKey | ECKey | None:
    """The key, where it is fit for use."""
    try:
        if jwk.get("kty") == "EC":
            return ECKey.import_key(_parts(jwk, "x", "y", "crv")) if jwk.get("crv") == "P-256" else None
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SecurityWarning)  # the next lines refuse small keys
            key = RSAKey.import_key(_parts(jwk, "n", "e"))
        public = key.public_key
        fit = _SMALLEST_RSA <= public.key_size <= _LARGEST_RSA and public.public_numbers().e >= 65537
        return key if fit else None
    except (JoseError, ValueError, TypeError):
        return None


def _parts(jwk: Mapping[str, object], *names: str) -> dict[str, str | list[str]]:
    return {name: str(jwk.get(name, "")) for name in ("kty", *names)}


def _signed_by(token: UnverifiedToken, key: RSAKey | ECKey) -> bool:
    registry = jws.JWSRegistry(algorithms=list(LIMITS.algorithms), strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = LIMITS.header_size, 2048
    try:
        jws.deserialize_compact(token.raw.reveal(), key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True
