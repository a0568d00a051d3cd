"""When a token counts: ``exp``, ``iat`` and ``nbf`` as strict numbers, within leeway. Owns every rule about time."""

from datetime import UTC, datetime

from p3idp.core.login.compact import UnverifiedToken
from p3idp.core.login.limits import LIMITS, Limits
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import Expected


def moment(value: object, limits: Limits = LIMITS) -> float | None:
    """A NumericDate (RFC 7519 section 2) in seconds; None for text, booleans, negative and absurd numbers."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 < value <= limits.latest_moment else None


def as_datetime(seconds: float) -> datetime:
    """The moment, aware, in UTC; fractions of a second are dropped, so that an end never moves later."""
    return datetime.fromtimestamp(int(seconds), UTC)


def not_expired(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``exp`` is required and lies ahead, give or take the leeway."""
    end = moment(token.claims.get("exp"), expected.limits)
    if end is None:
        return Refusal(Reason.EXP, "The token does not say properly when it ends.")
    if expected.now.timestamp() >= end + expected.limits.leeway:
        return Refusal(Reason.EXPIRED, "The token has expired.")
    return None


def issued_in_the_past(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``iat`` is required and not ahead of our clock."""
    start = moment(token.claims.get("iat"), expected.limits)
    if start is None:
        return Refusal(Reason.IAT, "The token does not say properly when it was issued.")
    if start > expected.now.timestamp() + expected.limits.leeway:
        return Refusal(Reason.IAT_FUTURE, "The token was issued in the future: one of the two clocks is wrong.")
    return None


def not_before(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """``nbf``, where given, has passed."""
    if "nbf" not in token.claims:
        return None
    start = moment(token.claims["nbf"], expected.limits)
    if start is None:
        return Refusal(Reason.NBF, "The token does not say properly when it begins.")
    if start > expected.now.timestamp() + expected.limits.leeway:
        return Refusal(Reason.NBF_FUTURE, "The token is not valid yet: one of the two clocks may be wrong.")
    return None


def fresh_id_token(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """An ID token is minutes old at most: it was issued for this sign-in."""
    return _not_older(token, expected, expected.limits.id_token_age)


def fresh_access_token(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """An access token is not older than the longest life we accept."""
    return _not_older(token, expected, expected.limits.lifetime)


def _not_older(token: UnverifiedToken, expected: Expected, age: int) -> Refusal | None:
    start = moment(token.claims.get("iat"), expected.limits) or 0.0
    if expected.now.timestamp() - start > age + expected.limits.leeway:
        return Refusal(Reason.IAT_OLD, "The token was issued too long ago.")
    return None


def bounded_lifetime(token: UnverifiedToken, expected: Expected) -> Refusal | None:
    """From ``iat`` to ``exp`` is more than nothing and at most a day."""
    start = moment(token.claims.get("iat"), expected.limits) or 0.0
    end = moment(token.claims.get("exp"), expected.limits) or 0.0
    if 0 < end - start <= expected.limits.lifetime:
        return None
    return Refusal(Reason.LIFETIME, "The token's life is longer than a day, or it ends before it begins.")
