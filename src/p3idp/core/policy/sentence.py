"""What a help desk is told of one person's access, in one sentence. Owns its words; the facts are explanation.py's.

The reason in it is also what the web page and the token exchange give. Claims are strangers' words: they are shown
harmless and short, and the whole is bounded.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from p3idp.core.policy.claims import TypedClaims
from p3idp.core.policy.decision import Reason, Unusable
from p3idp.core.policy.explanation import Explanation, Gift, Need
from p3idp.core.policy.model import Site
from p3idp.core.policy.nearness import Nearness, is_misspelt
from p3idp.core.policy.quoted import harmless, quoted, several

LONGEST = 1600
MOST_PROJECTS = 3
_TITLE, _WHO, _DETAIL = 80, 120, 300
ALWAYS = "as long as the membership lasts"

# How an entitlement that is nearly right differs, to be read after it.
NEARNESS: Mapping[Nearness, str] = {
    Nearness.CASE: "is the same but for capital and small letters, and entitlements are compared to the letter",
    Nearness.ENCODED: "is the same but for characters written as %xx, and entitlements are compared to the letter",
    Nearness.OTHER_ROLE: "is for the right group, but not for the role that is needed",
    Nearness.SUBGROUP: "is for a subgroup, and a role there does not count for the group above",
    Nearness.PARENT_GROUP: "is for the group above the one that is needed",
    Nearness.OTHER_NAMESPACE: "is for a group of the same name at another identity provider",
    Nearness.LEGACY: "is in a form of earlier days, which gives nothing",
    Nearness.CAPABILITY: "is a capability, and what is needed is membership of a group",
    Nearness.MALFORMED: "mentions this community, but is not a well-formed group entitlement and gives nothing",
}
_CONDITIONS: Mapping[Reason, str] = {
    Reason.ASSURANCE: "{title} asks for an assurance of {wanted}, and {found} came along",
    Reason.ISSUING_CLIENT: "{title} asks for a token issued to {wanted}, and this one was issued to {found}",
    Reason.IDENTITY_PROVIDER: "{title} takes people of the identity provider {wanted} only, and this is {found}",
    Reason.NOT_YET_VALID: "access through {title} begins {moment}",
    Reason.NO_LONGER_VALID: "access through {title} ended {moment}",
    Reason.SUSPENDED: "{detail}",
}


def sentence(claims: TypedClaims, explanation: Explanation, site: Site, now: datetime) -> str:
    """Who has which access until when, or why none and whom to ask."""
    start = f"As of {moment(now)}, {_who(claims, explanation, site)} has"
    if explanation.gifts:
        return harmless(f"{start} access to {_access(explanation.gifts)}.", LONGEST)
    told = f"{start} no access here, because {reason(explanation)}; please ask {ask(explanation, site)}."
    return harmless(told, LONGEST)


def reason(explanation: Explanation) -> str:
    """Why there is no access: the one thing that is nearest to being right, as a clause. Empty where there is some."""
    if explanation.gifts:
        return ""
    if explanation.refusal is not None:
        return explanation.refusal.detail
    if explanation.nearest is not None:
        return _nearly(explanation.nearest)
    held = explanation.held
    if not held:
        return "no entitlements came along"
    misspelt = next((text for text in held if is_misspelt(text)), None)
    none = f"none of the {len(held):,} entitlements is" if len(held) > 1 else "the only entitlement is not"
    odd = f", and {quoted(misspelt)} is malformed" if misspelt is not None else ""
    return f"{none} one that this site's policy asks for{odd}"


def ask(explanation: Explanation, site: Site) -> str:
    """Whom to ask: the community that is nearest, else the site."""
    near = explanation.nearest if explanation.refusal is None else None
    return harmless(near.miss.community.contact if near else site.contact)


def no_project(explanation: Explanation, site: Site) -> str:
    """What somebody without access is told at every door but the page, which says it in its own form."""
    return f"The policy gives you no project: {reason(explanation)}. Ask {ask(explanation, site)}."


def moment(value: datetime) -> str:
    """A moment to the minute, in UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _who(claims: TypedClaims, explanation: Explanation, site: Site) -> str:
    refusal = explanation.refusal
    if refusal is not None and refusal.reason is Unusable.NO_SUBJECT:
        return "this person"
    who = harmless(claims.subject, _WHO)
    provider = site.provider_of(claims.issuer)
    return f"{who} ({harmless(provider.title, _TITLE)})" if provider else who


def _access(gifts: Sequence[Gift]) -> str:
    shown = [
        f"{harmless(str(gift.project), _WHO)} ({harmless(', '.join(gift.roles), _WHO)}) {until(gift.until)}"
        for gift in gifts[:MOST_PROJECTS]
    ]
    more = len(gifts) - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more project{'s' if more > 1 else ''}" if more else "")


def until(end: datetime | None) -> str:
    """How long access lasts."""
    return f"until {moment(end)}" if end else ALWAYS


def _nearly(need: Need) -> str:
    if need.holds:
        return unmet(need)
    closest = min(need.near, key=lambda miss: list(Nearness).index(miss.how))
    wanted = quoted(need.miss.rule.wanted)
    return f"{quoted(closest.held)} {NEARNESS[closest.how]} ({wanted})"


def unmet(need: Need) -> str:
    """The condition besides the entitlement that is not met: what is wanted, and what was found."""
    miss = need.miss
    if miss.reason not in _CONDITIONS:
        return harmless(miss.detail, _DETAIL)
    limit = miss.wanted[0] if miss.wanted else ""
    is_time = miss.reason in (Reason.NOT_YET_VALID, Reason.NO_LONGER_VALID)
    return _CONDITIONS[miss.reason].format(
        title=harmless(miss.community.title, _TITLE),
        wanted=several(miss.wanted, "or"),
        found=several(need.found, most=1) or "none",
        moment=moment(datetime.fromisoformat(limit)) if is_time else "",
        detail=harmless(miss.detail),
    )
