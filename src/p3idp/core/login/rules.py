"""What a token must say to be believed: one small rule each, in the order they are asked.

Owns the rules for the claims of ID tokens (OIDC Core 3.1.3.7) and of access tokens (RFC 9068 section 4, RFC 8725).
Headers are in header.py, times in times.py, the form in compact.py; which rules make which kind of token is kinds.py.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS, Limits
from p3idp.core.login.reasons import Reason, Refusal


@dataclass(frozen=True, slots=True)
class Expected:
    """What a token is held against.

    ``client_id``: ours at this provider. ``clients`` and ``audiences``: whose access tokens are honoured (both
    empty: nobody's). ``nonce`` and ``access_token``: of the sign-in under way, for ID tokens.
    """

    issuer: str
    client_id: str
    now: datetime
    clients: frozenset[str] = frozenset()
    audiences: frozenset[str] = frozenset()
    nonce: str = ""
    access_token: str = ""
    limits: Limits = LIMITS


Rule = Callable[[UnverifiedToken, Expected], Refusal | None]


def first_refusal(rules: Iterable[Rule], token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Ask each rule in turn; the first refusal counts, None where all agree. No rules at all is a mistake."""
    asked = tuple(rules)
    if not asked:
        raise ValueError("a token is never judged by no rules")
    return next((refusal for rule in asked if (refusal := rule(token, expected)) is not None), None)


BOUND = (
    "It is bound to its holder's key, for which Keystone cannot ask. "
    "Get a token from a client that asks for no binding (no DPoP, no client certificate)."
)


# ---- what kind the body says it is ----


def id_token_body(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Keycloak's body ``typ``, where present, is ID; a logout token's ``events`` never is in an ID token."""
    if token.claims.get("typ", "ID") == "ID" and "events" not in token.claims:
        return None
    return Refusal(Reason.BODY_TYP, "This is not an ID token.")


def access_token_body(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Keycloak's body ``typ`` is Bearer. Without it, and without at+jwt, the claims must be an access token's.

    An ID token has no ``scope``; an access token has no hash of itself and, unless it says what it is, no nonce.
    """
    claims = token.claims
    if claims.get("typ", "Bearer") != "Bearer" or claims.keys() & {"events", "at_hash", "c_hash", "s_hash"}:
        return _not_access()
    says_so = "typ" in claims or str(token.header.get("typ")).lower().endswith("at+jwt")
    if says_so or ("scope" in claims and "nonce" not in claims):
        return None
    return _not_access()


def _not_access() -> Refusal:
    return Refusal(Reason.BODY_TYP, "This is not an access token: ID, refresh and logout tokens are refused.")


def not_bound(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """A token bound to a key (RFC 9449, RFC 8705) is refused with any proof: docs/adr/0018-bound-tokens.md."""
    if "cnf" in token.claims:
        return Refusal(Reason.BOUND, BOUND)
    return None


# ---- who, by whom, for whom ----


def exact_issuer(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``iss`` is the policy's issuer, letter by letter."""
    if token.claims.get("iss") == expected.issuer:
        return None
    return Refusal(Reason.ISSUER, "The token's issuer is not one that the policy names.")


def sound_subject(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``sub`` is a person's name for software: 1 to 255 printable ASCII characters (OIDC Core section 2)."""
    if is_subject(token.claims.get("sub"), expected.limits):
        return None
    return Refusal(Reason.SUB, "The token does not say whose it is.")


def is_subject(value: object, limits: Limits = LIMITS) -> bool:
    """Whether this can name a person. ASCII only, so that no two people can look alike."""
    return (
        isinstance(value, str)
        and 0 < len(value) <= limits.subject_size
        and value.isascii()
        and value.isprintable()
        and value == value.strip()
    )


def names(value: object) -> frozenset[str] | None:
    """One name or a list of names (``aud``) as a set; None where it is anything else."""
    listed = value if isinstance(value, list) else [value]
    if listed and len(listed) <= 100 and all(isinstance(name, str) and name for name in listed):
        return frozenset(listed)
    return None


def addressed_to_us(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """An ID token's ``aud`` holds our client id."""
    if expected.client_id in (names(token.claims.get("aud")) or ()):
        return None
    return Refusal(Reason.AUDIENCE, "The ID token was issued to another client.")


def authorized_party_is_us(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``azp`` is ours where it is given, and it must be given where there are several audiences."""
    audiences = names(token.claims.get("aud")) or frozenset()
    if not ("azp" in token.claims or len(audiences) > 1) or token.claims.get("azp") == expected.client_id:
        return None
    return Refusal(Reason.AZP, "The ID token was issued to another party.")


def issuing_client(token: UnverifiedToken) -> str | None:
    """The client an access token was issued to: ``azp`` (Keycloak) or ``client_id`` (RFC 9068); None if unclear."""
    given = [token.claims[name] for name in ("azp", "client_id") if name in token.claims]
    first = given[0] if given else None
    return first if isinstance(first, str) and first and all(other == first for other in given) else None


def honoured_client(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Its client is one the policy lists, or it is addressed to an audience the policy lists. No list: refused."""
    if not expected.clients and not expected.audiences:
        return Refusal(Reason.NO_CLIENTS, "The policy names no clients whose tokens are honoured.")
    client = issuing_client(token)
    if client is None and token.claims.keys() & {"azp", "client_id"}:
        return Refusal(Reason.CLIENT, "The token is unclear about the client it was issued to.")
    audiences = names(token.claims.get("aud")) or frozenset()
    if client in expected.clients or audiences & expected.audiences:
        return None
    return Refusal(Reason.CLIENT, "The token was issued to a client that the policy does not name.")


def not_for_others(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """An ``aud`` that names only others is meant for them: they could replay it here, whoever obtained it.

    Check-in's own access tokens have no ``aud``.
    """
    if "aud" not in token.claims:
        return None
    ours = expected.audiences | expected.clients | {expected.client_id}
    if (names(token.claims["aud"]) or frozenset()) & ours:
        return None
    return Refusal(Reason.AUDIENCE, "The token is addressed to another service.")


def for_us_alone(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``aud`` holds our audiences and no other: whoever else it named could hand the token on to us."""
    audiences = names(token.claims.get("aud"))
    if audiences and audiences <= expected.audiences:
        return None
    return Refusal(Reason.AUDIENCE, "The token is addressed to another service as well.")


# ---- bound to this sign-in ----


def same_nonce(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``nonce`` is the one of this browser's attempt. An attempt without nonce can never succeed."""
    nonce = token.claims.get("nonce")
    if isinstance(nonce, str) and expected.nonce and hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        return None
    return Refusal(Reason.NONCE, "The ID token belongs to another sign-in.")


def hash_of_access_token(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``at_hash``, where given, is the left half of the access token's SHA-256 (OIDC Core 3.1.3.6)."""
    if "at_hash" not in token.claims:
        return None
    half = hashlib.sha256(expected.access_token.encode()).digest()[:16]
    wanted = base64.urlsafe_b64encode(half).rstrip(b"=").decode()
    if expected.access_token and token.claims["at_hash"] == wanted:
        return None
    return Refusal(Reason.AT_HASH, "ID token and access token do not belong together.")
