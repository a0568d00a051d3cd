"""Ask about somebody who is away: trade a refresh token, believe what comes, end it (RFC 6749 section 6, RFC 7009).

Owns the messages and what each answer means. A trade is sent once and never again by itself: the provider may have
rotated the token although its answer was lost, and a used token ends the consent.
"""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode

from authlib.oauth2.rfc6749.parameters import prepare_token_request

from p3idp.adapters.checkin.transport import Reply
from p3idp.adapters.checkin.verifier import Trusted, believe
from p3idp.core.login import kinds
from p3idp.core.login.answers import same_subject
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected
from p3idp.core.login.tokens import RawToken, VerifiedClaims
from p3idp.core.login.verified import verified_claims
from p3idp.core.secret import Secret
from p3idp.errors.login import ConsentEnded, ProviderRefusedClient, ProviderUnreachable
from p3idp.ports.offline import OfflineAccess, Traded

# RFC 6749 section 5.2: what is wrong with us. Only invalid_grant speaks of the person.
_OUR_CLIENT = ("invalid_client", "unauthorized_client", "unsupported_grant_type", "invalid_scope")


class CheckinRefresh:
    """Implements ports.offline.Refresher for all issuers that the policy names."""

    def __init__(self, trusted: tuple[Trusted, ...]) -> None:
        self._trusted: Mapping[str, Trusted] = {each.issuer.url: each for each in trusted}

    def trade(self, access: OfflineAccess) -> Traded:
        """See the port."""
        issuer = self._of(access).issuer
        form = prepare_token_request("refresh_token", refresh_token=access.refresh_token.reveal())
        return _traded(issuer.ask(issuer.metadata().token_endpoint, form), access)

    def believe(self, access: OfflineAccess, traded: Traded, now: datetime) -> VerifiedClaims:
        """See the port."""
        trusted = self._of(access)
        expected = Expected(
            issuer=trusted.issuer.url,
            client_id=trusted.issuer.client_id,
            now=now,
            clients=frozenset({trusted.issuer.client_id}),
            access_token=traded.access_token.reveal(),
        )
        rules = kinds.ACCESS_TOKEN_HEADER, kinds.OWN_ACCESS_TOKEN
        token = believe(traded.access_token, trusted.issuer, expected, *rules)
        if traded.id_token is not None:
            rules = kinds.ID_TOKEN_HEADER, kinds.REFRESHED_ID_TOKEN
            renewed = believe(traded.id_token, trusted.issuer, expected, *rules)
            if (refusal := same_subject(token.claims, renewed.claims)) is not None:
                raise refusal.as_error()
        claims = verified_claims(trusted.provider, token.claims, trusted.answers.about(token, now))
        if claims.subject != access.subject:
            told = "The identity provider's answer is about somebody else than who consented."
            raise Refusal(Reason.SUB_DIFFERS, told).as_error()
        return claims

    def revoke(self, access: OfflineAccess) -> bool:
        """See the port."""
        issuer = self._of(access).issuer
        endpoint = issuer.metadata().revocation_endpoint
        if endpoint is None:
            return False
        form = urlencode({"token": access.refresh_token.reveal(), "token_type_hint": "refresh_token"})
        reply = issuer.ask(endpoint, form, again=True)
        if reply.status != 200:
            raise ProviderUnreachable(f"The identity provider's revocation answers with status {reply.status}.")
        return True

    def _of(self, access: OfflineAccess) -> Trusted:
        trusted = self._trusted.get(access.issuer)
        if trusted is None or trusted.provider.id != access.provider:
            told = "The policy does not name the issuer any more that the consent was given at."
            raise Refusal(Reason.ISSUER, told).as_error()
        return trusted


def _traded(reply: Reply, access: OfflineAccess) -> Traded:
    """The tokens of an answer to a refresh (RFC 6749 sections 5.1, 5.2 and 6)."""
    answer = reply.json_object()
    error = answer.get("error")
    if reply.status == 400 and error == "invalid_grant":
        raise ConsentEnded("The identity provider does not honour the consent to be asked about while away any more.")
    if reply.status == 400 and error in _OUR_CLIENT:
        raise ProviderRefusedClient("The identity provider does not let p3idp's client use refresh tokens.")
    if reply.status != 200:
        raise ProviderUnreachable(f"The identity provider's token endpoint answers with status {reply.status}.")
    kind, token = answer.get("token_type"), answer.get("access_token")
    if not isinstance(kind, str) or kind.lower() != "bearer" or not isinstance(token, str):
        raise Refusal(Reason.TOKEN_RESPONSE, "The identity provider gave no bearer token.").as_error()
    id_token, following = answer.get("id_token"), answer.get("refresh_token")
    return Traded(
        RawToken(Secret(token)),
        RawToken(Secret(id_token)) if isinstance(id_token, str) else None,
        Secret(following) if isinstance(following, str) and following else access.refresh_token,
    )
