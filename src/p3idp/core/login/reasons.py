"""Why a token, or what its issuer says of it, is refused: one stable word each.

Owns the words, which logs, metrics and tests rely on; the rules that use them stand beside it.
"""

from dataclasses import dataclass
from enum import StrEnum

from p3idp.errors.login import TokenRefused


class Reason(StrEnum):
    """The words. Once released, a word keeps its meaning."""

    TOO_LONG = "too-long"
    NOT_COMPACT = "not-compact"
    ENCRYPTED = "encrypted"
    ENCODING = "encoding"
    NOT_JSON = "not-json"
    ALG = "alg"
    CRIT = "crit"
    HEADER_KEY = "header-key"
    NESTED = "nested"
    KID = "kid"
    SIGNATURE = "signature"
    TYP = "typ"
    BODY_TYP = "body-typ"
    BOUND = "bound"
    ISSUER = "issuer"
    SUB = "sub"
    AUDIENCE = "audience"
    AZP = "azp"
    CLIENT = "client"
    NO_CLIENTS = "no-clients"
    EXP = "exp"
    EXPIRED = "expired"
    IAT = "iat"
    IAT_FUTURE = "iat-future"
    IAT_OLD = "iat-old"
    LIFETIME = "lifetime"
    NBF = "nbf"
    NBF_FUTURE = "nbf-future"
    NONCE = "nonce"
    AT_HASH = "at-hash"
    INACTIVE = "inactive"
    SUB_DIFFERS = "sub-differs"
    ISSUER_DIFFERS = "issuer-differs"
    CLIENT_DIFFERS = "client-differs"
    ANSWER_TYP = "answer-typ"
    CLAIM_TYPE = "claim-type"
    TOO_MANY_VALUES = "too-many-values"
    VALUE_TOO_LONG = "value-too-long"
    CODE_REFUSED = "code-refused"
    TOKEN_RESPONSE = "token-response"  # noqa: S105 - a word for a log, not a password
    ID_TOKEN_MISSING = "id-token-missing"  # noqa: S105 - likewise


@dataclass(frozen=True, slots=True)
class Refusal:
    """One reason not to believe something. ``detail`` is for people and holds nothing of the token."""

    reason: Reason
    detail: str

    def as_error(self) -> TokenRefused:
        """The refusal as an error, for a caller that cannot go on."""
        return TokenRefused(self.reason.value, self.detail)
