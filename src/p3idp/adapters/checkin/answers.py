"""Ask an issuer what it knows of an access token: introspection (RFC 7662), else userinfo (OIDC Core 5.3).

Owns the calls and the short memory of their answers. A remembered answer is judged anew each time it is used, so it
never outlives the token; errors and refusals are never remembered.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from urllib.parse import urlencode

from p3idp.adapters.checkin.provider import Issuer
from p3idp.core.login.answers import Answer, check_introspection, check_userinfo
from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected, not_for_others
from p3idp.core.login.tokens import RawToken, UnverifiedClaims
from p3idp.errors.login import ProviderUnreachable

REMEMBERED = 4096


class TokenAnswers:
    """What one issuer said of tokens, for ``seconds`` at most (60 is the most the settings allow)."""

    def __init__(self, issuer: Issuer, seconds: float, clock: Callable[[], float]) -> None:
        self._issuer, self._seconds, self._clock = issuer, seconds, clock
        self._lock = threading.Lock()
        self._remembered: OrderedDict[bytes, tuple[Answer, float]] = OrderedDict()

    def about(self, token: UnverifiedToken, now: datetime, expected: Expected | None = None) -> Answer:
        """A checked answer about a token whose signature and claims held. Raises TokenRefused, ProviderUnreachable.

        ``expected``: what a token that somebody hands us is held against; None for the token of our own sign-in.
        """
        key = hashlib.sha256(token.raw.reveal().encode()).digest()
        answer, fresh = self._recall(key), False
        if answer is None:
            answer, fresh = self._ask(token), True
        if (refusal := self._judge(answer, token, now, expected)) is not None:
            self._forget(key)
            raise refusal.as_error()
        if fresh:
            self._remember(key, answer)
        return answer

    def profile(self, raw: RawToken, token: UnverifiedToken) -> Answer:
        """Userinfo for the same person; empty where the provider has none. Raises as ``about``."""
        url = self._issuer.metadata().userinfo_endpoint
        if url is None:
            return {}
        answer = self._userinfo(url, raw)
        if (refusal := check_userinfo(answer, token.claims)) is not None:
            raise refusal.as_error()
        return answer

    def _ask(self, token: UnverifiedToken) -> Answer:
        metadata = self._issuer.metadata()
        if metadata.introspection_endpoint is None:
            return self._userinfo(str(metadata.userinfo_endpoint), token.raw)
        form = urlencode({"token": token.raw.reveal(), "token_type_hint": "access_token"})
        reply = self._issuer.ask(metadata.introspection_endpoint, form, again=True)
        if reply.status != 200:
            raise ProviderUnreachable(f"The identity provider's introspection answers with status {reply.status}.")
        return reply.json_object()

    def _userinfo(self, url: str, raw: RawToken) -> Answer:
        reply = self._issuer.look_up(url, raw)
        if reply.status in {401, 403}:
            raise Refusal(Reason.INACTIVE, "The identity provider does not accept the token any more.").as_error()
        if reply.status != 200:
            raise ProviderUnreachable(f"The identity provider's userinfo answers with status {reply.status}.")
        return reply.json_object()

    def _judge(
        self, answer: Answer, token: UnverifiedToken, now: datetime, expected: Expected | None
    ) -> Refusal | None:
        if self._issuer.metadata().introspection_endpoint is None:
            return check_userinfo(answer, token.claims)
        # Keycloak's lightweight tokens leave out for whom they are; the answer says it in their stead.
        told = replace(token, claims=UnverifiedClaims({**token.claims, **answer}))
        return check_introspection(answer, token.claims, now) or (not_for_others(told, expected) if expected else None)

    def _recall(self, key: bytes) -> Answer | None:
        with self._lock:
            found = self._remembered.get(key)
        return found[0] if found is not None and self._clock() - found[1] < self._seconds else None

    def _remember(self, key: bytes, answer: Answer) -> None:
        with self._lock:
            self._remembered[key] = answer, self._clock()
            self._remembered.move_to_end(key)
            while len(self._remembered) > REMEMBERED:
                self._remembered.popitem(last=False)

    def _forget(self, key: bytes) -> None:
        with self._lock:
            self._remembered.pop(key, None)
