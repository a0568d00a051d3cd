"""Claims as Keystone sees them: the environment that mod_auth_openidc makes of them. Owns that reading."""

from collections.abc import Mapping

from p3idp.core.mappings.compile import attribute
from p3idp.core.policy.claims import texts

# OIDCClaimDelimiter of the generated configuration; Keystone splits at the same sign.
DELIMITER = ";"


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
