"""Sign in by browser, stay signed in, sign out. Owns the order of the steps; each check is core's, each call a port's.

Until a valid callback nothing is stored here: an attempt travels in the browser, sealed (that is the door's part).
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from p3idp.core.audit.event import Actor, AuditEvent, Outcome, person
from p3idp.core.login.callback import Callback
from p3idp.core.login.reasons import Reason
from p3idp.core.login.session import Session, SessionId, SessionLimits
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.model import Policy
from p3idp.errors.login import SignInRefused, TokenRefused
from p3idp.errors.session import SignInDeclined
from p3idp.ops.attempts import check_attempt, check_open, new_attempt
from p3idp.ops.keystone_view import look
from p3idp.ops.logins import remember_nothing
from p3idp.ports.checkin import Purpose, SignedIn, SignInAttempt, SignInClient
from p3idp.ports.environment import Clock, TokenSource
from p3idp.ports.keystone import FederatedLogin
from p3idp.ports.ledger import LedgerWriter
from p3idp.ports.logins import Remember
from p3idp.ports.request import request_id
from p3idp.ports.sessions import Sessions, SpentAttempts

_TOUCH_EVERY = timedelta(minutes=1)  # one write a minute and session, not one a request
_OF_CLOCKS = {Reason.EXPIRED, Reason.IAT_OLD, Reason.IAT_FUTURE, Reason.NBF_FUTURE}
_CLOCKS = (
    "It is fresh from the identity provider, so a clock is wrong, here or there. Tell the site's administrators: "
    "`p3idp doctor` shows by how much."
)
_AGAIN = "Start again from the front page. If it happens again, tell the site's administrators the request id."


@dataclass(frozen=True, slots=True)
class Arrival:
    """A completed sign-in: the new session, its id for the browser, and the page the browser wanted."""

    session_id: SessionId
    session: Session
    return_to: str


@dataclass(frozen=True, slots=True)
class SignInDesk:
    """Where browsers sign in and out. ``policy`` gives the policy in force at each call."""

    policy: Callable[[], Policy]
    client: SignInClient
    keystone: FederatedLogin
    sessions: Sessions
    spent: SpentAttempts
    ledger: LedgerWriter
    limits: SessionLimits
    clock: Clock
    new_token: TokenSource
    remember: Remember = remember_nothing

    def begin(self, provider: str, return_to: str) -> tuple[SignInAttempt, str]:
        """A new attempt and where it sends the browser. Raises PageNotFound, ProviderSuspended, ProviderUnreachable."""
        check_open(self.policy(), provider)
        attempt = new_attempt(provider, return_to, self.clock(), self.new_token, Purpose.SIGN_IN)
        return attempt, self.client.authorization_url(attempt)

    def finish(
        self, provider: str, attempt: SignInAttempt | None, callback: Callback, replaces: SessionId | None = None
    ) -> Arrival:
        """Turn the provider's answer into a session; the session it ``replaces`` ends.

        Raises SignInRefused and ProviderSuspended (before any token call), SignInDeclined, TokenRefused,
        ProviderUnreachable, LedgerUnavailable and SessionsUnavailable. In every case nobody is signed in.
        """
        now = self.clock()
        attempt = check_attempt(self.client, self.spent, provider, attempt, callback, now, Purpose.SIGN_IN)
        check_open(self.policy(), provider)
        signed_in = self._redeem(attempt, callback, now)
        if not self.spent.spend(attempt.id, now, attempt.expires_at):
            raise SignInRefused("spent", "This sign-in was completed before.")
        session = self._session(signed_in, now)
        self._record(attempt.provider, signed_in.claims, session, now)
        self.remember(signed_in.claims, now)
        if replaces is not None:
            self.sessions.remove(replaces)
        session_id = SessionId(self.new_token())
        self.sessions.save(session_id, session, now + self.limits.total)
        return Arrival(session_id, session, attempt.return_to)

    def open(self, session_id: SessionId) -> Session | None:
        """The living session with this id; one that is over is forgotten. Raises SessionsUnavailable."""
        now = self.clock()
        session = self.sessions.find(session_id)
        if session is None:
            return None
        if session.is_over(now, self.limits):
            self.sessions.remove(session_id)
            return None
        if now - session.seen_at >= _TOUCH_EVERY:
            self.sessions.touch(session_id, now)
            return dataclasses.replace(session, seen_at=now)
        return session

    def end(self, session_id: SessionId) -> None:
        """Sign out. Raises SessionsUnavailable."""
        self.sessions.remove(session_id)

    def _redeem(self, attempt: SignInAttempt, callback: Callback, now: datetime) -> SignedIn:
        if callback.error:
            raise SignInDeclined("The sign-in was not completed: you, or the identity provider, stopped it.")
        try:
            return self.client.redeem(attempt, callback.code, now)
        except TokenRefused as refused:
            nobody = person("unknown", attempt.provider)
            self.ledger.append(self._event(Outcome.FAILURE, nobody, attempt.provider, now, reason=refused.reason))
            # The token came a moment ago, and nobody can bring another: the error's own hint is for command lines.
            refused.hint = _CLOCKS if refused.reason in _OF_CLOCKS else _AGAIN
            raise

    def _session(self, signed_in: SignedIn, now: datetime) -> Session:
        provider = self.policy().site.provider(signed_in.claims.provider)
        view = look(self.keystone, provider, signed_in.access_token, now)
        return Session(signed_in.claims, view, began_at=now, seen_at=now)

    def _record(self, provider: str, claims: VerifiedClaims, session: Session, now: datetime) -> None:
        actor = person(claims.subject, claims.issuer)
        access = decide(self.policy(), claims, now).access
        details = {
            "keystone_problem": session.keystone.problem,
            "projects": [str(given.project) for given in access],
        }
        event = self._event(Outcome.SUCCESS, actor, provider, now)
        self.ledger.append(dataclasses.replace(event, details=details))

    def _event(self, outcome: Outcome, actor: Actor, provider: str, now: datetime, *, reason: str = "") -> AuditEvent:
        return AuditEvent(
            action="authenticate/login",
            outcome=outcome,
            actor=actor,
            target=("service/security/identity-provider", provider),
            at=now,
            request_id=request_id.get(),
            reason=reason,
        )
