"""Let a signed-in person consent to be asked about while away, and stop it. Owns whose consent is kept.

It is a second trip to the provider, begun from a session. Only the person of that session can end it: what anybody else
brings back is refused and given back to the provider. Nothing is kept before the ledger has it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.audit.event import Outcome, person
from p3idp.core.login.callback import Callback
from p3idp.core.login.session import Session
from p3idp.core.policy.model import Policy
from p3idp.core.secret import Secret
from p3idp.errors.login import SignInRefused
from p3idp.errors.offline import ConsentRefused
from p3idp.errors.session import SignInDeclined
from p3idp.ops.attempts import check_attempt, check_open, new_attempt
from p3idp.ops.offline import GIVEN, Offline, Stopped
from p3idp.ports.checkin import Purpose, SignedIn, SignInAttempt, SignInClient
from p3idp.ports.environment import Clock, TokenSource
from p3idp.ports.offline import OfflineAccess
from p3idp.ports.sessions import SpentAttempts


@dataclass(frozen=True, slots=True)
class ConsentDesk:
    """Where browsers consent and stop. ``ask_every``: how often the site means to ask, as people are told.

    ``lasts``: after which time a consent ends by itself.
    """

    policy: Callable[[], Policy]
    client: SignInClient
    spent: SpentAttempts
    offline: Offline
    clock: Clock
    new_token: TokenSource
    ask_every: timedelta
    lasts: timedelta

    def kept(self, session: Session) -> OfflineAccess | None:
        """The consent of the session's person. Raises LedgerUnavailable."""
        return self.offline.store.newest(session.claims.provider, session.claims.subject, self.clock())

    def begin(self, session: Session, return_to: str) -> tuple[SignInAttempt, str]:
        """A new attempt, and where it sends the browser. Raises ProviderSuspended, ProviderUnreachable."""
        provider = session.claims.provider
        check_open(self.policy(), provider)
        attempt = new_attempt(provider, return_to, self.clock(), self.new_token, Purpose.CONSENT)
        return attempt, self.client.authorization_url(attempt)

    def finish(
        self, provider: str, attempt: SignInAttempt | None, callback: Callback, session: Session | None
    ) -> OfflineAccess:
        """Keep the consent that the provider's answer brings to this session.

        Raises SignInRefused and ProviderSuspended (before any token call), SignInDeclined, TokenRefused,
        ConsentRefused, ProviderUnreachable, LedgerUnavailable and SessionsUnavailable. In every case nothing is kept.
        """
        now = self.clock()
        attempt = check_attempt(self.client, self.spent, provider, attempt, callback, now, Purpose.CONSENT)
        check_open(self.policy(), provider)
        if session is None or session.claims.provider != attempt.provider:
            raise SignInRefused("no-session", "Whoever began this is not signed in here any more.")
        if callback.error:
            # invalid_scope, for one: our client may not ask for offline access there. Administrators look for that.
            told, said = "Nothing was kept: you, or the identity provider, did not agree.", callback.error[:60]
            raise SignInDeclined(told, debug=f"The identity provider says {said!r}.")
        signed_in = self.client.redeem(attempt, callback.code, now)
        if signed_in.refresh_token is None:
            told = "The identity provider gave nothing with which it could be asked while you are away."
            raise ConsentRefused("no-offline-access", told, hint="Tell the site's administrators.")
        access = _access(signed_in, signed_in.refresh_token, now)
        try:
            self._keep(session, attempt, access, now)
        except Exception:
            self.offline.revoke(access)  # it is in nobody's hands from here on
            raise
        self.offline.remember(signed_in.claims, now)
        return access

    def stop(self, session: Session) -> Stopped:
        """End the consent of the session's person. Raises LedgerUnavailable."""
        claims = session.claims
        return self.offline.stop(claims.provider, claims.subject, self.clock(), person(claims.subject, claims.issuer))

    def _keep(self, session: Session, attempt: SignInAttempt, access: OfflineAccess, now: datetime) -> None:
        giver = person(access.subject, access.issuer)
        if not self.spent.spend(attempt.id, now, attempt.expires_at):
            raise SignInRefused("spent", "This sign-in was completed before.")
        if (access.provider, access.subject) != (session.claims.provider, session.claims.subject):
            self.offline.record(GIVEN, giver, access, now, Outcome.FAILURE, "other-person")
            told = "Somebody else agreed at the identity provider than is signed in here; nothing was kept."
            raise ConsentRefused("other-person", told)
        self.offline.record(GIVEN, giver, access, now)
        self.offline.store.keep(access)


def _access(signed_in: SignedIn, refresh_token: Secret[str], now: datetime) -> OfflineAccess:
    claims = signed_in.claims
    return OfflineAccess(claims.provider, claims.issuer, claims.subject, refresh_token, now, now)
