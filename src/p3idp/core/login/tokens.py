"""Names that carry trust: a token as it came, what it claims, and what has been verified.

Only a verifier makes VerifiedClaims; a test holds that line.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NewType

from p3idp.core.policy.names import ProviderId
from p3idp.core.secret import Secret

RawToken = NewType("RawToken", Secret[str])
UnverifiedClaims = NewType("UnverifiedClaims", Mapping[str, object])


@dataclass(frozen=True, slots=True)
class VerifiedClaims:
    """What a provider said of a person, verified: signature, issuer, audience or client, type and times.

    ``subject`` is the value of the claim the policy names as the subject (not always ``sub``); ``client`` the
    client that the token was issued to (azp, else client_id); ``entitlements`` and ``assurance`` come from
    introspection or userinfo, all aliases together, sorted; ``expires_at`` is the source token's end.
    ``shown`` holds the claims a person may be shown about themselves. ``by_claim``: the entitlements by the alias that
    held them, all aliases sorted by name.
    """

    provider: ProviderId
    issuer: str
    subject: str
    client: str
    issued_at: datetime
    expires_at: datetime
    entitlements: tuple[str, ...]
    assurance: tuple[str, ...]
    scopes: tuple[str, ...]
    display_name: str
    shown: Mapping[str, object]
    by_claim: tuple[tuple[str, tuple[str, ...]], ...] = ()
