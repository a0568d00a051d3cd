"""Environment keys as claims. Owns how the prefixes of mod_auth_openidc are read."""

from collections.abc import Mapping
from typing import NamedTuple

# Longest first. As a header (HTTP_…) a claim's name has lost its case, and a hyphen may have been anything.
_PREFIXES = ("HTTP_OIDC_CLAIM_", "HTTP_OIDC_", "OIDC_CLAIM_", "OIDC-")
OURS = "OIDC-"


class Claim(NamedTuple):
    """A claim by name, and the prefix it was written with; "" for an attribute that is none of OpenID Connect."""

    name: str
    prefix: str

    @property
    def attribute(self) -> str:
        """The key under which p3idp's Apache passes it."""
        return OURS + self.name if self.prefix else self.name


def claim_of(attribute: str) -> Claim:
    """What an environment key stands for."""
    for prefix in _PREFIXES:
        if attribute.startswith(prefix) and len(attribute) > len(prefix):
            name = attribute.removeprefix(prefix)
            return Claim(name.lower() if prefix.startswith("HTTP_") else name, prefix)
    return Claim(attribute, "")


def seen_as(claims: Mapping[str, tuple[str, ...]], attributes: tuple[str, ...]) -> dict[str, str]:
    """Claims as Keystone sees them under these keys."""
    named = ((attribute, claims.get(claim_of(attribute).name)) for attribute in attributes)
    return {attribute: ";".join(values) for attribute, values in named if values is not None}
