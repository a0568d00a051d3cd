"""What a token's header may say (RFC 7515 section 4, RFC 8725). Owns one small rule each."""

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected


def pinned_algorithm(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``alg`` is one of ours, to the letter: what discovery advertises is never asked (RFC 8725 section 3.1)."""
    if token.header.get("alg") in expected.limits.algorithms:
        return None
    return Refusal(Reason.ALG, f"The token is not signed with one of {', '.join(expected.limits.algorithms)}.")


def nothing_critical(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """We understand no header extension, so any ``crit`` is a refusal (RFC 7515 section 4.1.11), and so is b64."""
    if "crit" in token.header or "b64" in token.header:
        return Refusal(Reason.CRIT, "The token's header demands an extension that p3idp does not know.")
    return None


def no_key_in_header(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Keys come from the provider's jwks_uri and nowhere else (RFC 8725 section 3.10)."""
    if token.header.keys() & {"jwk", "jku", "x5u", "x5c"}:
        return Refusal(Reason.HEADER_KEY, "The token brings or names its own key.")
    return None


def not_nested(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Neither a token within a token nor anything compressed or encrypted was agreed."""
    if token.header.keys() & {"cty", "zip", "enc", "p2c", "p2s", "epk"}:
        return Refusal(Reason.NESTED, "The token is wrapped in a way that was never agreed.")
    return None


def sane_key_id(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``kid`` is absent or short printable text; it is compared and never used as a path or a query."""
    kid = token.header.get("kid", "-")
    if isinstance(kid, str) and 0 < len(kid) <= expected.limits.name_size and kid.isascii() and kid.isprintable():
        return None
    return Refusal(Reason.KID, "The token's key id is not short printable text.")


def id_token_type(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Header ``typ`` absent or JWT: an at+jwt or logout+jwt is another kind of token (RFC 8725 section 3.12)."""
    typ = token.header.get("typ", "JWT")
    return None if isinstance(typ, str) and typ.upper() == "JWT" else _typ()


def access_token_type(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """Header ``typ`` at+jwt (RFC 9068 section 2.1), or JWT, which is what Keycloak writes."""
    typ = token.header.get("typ")
    if isinstance(typ, str) and typ.lower() in {"jwt", "at+jwt", "application/at+jwt"}:
        return None
    return _typ()


def _typ() -> Refusal:
    return Refusal(Reason.TYP, "The token's header says that it is of another kind.")
