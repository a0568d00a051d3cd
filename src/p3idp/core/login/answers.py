"""What an issuer says of a token when asked: introspection (RFC 7662) and userinfo (OIDC Core 5.3).

Owns the rules that tie such an answer to the token it was asked about.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime

from p3idp.core.login.limits import LIMITS, Limits
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import BOUND, is_subject
from p3idp.core.login.times import moment

Answer = Mapping[str, object]


def check_introspection(answer: Answer, claims: Answer, now: datetime, limits: Limits = LIMITS) -> Refusal | None:
    """Whether the issuer calls this token alive, an access token, and the same person's and client's.

    ``active`` is the literal true; a missing ``sub`` is not the same ``sub``.
    """
    if answer.get("active") is not True:
        return Refusal(Reason.INACTIVE, "The identity provider says that the token is not valid any more.")
    return (
        same_subject(answer, claims)
        or _same(answer, claims, ("iss",), Reason.ISSUER_DIFFERS)
        or _same_client(answer, claims)
        or _still_an_access_token(answer)
        or _alive(answer, now, limits)
    )


def check_userinfo(answer: Answer, claims: Answer) -> Refusal | None:
    """Userinfo counts only for the token's own ``sub`` (OIDC Core 5.3.2)."""
    return same_subject(answer, claims)


def same_subject(answer: Answer, claims: Answer) -> Refusal | None:
    """Both name the same person, to the letter."""
    if is_subject(answer.get("sub")) and answer.get("sub") == claims.get("sub"):
        return None
    return Refusal(Reason.SUB_DIFFERS, "The identity provider's answer is about somebody else.")


def _same(answer: Answer, claims: Answer, names: Sequence[str], reason: Reason) -> Refusal | None:
    if any(name in answer and name in claims and answer[name] != claims[name] for name in names):
        return Refusal(reason, "The identity provider's answer contradicts the token.")
    return None


def _same_client(answer: Answer, claims: Answer) -> Refusal | None:
    given = [source[name] for source in (claims, answer) for name in ("azp", "client_id") if name in source]
    if any(client != given[0] for client in given[1:]):
        return Refusal(Reason.CLIENT_DIFFERS, "The identity provider's answer names another client than the token.")
    return None


def _still_an_access_token(answer: Answer) -> Refusal | None:
    kind = answer.get("token_type", "Bearer")
    body = answer.get("typ", "Bearer")
    if "cnf" in answer or (isinstance(kind, str) and kind.lower() == "dpop"):
        return Refusal(Reason.BOUND, BOUND)
    if isinstance(kind, str) and kind.lower() in {"bearer", "access_token"} and body == "Bearer":
        return None
    return Refusal(Reason.ANSWER_TYP, "The identity provider says that this is not a bearer access token.")


def _alive(answer: Answer, now: datetime, limits: Limits) -> Refusal | None:
    if "exp" not in answer:
        return None
    end = moment(answer["exp"], limits)
    if end is None:
        return Refusal(Reason.EXP, "The identity provider does not say properly when the token ends.")
    if now.timestamp() >= end + limits.leeway:
        return Refusal(Reason.EXPIRED, "The identity provider says that the token has expired.")
    return None
