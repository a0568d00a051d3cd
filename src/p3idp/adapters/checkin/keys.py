"""A provider's signing keys on the server: the published set as keys that verify.

Owns the reading of a JWKS (RFC 7517) and the check of a signature with joserfc; which keys are fit, and which may have
signed, is core/login/signing_key.py's, and fetching is provider.py's.
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
from p3idp.core.login.signing_key import MAX_KEYS, PublishedKey, check_rsa, read_key
from p3idp.errors.login import ProviderUnreachable

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One key that is fit for use."""

    published: PublishedKey
    key: RSAKey | ECKey

    @property
    def id(self) -> str | None:
        """Its ``kid``, where it has one."""
        return self.published.id


def fit_keys(document: Mapping[str, object]) -> tuple[SigningKey, ...]:
    """The usable keys of a JWKS; the others are left out with a warning. Raises ProviderUnreachable for none."""
    listed = document.get("keys")
    if not isinstance(listed, list) or len(listed) > MAX_KEYS:
        raise ProviderUnreachable("The identity provider publishes no key set that can be read.")
    found = []
    for jwk in listed:
        try:
            published = read_key(jwk)
            found.append(SigningKey(published, _imported(published)))
        except (ValueError, TypeError, KeyError, JoseError) as exc:
            # repr: what the provider writes must not break a line of the log
            named = repr(jwk.get("kid"))[:80] if isinstance(jwk, dict) else "?"
            log.warning("key %s of the provider is ignored: %s", named, str(exc)[:120])
    if not found:
        raise ProviderUnreachable("The identity provider publishes no key that is fit for use.")
    return tuple(found)


def _imported(published: PublishedKey) -> RSAKey | ECKey:
    if published.family == "EC":
        return ECKey.import_key(dict(published.parts))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SecurityWarning)  # we refuse small keys ourselves, in the next lines
        key = RSAKey.import_key(dict(published.parts))
    check_rsa(key.public_key.key_size, key.public_key.public_numbers().e)
    return key


def candidates(keys: tuple[SigningKey, ...], token: UnverifiedToken) -> tuple[SigningKey, ...]:
    """The keys that may have signed."""
    return tuple(key for key in keys if key.published.may_have_signed(token))


def signed_by(token: UnverifiedToken, key: SigningKey) -> bool:
    """Whether this key made the token's signature with the algorithm the header names, one of ours."""
    registry = jws.JWSRegistry(algorithms=list(LIMITS.algorithms), strict_check_header=False)
    registry.max_header_length, registry.max_signature_length = LIMITS.header_size, 2048
    try:
        jws.deserialize_compact(token.raw.reveal(), key.key, registry=registry)
    except (JoseError, ValueError):
        return False
    return True
