"""A provider's signing keys: which of the published ones are fit for use, and which may have signed a token.

Owns the vetting of a JWKS (RFC 7517) and the check of a signature with joserfc; fetching is provider.py.
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS
from p3idp.errors.login import ProviderUnreachable

log = logging.getLogger(__name__)
MAX_KEYS = 50
RSA_BITS = (2048, 8192)
_FAMILY = {"RS256": "RSA", "PS256": "RSA", "ES256": "EC"}


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key that is fit for use; ``algorithm`` where the provider bound it to one."""

    id: str | None
    family: str
    algorithm: str | None
    key: RSAKey | ECKey


def fit_keys(document: Mapping[str, object]) -> tuple[SigningKey, ...]:
    """The usable keys of a JWKS; the others are left out with a warning. Raises ProviderUnreachable for none."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ProviderUnreachable("The identity provider publishes no key set that can be read.")
    found = []
    for jwk in listed:
        try:
            found.append(_vet(jwk))
        except (ValueError, TypeError, KeyError, JoseError) as exc:
            # repr: what the provider writes must not break a line of the log
            named = repr(jwk.get("kid"))[:80] if isinstance(jwk, dict) else "?"
            log.warning("key %s of the provider is ignored: %s", named, str(exc)[:120])
    if not found:
        raise ProviderUnreachable("The identity provider publishes no key that is fit for use.")
    return tuple(found)


def _vet(jwk: object) -> SigningKey:
    if not isinstance(jwk, dict):
        raise ValueError("not an object")
    kid, alg = jwk.get("kid"), jwk.get("alg")
    if jwk.get("use", "sig") != "sig" or "verify" not in jwk.get("key_ops", ["verify"]):
        raise ValueError("not meant for signatures")
    if not isinstance(kid, str | None) or (alg is not None and alg not in LIMITS.algorithms):
        raise ValueError("odd key id, or an algorithm that is not ours")
    if "d" in jwk:
        raise ValueError("its private half is published")
    family = jwk.get("kty")
    if family == "RSA":
        return SigningKey(kid, "RSA", alg, _rsa(jwk))
    if family == "EC" and jwk.get("crv") == "P-256":
        return SigningKey(
            kid, "EC", alg, ECKey.import_key({name: _text(jwk, name) for name in ("kty", "crv", "x", "y")})
        )
    raise ValueError("neither RSA nor P-256")


def _rsa(jwk: Mapping[str, object]) -> RSAKey:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # we refuse small keys ourselves, in the next lines
        key = RSAKey.import_key({name: _text(jwk, name) for name in ("kty", "n", "e")})
    public = key.public_key
    if not RSA_BITS[0] <= public.key_size <= RSA_BITS[1]:
        raise ValueError(f"RSA of {public.key_size} bits")
    if public.public_numbers().e < 65537:
        raise ValueError("RSA with a small exponent")
    return key


def _text(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    if not isinstance(value, str) or len(value) > 2048:
        raise ValueError(f"{name} is missing or odd")
    return value


def candidates(keys: tuple[SigningKey, ...], token: UnverifiedToken) -> tuple[SigningKey, ...]:
    """The keys that may have signed: of this ``kid`` where the token names one, else all of its algorithm."""
    alg = token.algorithm
    return tuple(
        key
        for key in keys
        if (token.key_id is None or key.id == token.key_id)
        and key.family == _FAMILY.get(alg)
        and key.algorithm in (None, alg)
    )


def signed_by(token: UnverifiedToken, key: SigningKey) -> bool:
    """Whether this key made the token's signature with the algorithm the header names, one of ours."""
    registry = jws.JWSRegistry(algorithms=list(LIMITS.algorithms), strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = LIMITS.header_size, 2048
    try:
        jws.deserialize_compact(token.raw.reveal(), key.key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True
