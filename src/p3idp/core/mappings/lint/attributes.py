"""What the names of attributes say: who is meant, who asks, and what a login holds there. Owns that knowledge."""

import re

_PREFIX = re.compile(r"^(HTTP_OIDC_|OIDC_CLAIM_|HTTP_|OIDC-|OIDC_|MELLON_)", re.IGNORECASE)
SUBJECTS = frozenset(
    {
        *("sub", "voperson_id", "subject", "remote_user", "eduperson_unique_id", "eduperson_principal_name", "eppn"),
        *("persistent-id", "subject-id", "pairwise-id", "oid", "uid", "user_id", "username"),
    }
)
# What people choose for themselves, or share, or hand on.
REASSIGNABLE = frozenset(
    {
        *("email", "mail", "name", "displayname", "display_name", "cn", "nickname", "preferred_username"),
        *("given_name", "family_name", "givenname", "firstname", "lastname", "sn"),
    }
)
ISSUERS = frozenset({"iss", "issuer", "shib-identity-provider", "idp"})
# Said of the login, not of the person: to ask for one of these is to ask everybody.
COMMON = ISSUERS | {"azp", "client_id", "aud"}
_VALUES = {"iss": "https://idp.example.org", "azp": "a-client", "client_id": "a-client", "aud": "a-client"}


def plain(attribute: str) -> str:
    """An attribute's name without what Apache puts before it, in lower case."""
    return _PREFIX.sub("", attribute).lower()


def usual_value(attribute: str) -> str:
    """What a login may hold there."""
    name = plain(attribute)
    if name in _VALUES:
        return _VALUES[name]
    if name in SUBJECTS:
        return "3f2a@example.org" if name == "sub" else f"{name}-3f2a@example.org"
    if name in REASSIGNABLE:
        return "alice@example.org" if "mail" in name else "Alice"
    if "entitlement" in name:
        return "urn:mace:example.org:group:example:role=member"
    return "somebody"
