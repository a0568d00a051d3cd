"""Claims that a decision is made from, typed. Owns what a decision needs to know, and reading it from claims as given.

Claims that were *given* (a file, a policy's example, a remembered login) are nobody's word: only a verifier makes
VerifiedClaims, and only those open a door.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from json import JSONDecodeError
from typing import Protocol

from p3idp.core.login.limits import LIMITS
from p3idp.core.login.strict_json import NotStrictJson, parse_object
from p3idp.core.policy.model import IdentityProvider, ProviderId, Site
from p3idp.core.policy.quoted import quoted
from p3idp.errors.policy import ClaimsInvalid


class TypedClaims(Protocol):
    """What a decision needs to know of a person; VerifiedClaims has it, and so have a policy's examples."""

    @property
    def provider(self) -> ProviderId:
        """The identity provider's id in the policy."""
        ...

    @property
    def issuer(self) -> str:
        """The issuer."""
        ...

    @property
    def subject(self) -> str:
        """Who, as the policy's subject claim says."""
        ...

    @property
    def client(self) -> str:
        """The client that the token was issued to."""
        ...

    @property
    def entitlements(self) -> tuple[str, ...]:
        """All values of all entitlement claims."""
        ...

    @property
    def assurance(self) -> tuple[str, ...]:
        """All values of the assurance claim."""
        ...


@dataclass(frozen=True, slots=True)
class GivenClaims:
    """Claims that somebody wrote down or remembered."""

    provider: ProviderId
    issuer: str
    subject: str
    client: str
    entitlements: tuple[str, ...]
    assurance: tuple[str, ...]


# The largest honest answer of a userinfo endpoint: a thousand values, and room to spare.
LARGEST = 4 * 1024 * 1024


def read_claims(raw: bytes, where: str) -> Mapping[str, object]:
    """Claims from JSON, as the userinfo endpoint answers. Raises ClaimsInvalid, naming the place in ``where``.

    What two readers could understand differently is refused: a claim given twice, NaN, other encodings than UTF-8.
    """
    if len(raw) > LARGEST:
        raise ClaimsInvalid(f"{where} is larger than {LARGEST // 1024 // 1024} MB; no identity provider says so much.")
    try:
        return parse_object(raw, LIMITS.depth)
    except NotStrictJson as exc:
        raise ClaimsInvalid(f"{where}: {_place(exc)}") from exc


def _place(error: NotStrictJson) -> str:
    cause = error.__cause__
    if isinstance(cause, JSONDecodeError):
        return f"line {cause.lineno}, column {cause.colno}: this is no JSON ({cause.msg})."
    if isinstance(cause, UnicodeDecodeError):
        return f"byte {cause.start + 1}: this is no UTF-8."
    return f"{error}."


def given_claims(claims: object, site: Site, provider_id: str | None = None) -> GivenClaims:
    """Type claims as a verifier would, with what is missing left empty.

    The provider is the one named, else the one whose issuer ``iss`` is, else the only one. Raises ClaimsInvalid.
    """
    if not isinstance(claims, Mapping):
        raise ClaimsInvalid("The claims are no JSON object.")
    issuer = _text(claims, "iss")
    provider = _provider(site, provider_id, issuer)
    names = provider.claims
    return GivenClaims(
        provider=provider.id,
        issuer=issuer or provider.issuers[0],
        subject=_text(claims, names.subject),
        client=_text(claims, "azp") or _text(claims, "client_id"),
        entitlements=tuple(sorted({value for name in names.entitlements for value in texts(claims, name)})),
        assurance=tuple(sorted(set(texts(claims, names.assurance)))),
    )


def texts(claims: Mapping[str, object], name: str) -> tuple[str, ...]:
    """A claim as texts: a single one is one text, a missing one none. Raises ClaimsInvalid, naming the place."""
    value = claims.get(name, [])
    listed = value if isinstance(value, list | tuple) else [value]
    if len(listed) > LIMITS.values:
        raise ClaimsInvalid(f"The claim {name} has {len(listed):,} values; more than {LIMITS.values:,} are refused.")
    for number, text in enumerate(listed):
        if not isinstance(text, str):
            raise ClaimsInvalid(f"Value {number + 1} of the claim {name} is not text but {_kind(text)}.")
        if len(text) > LIMITS.value_size:
            raise ClaimsInvalid(
                f"Value {number + 1} of the claim {name} has {len(text):,} characters; "
                f"more than {LIMITS.value_size:,} are refused."
            )
    return tuple(listed)


def ambiguity(value: str) -> str:
    """What makes this value unsafe to hand to Keystone's mapping engine; empty where nothing does.

    The engine splits every value at ``;``, reads a value that looks like a list as a list, and one that
    starts with ``JSON:`` as JSON.
    """
    if ";" in value:
        return "a semicolon"
    if value.lstrip().startswith("["):
        return "the beginning of a list"
    if value.lstrip().startswith("JSON:"):
        return "the beginning of JSON"
    if not value.isprintable():
        return "a character that cannot be shown"
    return ""


def _provider(site: Site, provider_id: str | None, issuer: str) -> IdentityProvider:
    known = ", ".join(provider.id for provider in site.identity_providers)
    if provider_id is not None:
        found = next((p for p in site.identity_providers if p.id == provider_id), None)
        if found is None:
            raise ClaimsInvalid(f"The policy has no identity provider {quoted(provider_id)}; it has {known}.")
        return found
    if issuer:
        found = site.provider_of(issuer)
    else:
        found = site.identity_providers[0] if len(site.identity_providers) == 1 else None
    if found is None:
        told = f"the issuer {quoted(issuer)} is none of the policy's" if issuer else "the claims name no issuer (iss)"
        raise ClaimsInvalid(f"Whose claims these are is not clear: {told}; the identity providers are {known}.")
    return found


def _text(claims: Mapping[str, object], name: str) -> str:
    found = texts(claims, name)
    if len(found) > 1:
        raise ClaimsInvalid(f"The claim {name} has {len(found)} values; it can have one.")
    return found[0] if found else ""


def _kind(value: object) -> str:
    kinds = {bool: "true or false", int: "a number", float: "a number", dict: "an object", list: "a list"}
    return "null" if value is None else kinds.get(type(value), "something else")
