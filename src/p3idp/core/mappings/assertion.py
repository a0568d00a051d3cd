"""Claims as Keystone sees them: the environment that mod_auth_openidc makes of them. Owns that reading."""

from collections.abc import Mapping

from p3idp.core.mappings.compile import CLAIM_PREFIX, attribute
from p3idp.core.policy.claims import texts

# OIDCClaimDelimiter of the generated configuration; Keystone splits at the same sign.
DELIMITER = ";"
# Where OIDCClaimPrefix is left as it comes.
_STOCK_PREFIX = "OIDC_CLAIM_"
_HEADER = "HTTP_OIDC_"


def assertion(claims: Mapping[str, object]) -> dict[str, str]:
    """The environment keys and values of a login with these claims; a list becomes one text.

    Claims that are neither text nor a list of texts are left out: no rule of ours asks for one. Raises ClaimsInvalid
    where a claim is too long.
    """
    return {
        attribute(name): DELIMITER.join(texts(claims, name))
        for name, value in claims.items()
        if isinstance(value, str) or (isinstance(value, list) and all(isinstance(item, str) for item in value))
    }


def attributes(claim: str) -> tuple[str, ...]:
    """All keys under which Keystone may see a claim: as set by the module, and as the header of the same name."""
    header = claim.upper().replace("-", "_")
    return attribute(claim), _STOCK_PREFIX + claim, _HEADER + header, _HEADER + "CLAIM_" + header


def is_of_claim(key: str) -> bool:
    """Whether some claim may become this key."""
    return key.startswith((CLAIM_PREFIX, _STOCK_PREFIX, _HEADER))
