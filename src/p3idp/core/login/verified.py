"""Make VerifiedClaims from a token whose signature held and what its issuer says of it.

Owns how the two are joined: identity comes from the signed token, entitlements from the issuer's fresh answer.
"""

from collections.abc import Mapping

from p3idp.core.login.answers import Answer
from p3idp.core.login.reasons import Reason, Refusal
from p3idp.core.login.rules import is_subject
from p3idp.core.login.times import as_datetime, moment
from p3idp.core.login.tokens import VerifiedClaims
from p3idp.core.login.values import all_texts, shown_text, texts
from p3idp.core.policy.model import ClaimNames, IdentityProvider

_SHOWN = ("iss", "sub", "voperson_id", "name", "given_name", "family_name", "preferred_username", "email")


def verified_claims(
    provider: IdentityProvider, token: Answer, answer: Answer, profile: Answer | None = None
) -> VerifiedClaims:
    """Join the claims of a believed token with a checked answer (and, at a sign-in, the person's profile).

    Only a verifier calls this, after signature, rules and answer have been checked. Entitlements a token carries
    itself are not used: they may have been taken away since it was issued. Raises TokenRefused.
    """
    names = provider.claims
    subject = _subject(names.subject, token, answer)
    person = {**token, **answer, **(profile or {})}
    scope = texts({"scope": answer.get("scope", token.get("scope", ""))}, "scope")
    return VerifiedClaims(
        provider=provider.id,
        issuer=str(token["iss"]),
        subject=subject,
        client=str(token.get("azp", token.get("client_id", ""))),
        issued_at=as_datetime(moment(token["iat"]) or 0.0),
        expires_at=as_datetime(_end(token, answer)),
        entitlements=all_texts(answer, names.entitlements),
        assurance=all_texts(answer, (names.assurance,)),
        scopes=tuple(sorted(set(" ".join(scope).split()))),
        display_name=shown_text(person, ("name", "preferred_username")) or subject,
        shown=_shown(names, person, answer),
        by_claim=tuple((name, all_texts(answer, (name,))) for name in sorted(names.entitlements)),
    )


def _subject(name: str, token: Answer, answer: Answer) -> str:
    """The person's name under the claim the policy chose: signed where possible, and never two different ones."""
    given = [source[name] for source in (token, answer) if name in source]
    if not given or not all(is_subject(value) and value == given[0] for value in given):
        raise Refusal(
            Reason.SUB, f"The identity provider does not say clearly whose token this is ({name})."
        ).as_error()
    return str(given[0])


def _end(token: Answer, answer: Answer) -> float:
    """The earlier of the two ends."""
    ends = [end for source in (token, answer) if (end := moment(source.get("exp"))) is not None]
    return min(ends)


def _shown(names: ClaimNames, person: Answer, answer: Answer) -> Mapping[str, object]:
    """What a person may read about themselves, under the provider's own claim names."""
    single = {name: text for name in _SHOWN if (text := shown_text(person, (name,)))}
    lists = {name: list(texts(answer, name)) for name in (*names.entitlements, names.assurance) if name in answer}
    return dict(sorted({**single, **lists}.items()))
