"""What ops need to ask about somebody who is away: a refresh token they consented to, and the provider's fresh word.

Reading, keeping and asking are separate. A provider that rotates refresh tokens ends the whole consent when an old one
comes back (RFC 6749 section 10.4), so one process at a time uses a person's token, and the new one is durable before
anything is done with what came along.
"""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.core.secret import Secret


@dataclass(frozen=True, slots=True)
class OfflineAccess:
    """Somebody's consent to be asked about while away (scope ``offline_access``, OIDC Core 11).

    ``consented_at``: when they said so in the browser. ``asked_at``: when the provider last answered for them.
    """

    provider: ProviderId
    issuer: str
    subject: str
    refresh_token: Secret[str]
    consented_at: datetime
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The provider's word of now; the next refresh token is kept already, and nobody else's business."""

    claims: VerifiedClaims
    access_token: RawToken


@dataclass(frozen=True, slots=True)
class Consents:
    """Every consent that is kept, sorted. ``unreadable``: rows that no key of the settings opens."""

    kept: tuple[OfflineAccess, ...] = ()
    unreadable: int = 0


class OfflineReader(Protocol):
    """Lists consents, and can do nothing else."""

    def consents(self, now: datetime) -> Consents:
        """All that live at ``now``. Raises LedgerUnavailable."""
        ...


class OfflineStore(OfflineReader, Protocol):
    """Keeps consents, sealed."""

    def keep(self, access: OfflineAccess) -> None:
        """Keep it, durably, in the place of what was kept of this person at this provider. Raises LedgerUnavailable."""
        ...

    def newest(self, provider: ProviderId, subject: str, now: datetime) -> OfflineAccess | None:
        """What is kept of this person. Raises LedgerUnavailable."""
        ...

    def replace(self, old: OfflineAccess, new: OfflineAccess | None) -> bool:
        """Put ``new`` (None: nothing) durably in the place of exactly ``old``. Raises LedgerUnavailable.

        False, and nothing changes, where ``old`` is not what is kept any more: whoever stopped or consented anew while
        the provider was asked is not overruled.
        """
        ...

    def end(self, provider: ProviderId, subject: str) -> bool:
        """Forget it; False where nothing was kept. Raises LedgerUnavailable."""
        ...

    def alone(self, provider: ProviderId, subject: str) -> AbstractContextManager[bool]:
        """Whether this process may use the person's token while the block runs; False, at once, where another one does.

        Raises CoordinationUnavailable.
        """
        ...


@dataclass(frozen=True, slots=True)
class Traded:
    """What a provider gave for a refresh token, not yet believed: only that the old one is spent is certain.

    ``refresh_token``: the next one, where the provider rotates; else the same.
    """

    access_token: RawToken
    id_token: RawToken | None
    refresh_token: Secret[str]


class Refresher(Protocol):
    """Asks providers with refresh tokens. Trading and believing are two steps: in between the new one is kept."""

    def trade(self, access: OfflineAccess) -> Traded:
        """Trade the refresh token (RFC 6749 section 6), once.

        Raises ConsentEnded where the provider does not honour it any more (``invalid_grant``); TokenRefused where its
        answer is none or the policy does not name the issuer; ProviderUnreachable, ProviderUntrusted,
        ProviderRefusedClient where it cannot be asked: those say nothing about the person.
        """
        ...

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        """Verify what came back as a fresh sign-in is (OIDC Core 12.2); it must be about the person who consented.

        Raises TokenRefused (``sub-differs`` where it is about somebody else), and as ``trade`` where the provider
        cannot be asked about the new token.
        """
        ...

    def revoke(self, access: OfflineAccess) -> bool:
        """End it at the provider (RFC 7009); False where the provider does not offer that.

        Raises TokenRefused where the policy does not name the issuer any more; ProviderUnreachable, ProviderUntrusted
        or ProviderRefusedClient where the provider cannot be told.
        """
        ...
