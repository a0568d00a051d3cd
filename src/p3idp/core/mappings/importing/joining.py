"""Old rules joined into rules of the policy: one for each group, entitlement and assurance.

Owns which claims, clients and audiences the provider gets. A join is taken only where the compiler makes of it exactly
the ways in that the old rules had; the others stay as they are.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from p3idp.core.mappings.importing.remarks import Remark, kept
from p3idp.core.mappings.importing.sorting import Common, most_common
from p3idp.core.mappings.importing.terms import Terms
from p3idp.core.mappings.ways import Way, needed, ways_in
from p3idp.core.policy.entitlement import Entitlement
from p3idp.core.policy.model import AccessRule, IdentityProvider

# A group, and what must be shown for it.
Key = tuple[str, Entitlement, frozenset[str] | None]
Listed = frozenset[str] | None


@dataclass(frozen=True, slots=True)
class Joined:
    """Rules without grants, each with the old rules that it says; and the provider's lists."""

    claims: tuple[str, ...]
    clients: tuple[str, ...]
    audiences: tuple[str, ...]
    rules: tuple[tuple[AccessRule, tuple[Terms, ...]], ...]
    remarks: tuple[Remark, ...]


@dataclass(slots=True)
class _Join:
    """The rules still in, and what was said of those that left."""

    common: Common
    provider: IdentityProvider
    left: dict[int, Remark] = field(default_factory=dict)

    def leave(self, code: str, terms: Sequence[Terms], told: str) -> None:
        for each in terms:
            self.left.setdefault(each.number, kept(code, each.number, told))


def join(terms: Sequence[Terms], common: Common, provider: IdentityProvider) -> Joined:
    """Join rules; ``provider`` is the policy's so far, without lists. Those that do not fit are in the remarks."""
    work = _Join(common, provider)
    while True:
        staying = [each for each in terms if each.number not in work.left]
        before = len(work.left)
        gathered = _gathered(staying, common)
        work.provider = _with_lists(provider, staying, gathered)
        rules = [rule for key, found in gathered.items() if (rule := _rule(work, key, found))]
        if len(work.left) == before:
            # A rule leaves with all its entitlements, so what the others say is only known once none leaves.
            lists = work.provider
            claims = lists.claims.entitlements if rules else ()
            left = tuple(work.left[number] for number in sorted(work.left))
            return Joined(claims, lists.issuing_clients, lists.audiences, tuple(rules), left)


def _gathered(terms: Sequence[Terms], common: Common) -> Mapping[Key, list[Terms]]:
    found: defaultdict[Key, list[Terms]] = defaultdict(list)
    for each in terms:
        for group in each.groups:
            for entitlement in dict.fromkeys(wanted.entitlement for wanted in each.wanted):
                found[group[1], entitlement, each.others.get(common.assurance)].append(each)
    return found


def _with_lists(
    provider: IdentityProvider, terms: Sequence[Terms], found: Mapping[Key, list[Terms]]
) -> IdentityProvider:
    """The provider with the entitlement claims, clients and audiences that most rules ask for."""
    claims = most_common(tuple(sorted({each.claim for each in key})) for key in found.values()) or ()
    audiences = most_common(each.audiences for each in terms if each.audiences) or frozenset()
    by_client = [each.clients for each in terms if each.audiences is None]
    clients = frozenset().union(*(each for each in by_client if each)) if all(by_client) else frozenset()
    return replace(
        provider,
        claims=replace(provider.claims, entitlements=claims),
        issuing_clients=tuple(sorted(clients)),
        audiences=tuple(sorted(audiences)),
    )


def _rule(work: _Join, key: Key, terms: list[Terms]) -> tuple[AccessRule, tuple[Terms, ...]] | None:
    names = set(work.provider.claims.entitlements)
    if {each.claim for each in terms} != names:
        asked = ", ".join(sorted({each.claim for each in terms}))
        told = f"it finds the entitlement in {asked}; most rules find theirs in {', '.join(sorted(names))}"
        work.leave("other-claim-names", terms, told)
        return None
    group, entitlement, assurance = key
    bare = AccessRule(entitlement, (), assurance=tuple(sorted(assurance or ())), group_name=group)
    given = _minimal(_way(bare, each) for each in terms)
    for own in (None, *_candidates(terms)):
        rule = replace(bare, issuing_clients=tuple(sorted(own or ())))
        if _minimal(ways_in(work.provider, rule)) == given:
            shown = "" if group == entitlement.short else group
            return replace(rule, group_name=shown), tuple(terms)
    work.leave("other-clients", terms, "it asks for other clients or audiences than most rules do")
    return None


def _way(rule: AccessRule, terms: Terms) -> Way:
    assurance = frozenset(rule.assurance) or None
    return Way(rule.group, terms.claim, rule.entitlement, assurance, terms.clients, terms.audiences)


def _minimal(ways: Iterator[Way]) -> frozenset[Way]:
    by_claim: defaultdict[str, set[Way]] = defaultdict(set)
    for way in ways:
        by_claim[way.claim].add(way)
    return frozenset(way for each in by_claim.values() for way in needed(each))


def _candidates(terms: Sequence[Terms]) -> Iterator[frozenset[str]]:
    """The clients that the rule of the policy may ask for: what one of the old rules did, or all together."""
    lists = [each.clients for each in terms if each.clients]
    yield from lists
    yield frozenset().union(*lists)
