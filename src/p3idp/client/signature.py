"""Whether a provider signed an ID token, on this machine. What a token may say is core/login's, and so is which keys
are fit; the light client has joserfc for the arithmetic. Owns that it is done.
"""

import warnings
from collections.abc import Mapping

from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, RSAKey

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.signing_key import MAX_KEYS, PublishedKey, check_rsa, read_key


def check_signature(token: UnverifiedToken, jwks: Mapping[str, object]) -> Refusal | None:
    """Whether one of these published keys (RFC 7517) made the token's signature."""
    listed = jwks.get("keys")
    if isinstance(listed, list) and any(_signed_by(token, jwk) for jwk in listed[:MAX_KEYS]):
        return None
    return Refusal(Reason.SIGNATURE, "None of the identity provider's keys signed the ID token.")


def _signed_by(token: UnverifiedToken, jwk: object) -> bool:
    registry = jws.JWSRegistry(algorithms=list(LIMITS.algorithms), strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = LIMITS.header_size, 2048
    try:
        published = read_key(jwk)
        if not published.may_have_signed(token):
            return False
        jws.deserialize_compact(token.raw.reveal(), _imported(published), registry=registry)
    except (JoseError, ValueError, TypeError):
        return False
    return True


def _imported(published: PublishedKey) -> RSAKey | ECKey:
    if published.family == "EC":
        return ECKey.import_key(dict(published.parts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # the next line refuses small keys
        key = RSAKey.import_key(dict(published.parts))
    check_rsa(key.public_key.key_size, key.public_key.public_numbers().e)
    return key
