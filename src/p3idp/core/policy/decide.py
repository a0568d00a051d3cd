"""Decide who may use what, from typed claims. Owns the conditions and their order; the values are decision.py's.

Nothing here splits, searches or evaluates text. Values that Keystone's mapping engine would read as more than
one value, or as something else than text, are refused, so that both engines give the same access.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from p3idp.core.policy.claims import TypedClaims, ambiguity
from p3idp.core.policy.decision import (
    Decision,
    Granted,
    ProjectAccess,
    Reason,
    Refusal,
    Refused,
    Unusable,
    Verdict,
)
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import AccessRule, Community, IdentityProvider, Policy, ProjectRef, Rule, Suspension
from p3idp.core.policy.quoted import quoted

CLIENT_CLAIM = "azp"


def decide(policy: Policy, claims: TypedClaims, now: datetime) -> Decision:
    """What ``claims`` give under ``policy`` at ``now``. Raises nothing: a refusal is an answer."""
    provider = policy.site.provider_of(claims.issuer)
    refusal = _general_refusal(provider, claims) or _nobody_named(policy, provider, claims)
    if provider is None or refusal:
        return Decision((), (), refusal)
    held = [(text, entitlement) for text in claims.entitlements if (entitlement := parse_entitlement(text))]
    trace = tuple(
        verdict
        for community in policy.communities
        for verdict in (
            *(_judge(community, rule, provider, held, claims, now) for rule in community.rules),
            *_by_name(community, claims, now),
        )
    )
    return Decision(_access(v for v in trace if isinstance(v, Granted)), trace)


def _general_refusal(provider: IdentityProvider | None, claims: TypedClaims) -> Refusal | None:
    if provider is None or provider.id != claims.provider:
        told = f"the issuer {quoted(claims.issuer)} does not belong to the identity provider {quoted(claims.provider)}"
        return Refusal(Unusable.UNKNOWN_ISSUER, "iss", claims.issuer, told)
    if provider.suspended is not None:
        return Refusal(Unusable.PROVIDER_SUSPENDED, "iss", claims.issuer, provider_suspension(provider))
    names = provider.claims
    if not claims.subject:
        return Refusal(
            Unusable.NO_SUBJECT, names.subject, "", f"the claim {names.subject} is empty, so nobody is named"
        )
    # Where audiences are listed too, a token of another client may be addressed to one: its verifier has seen to it.
    listed = provider.issuing_clients and not provider.audiences
    if listed and claims.client not in provider.issuing_clients:
        who = quoted(claims.client) if claims.client else "(none named)"
        told = f"tokens issued to the client {who} are not accepted here"
        return Refusal(Unusable.FOREIGN_CLIENT, CLIENT_CLAIM, claims.client, told)
    return next(_ambiguous(provider, claims), None)


def _nobody_named(policy: Policy, provider: IdentityProvider | None, claims: TypedClaims) -> Refusal | None:
    """Of a provider that is verified by keys only who is named gets anything, so no rule need be looked at."""
    who = (claims.provider, claims.subject)
    people = (person for community in policy.communities for person in community.people)
    if provider is None or not provider.by_keys or any(person.condition == who for person in people):
        return None
    told = f"the policy does not name {quoted(claims.subject)} of {provider.title}"
    return Refusal(Unusable.NOT_NAMED, provider.claims.subject, claims.subject, told)


def _ambiguous(provider: IdentityProvider, claims: TypedClaims) -> Iterator[Refusal]:
    names = provider.claims
    given = (
        (names.subject, (claims.subject,)),
        (CLIENT_CLAIM, (claims.client,)),
        (" or ".join(names.entitlements), claims.entitlements),
        (names.assurance, claims.assurance),
    )
    for claim, value, why in ((claim, value, ambiguity(value)) for claim, values in given for value in values):
        if why:
            told = f"the claim {claim} holds {why}, which Keystone would not read as it stands: {quoted(value)}"
            yield Refusal(Unusable.AMBIGUOUS_VALUE, claim, value, told)


def _judge(
    community: Community,
    rule: AccessRule,
    provider: IdentityProvider,
    held: Sequence[tuple[str, Entitlement]],
    claims: TypedClaims,
    now: datetime,
) -> Verdict:
    outside = _outside_validity(community, rule, now)
    if outside is not None:
        return outside
    if rule.identity_providers and provider.id not in rule.identity_providers:
        told = f"the rule wants {', '.join(rule.identity_providers)}; this is {provider.id}"
        return Refused(community, rule, Reason.IDENTITY_PROVIDER, told, rule.identity_providers, (provider.id,))
    through = next((text for text, entitlement in held if entitlement.grants(rule.entitlement)), None)
    if through is None:
        told = f"none of the entitlements is {rule.entitlement}"
        return Refused(community, rule, Reason.ENTITLEMENT, told, (str(rule.entitlement),), claims.entitlements)
    if rule.issuing_clients and claims.client not in rule.issuing_clients:
        told = f"the token must be issued to {' or '.join(rule.issuing_clients)}"
        found = (claims.client,) if claims.client else ()
        return Refused(community, rule, Reason.ISSUING_CLIENT, told, rule.issuing_clients, found)
    if rule.assurance and not set(rule.assurance) & set(claims.assurance):
        told = f"the assurance must be {' or '.join(rule.assurance)}"
        return Refused(community, rule, Reason.ASSURANCE, told, rule.assurance, claims.assurance)
    return _unless_suspended(community, rule, through)  # last: nobody learns why who would not get in anyway


def _by_name(community: Community, claims: TypedClaims, now: datetime) -> Iterator[Verdict]:
    """Verdicts on this very person: provider and subject to the letter."""
    for person in community.people:
        if person.condition == (claims.provider, claims.subject):
            yield _outside_validity(community, person, now) or _unless_suspended(community, person, claims.subject)


def _unless_suspended(community: Community, rule: Rule, through: str) -> Verdict:
    if community.suspended is not None:
        told = f"the community {community.name} is suspended{_since(community.suspended)}"
        return Refused(community, rule, Reason.SUSPENDED, told, (), (through,))
    return Granted(community, rule, through, earliest(community.validity.until, rule.validity.until))


def provider_suspension(provider: IdentityProvider) -> str:
    """Since when, and why, nobody comes in through this identity provider, as a clause. For one that is suspended."""
    return f"signing in through {provider.title} is suspended{_since(provider.suspended)}"


def _since(stopped: Suspension | None) -> str:
    if stopped is None:
        return ""
    return f" since {stopped.since:%Y-%m-%d}" + (f": {stopped.reason}" if stopped.reason else "")


def _outside_validity(community: Community, rule: Rule, now: datetime) -> Refused | None:
    itself = "this rule" if isinstance(rule, AccessRule) else "this access by name"
    for what, validity in ((f"the community {community.name}", community.validity), (itself, rule.validity)):
        if validity.start is not None and now < validity.start:
            told = f"{what} begins {validity.start:%Y-%m-%d}"
            return Refused(community, rule, Reason.NOT_YET_VALID, told, (validity.start.isoformat(),), (_said(now),))
        if validity.until is not None and now >= validity.until:
            told = f"{what} ended {validity.until:%Y-%m-%d}"
            return Refused(community, rule, Reason.NO_LONGER_VALID, told, (validity.until.isoformat(),), (_said(now),))
    return None


def _said(now: datetime) -> str:
    return now.isoformat(timespec="seconds")


def earliest(*moments: datetime | None) -> datetime | None:
    """The first of several ends; None means never."""
    return min((moment for moment in moments if moment is not None), default=None)


def _access(granted: Iterable[Granted]) -> tuple[ProjectAccess, ...]:
    """Add up what the rules give: a role lasts as long as the longest rule that gives it."""
    ends: dict[ProjectRef, dict[str, datetime | None]] = {}
    for verdict in granted:
        for project, roles in verdict.rule.grants:
            held = ends.setdefault(project, {})
            for role in roles:
                held[role] = _latest(held[role], verdict.until) if role in held else verdict.until
    return tuple(
        ProjectAccess(project, tuple(sorted(roles)), earliest(*roles.values()))
        for project, roles in sorted(ends.items())
    )


def _latest(one: datetime | None, other: datetime | None) -> datetime | None:
    return None if one is None or other is None else max(one, other)
