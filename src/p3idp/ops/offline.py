"""Ask providers about people who are away and consented to it, and end such consents. Owns the order of the steps.

One process at a time uses a person's refresh token, the next one is durable before anything else happens, and nothing
that came with it counts before it is verified. A crash in between costs the consent, and never gives anybody access.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from p3idp.core.audit.event import Actor, AuditEvent, Json, Outcome, person
from p3idp.core.login.reasons import Reason
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.model import ProviderId
from p3idp.errors import P3idpError
from p3idp.errors.login import ConsentEnded, TokenRefused
from p3idp.errors.offline import ConsentBusy
from p3idp.ops.logins import remember_nothing
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.logins import Remember
from p3idp.ports.offline import Consents, OfflineAccess, OfflineStore, Refreshed, Refresher, Traded
from p3idp.ports.request import request_id

GIVEN, ENDED = "allow/consent", "revoke/consent"
_log = logging.getLogger(__name__)


class Stopped(StrEnum):
    """How far a consent was ended. ``HERE``: the provider could not be told, or takes no such message."""

    NOTHING = "nothing"
    HERE = "here"
    EVERYWHERE = "everywhere"


@dataclass(frozen=True, slots=True)
class Offline:
    """Consents that are kept, and what providers say through them. ``ledger`` is opened when it is first needed."""

    store: OfflineStore
    refresher: Refresher
    ledger: Callable[[], LedgerWriter]
    remember: Remember = remember_nothing

    def consents(self, now: datetime) -> Consents:
        """All that live at ``now``. Raises LedgerUnavailable."""
        return self.store.consents(now)

    def ask(self, access: OfflineAccess, now: datetime) -> Refreshed:
        """The provider's word of now on the person of ``access``, whichever refresh token is theirs by now.

        Raises ConsentEnded where there is no consent (any more); ConsentBusy where another process is asking;
        TokenRefused where the answer is not believed; ProviderUnreachable, ProviderUntrusted, ProviderRefusedClient,
        LedgerUnavailable and CoordinationUnavailable, which say nothing about the person.
        """
        with self.store.alone(access.provider, access.subject) as alone:
            if not alone:
                raise ConsentBusy("Another process is asking the identity provider about the same person.")
            kept = self.store.newest(access.provider, access.subject, now)
            if kept is None:
                raise ConsentEnded("The consent to be asked about while away was stopped, or has run out.")
            traded = self._trade(kept, now)
            kept = self._put(kept, replace(kept, refresh_token=traded.refresh_token), now)
            claims = self._believe(kept, traded, now)
            self._put(kept, replace(kept, asked_at=now), now)
        self.remember(claims, now)
        return Refreshed(claims, traded.access_token)

    def stop(self, provider: ProviderId, subject: str, now: datetime, by: Actor) -> Stopped:
        """End a person's consent: here first, then at the provider, then in the ledger. Raises LedgerUnavailable."""
        kept = self.store.newest(provider, subject, now)
        if not self.store.end(provider, subject):
            return Stopped.NOTHING
        if kept is None:  # a row that no key opens, or whose time is over
            return Stopped.HERE
        stopped = Stopped.EVERYWHERE if self.revoke(kept) else Stopped.HERE
        self.record(ENDED, by, kept, now, reason="stopped", details={"ended": stopped.value})
        return stopped

    def forget(self, subject: str, now: datetime, by: Actor) -> tuple[OfflineAccess, ...]:
        """End what is kept of a subject at every provider; what that was. Raises LedgerUnavailable."""
        mine = tuple(each for each in self.store.consents(now).kept if each.subject == subject)
        return tuple(each for each in mine if self.stop(each.provider, subject, now, by) is not Stopped.NOTHING)

    def revoke(self, access: OfflineAccess) -> bool:
        """Whether the provider took back its token; that it did not keeps nothing alive here."""
        try:
            return self.refresher.revoke(access)
        except P3idpError as exc:
            _log.warning("the provider %s could not be told that a consent ended: %s", access.provider, exc.code)
            return False

    def record(
        self,
        action: str,
        actor: Actor,
        access: OfflineAccess,
        now: datetime,
        outcome: Outcome = Outcome.SUCCESS,
        reason: str = "",
        details: dict[str, Json] | None = None,
    ) -> None:
        """Write down what became of a consent: who, whose, where, why; never a token. Raises LedgerUnavailable."""
        whose = person(access.subject, access.issuer)
        told = {"provider": access.provider, "consented_at": access.consented_at.isoformat(), **(details or {})}
        event = AuditEvent(action, outcome, actor, (whose.kind, whose.id), now, request_id.get(), reason, "", told)
        self.ledger().append(event)

    def _trade(self, kept: OfflineAccess, now: datetime) -> Traded:
        try:
            return self.refresher.trade(kept)
        except ConsentEnded as ended:
            self._drop(kept, now, ended.code)
            raise

    def _believe(self, kept: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        try:
            return self.refresher.believe(kept, traded, now)
        except TokenRefused as refused:
            # What else is refused may be a clock's doing; a token of somebody else is nobody's consent.
            if refused.reason == Reason.SUB_DIFFERS:
                self.revoke(kept)
                self._drop(kept, now, refused.reason)
            raise

    def _drop(self, kept: OfflineAccess, now: datetime, why: str) -> None:
        """The provider ended it: forget exactly this one, for the person may have consented anew meanwhile."""
        if self.store.replace(kept, None):
            by = Actor("service/security/identity-provider", kept.provider)
            self.record(ENDED, by, kept, now, reason=why)

    def _put(self, old: OfflineAccess, new: OfflineAccess, now: datetime) -> OfflineAccess:
        """Keep the new one, unless the person stopped or consented anew while the provider was asked."""
        if self.store.replace(old, new):
            return new
        newest = self.store.newest(old.provider, old.subject, now)
        if newest is None:
            self.revoke(new)
            raise ConsentEnded("The consent was stopped while the identity provider was being asked.")
        return newest
