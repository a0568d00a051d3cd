"""An identity provider in memory. Owns the twin of adapters/checkin: same promises, no keys and no network.

Its tokens are made-up text that it remembers; it forgets them with the process.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from urllib.parse import parse_qs, urlencode, urlsplit

from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.policy.model import IdentityProvider
from p3idp.core.secret import Secret
from p3idp.errors.login import ConsentEnded, ProviderUnreachable
from p3idp.ports.checkin import Purpose, SignedIn, SignInAttempt
from p3idp.ports.offline import OfflineAccess, Traded

LIFE = timedelta(hours=1)


@dataclass(slots=True)
class MemoryPerson:
    """Someone who can sign in here, and what the provider says of them now."""

    subject: str
    name: str
    entitlements: tuple[str, ...] = ()
    assurance: tuple[str, ...] = ()


@dataclass(slots=True)
class _Issued:
    login: str
    client: str
    at: datetime
    active: bool = True


@dataclass(slots=True)
class _Grant:
    """What one consent gave: whose it is, and the one refresh token that is good now (none: it is over)."""

    login: str
    current: str = ""


@dataclass(slots=True)
class MemoryCheckin:
    """Both ports of ports/checkin.py, and Refresher of ports/offline.py.

    ``down`` makes it unreachable; ``client_id`` is ours there. Refresh tokens rotate; a used one ends the consent.
    """

    provider: IdentityProvider
    client_id: str = "p3idp"
    people: dict[str, MemoryPerson] = field(default_factory=dict)
    down: bool = False
    _tokens: dict[str, _Issued] = field(default_factory=dict)
    _grants: dict[str, _Grant] = field(default_factory=dict)
    _codes: dict[str, tuple[str, Mapping[str, str]]] = field(default_factory=dict)
    _ids: "count[int]" = field(default_factory=lambda: count(1))

    def give_token(self, login: str, now: datetime, client: str | None = None) -> RawToken:
        """An access token that ``login`` gets through a client."""
        text = f"access-token-{next(self._ids)}-of-{login}"
        self._tokens[text] = _Issued(login, client or self.client_id, now)
        return RawToken(Secret(text))

    def end_token(self, token: RawToken) -> None:
        """End an access token early."""
        self._tokens[token.reveal()].active = False

    def agree(self, url: str, login: str) -> str:
        """``login`` signs in at an authorization URL; the code that goes back."""
        code = f"code-{next(self._ids)}"
        self._codes[code] = (login, {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()})
        return code

    def verify_access_token(self, raw: RawToken, now: datetime) -> VerifiedClaims:
        """See the port."""
        return self._verified(raw, now, self.provider.issuing_clients)

    def authorization_url(self, attempt: SignInAttempt) -> str:
        """See the port; the verifier itself stands where its hash would."""
        self._answer()
        asked = {"state": attempt.state, "nonce": attempt.nonce, "code_challenge": attempt.verifier}
        scopes = (*self.provider.scopes, *(["offline_access"] if attempt.purpose is Purpose.CONSENT else []))
        told = {"response_type": "code", "client_id": self.client_id, "scope": " ".join(scopes)}
        return f"{self.provider.issuers[0]}/auth?{urlencode({**told, **asked, 'code_challenge_method': 'S256'})}"

    def redeem(self, attempt: SignInAttempt, code: str, now: datetime) -> SignedIn:
        """See the port."""
        self._answer()
        login, asked = self._codes.pop(code, ("", {}))
        if not login or asked["code_challenge"] != attempt.verifier:
            raise Refusal(Reason.CODE_REFUSED, "The identity provider does not accept the sign-in any more.").as_error()
        if asked["nonce"] != attempt.nonce:
            raise Refusal(Reason.NONCE, "The ID token belongs to another sign-in.").as_error()
        token = self.give_token(login, now)
        refresh_token = self._next(_Grant(login)) if attempt.purpose is Purpose.CONSENT else None
        return SignedIn(self._verified(token, now, (self.client_id,)), token, refresh_token)

    def give_consent(self, login: str, now: datetime) -> OfflineAccess:
        """What ``login`` would be kept with after consenting."""
        subject, token = self.people[login].subject, self._next(_Grant(login))
        return OfflineAccess(self.provider.id, self.provider.issuers[0], subject, token, now, now)

    def withdraw_consent(self, login: str) -> None:
        """``login`` takes all consents back on the provider's own pages."""
        for grant in self._grants.values():
            grant.current = "" if grant.login == login else grant.current

    def trade(self, access: OfflineAccess) -> Traded:
        """See ports.offline.Refresher."""
        self._answer()
        text = access.refresh_token.reveal()
        grant = self._grants.get(text)
        if grant is None or grant.current != text:
            if grant is not None:
                grant.current = ""
            raise ConsentEnded("The identity provider does not honour the consent any more.")
        following = self._next(grant)
        return Traded(self.give_token(grant.login, access.asked_at), None, following)

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        """See ports.offline.Refresher."""
        self._tokens[traded.access_token.reveal()].at = now
        claims = self._verified(traded.access_token, now, (self.client_id,))
        if claims.subject != access.subject:
            raise Refusal(Reason.SUB_DIFFERS, "The identity provider's answer is about somebody else.").as_error()
        return claims

    def revoke(self, access: OfflineAccess) -> bool:
        """See ports.offline.Refresher."""
        self._answer()
        if (grant := self._grants.get(access.refresh_token.reveal())) is not None:
            grant.current = ""
        return True

    def _next(self, grant: _Grant) -> Secret[str]:
        grant.current = f"refresh-token-{next(self._ids)}-of-{grant.login}"
        self._grants[grant.current] = grant
        return Secret(grant.current)

    def issuer_of(self, provider: str) -> tuple[str, bool]:
        """See the port."""
        self._answer()
        return self.provider.issuers[0], True

    def _answer(self) -> None:
        if self.down:
            raise ProviderUnreachable("The identity provider does not answer.")

    def _verified(self, raw: RawToken, now: datetime, clients: tuple[str, ...]) -> VerifiedClaims:
        issued = self._tokens.get(raw.reveal())
        if issued is None:
            raise Refusal(Reason.NOT_COMPACT, "This is not a token of the identity provider.").as_error()
        if issued.client not in clients:
            raise Refusal(Reason.CLIENT, "The token was issued to a client that the policy does not name.").as_error()
        if now >= issued.at + LIFE:
            raise Refusal(Reason.EXPIRED, "The token has expired.").as_error()
        self._answer()
        if not issued.active:
            raise Refusal(
                Reason.INACTIVE, "The identity provider says that the token is not valid any more."
            ).as_error()
        person = self.people[issued.login]
        return VerifiedClaims(
            provider=self.provider.id,
            issuer=self.provider.issuers[0],
            subject=person.subject,
            client=issued.client,
            issued_at=issued.at,
            expires_at=issued.at + LIFE,
            entitlements=tuple(sorted(person.entitlements)),
            assurance=tuple(sorted(person.assurance)),
            scopes=tuple(sorted(self.provider.scopes)),
            display_name=person.name,
            shown={"name": person.name, "sub": person.subject},
        )
