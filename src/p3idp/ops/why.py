"""Why somebody has access or has none: their claims, the decision with its trace, and one sentence. Owns the answer.

Claims are either given (nobody's word) or come from a token that was verified first; the decision is the same one
that the web page, the exchange and Keystone's mapping make.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from p3idp.core.login.tokens import RawToken
from p3idp.core.policy.claims import TypedClaims, given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Decision
from p3idp.core.policy.explanation import Explanation, explain
from p3idp.core.policy.model import IdentityProvider, Policy
from p3idp.core.policy.sentence import moment, sentence
from p3idp.ports.checkin import AccessTokenVerifier

_VERBATIM = (
    "The policy also holds verbatim Keystone rules for {provider}. They are no part of this answer, and may give more "
    "at Keystone's own door: p3idp mapping evaluate."
)
_ASSUMED = "The claims name no client (azp), as userinfo does not: taken as issued to {client}."
_TTL = (
    "Keystone keeps what a login gave for {hours} after that login (authorization_ttl), so access that ends here may "
    "last so long there; application credentials end then too."
)


@dataclass(frozen=True, slots=True)
class Why:
    """The answer. ``groups`` are Keystone's, in ``policy.site.domain``; ``token_end`` is None for claims as given."""

    policy: Policy
    provider: IdentityProvider
    claims: TypedClaims
    at: datetime
    decision: Decision
    explanation: Explanation
    sentence: str
    notes: tuple[str, ...]
    token_end: datetime | None = None

    @property
    def groups(self) -> tuple[str, ...]:
        """The Keystone groups of the rules that give access, each once."""
        return tuple(sorted({granted.rule.group for granted in self.decision.granted}))

    @property
    def has_access(self) -> bool:
        """Whether there is a project at all."""
        return bool(self.decision.access)


def why_claims(policy: Policy, claims: Mapping[str, object], provider: str | None, at: datetime) -> Why:
    """For claims as somebody wrote them down. Raises ClaimsInvalid."""
    given = given_claims(claims, policy.site, provider)
    clients = policy.site.provider(given.provider).issuing_clients
    if given.client or not clients:
        return _why(policy, given, at)
    return _why(policy, replace(given, client=clients[0]), at, notes=(_ASSUMED.format(client=clients[0]),))


def why_token(policy: Policy, verifier: AccessTokenVerifier, token: RawToken, now: datetime, at: datetime) -> Why:
    """For an access token, verified at ``now`` and decided for ``at``. Raises what the verifier raises."""
    claims = verifier.verify_access_token(token, now)
    left = int((claims.expires_at - now).total_seconds() // 60)
    ends = f"The token ends {moment(claims.expires_at)}, in {left:,} minutes; what is exchanged for it ends then too."
    return _why(policy, claims, at, notes=(ends,), token_end=claims.expires_at)


def _why(
    policy: Policy, claims: TypedClaims, at: datetime, *, notes: tuple[str, ...] = (), token_end: datetime | None = None
) -> Why:
    decision = decide(policy, claims, at)
    explanation = explain(policy, decision, claims.entitlements)
    provider = policy.site.provider(claims.provider)
    more = [_TTL.format(hours=_span(provider))] if decision.access else []
    if policy.verbatim_of(provider.id):
        more.append(_VERBATIM.format(provider=provider.id))
    told = sentence(claims, explanation, policy.site, at)
    return Why(policy, provider, claims, at, decision, explanation, told, (*notes, *more), token_end)


def _span(provider: IdentityProvider) -> str:
    minutes = int(provider.authorization_ttl.total_seconds() // 60)
    return f"{minutes // 60} h" if minutes % 60 == 0 else f"{minutes} min"
