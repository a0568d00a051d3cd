"""Decide for very many logins at one moment, without a trace. Owns the index over the rules, and what it remembers.

What is decided is decide.py's word; a property test holds both together. An entitlement's text leads to the rules
that it opens, and provider, client and assurance to the rules that they allow: the rules of a login are those that
stand in both. People of a community carry the same texts, so both are remembered.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from p3idp.core.login.limits import LIMITS
from p3idp.core.policy.claims import TypedClaims, ambiguity, given_claims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.entitlement import parse_entitlement
from p3idp.core.policy.model import AccessRule, ClaimNames, NamedPerson, Policy, ProviderId, Rule, Site

# So much is remembered of texts, and of pairs of client and assurance; then remembering begins anew.
MOST_TEXTS, MOST_GATES = 65_536, 4_096
_MISSING = ()
_NOBODY: frozenset[int] = frozenset()


class Quick(NamedTuple):
    """Numbers of the rules, and of the people named, that give something; or why none was looked at."""

    provider: str
    subject: str
    rules: frozenset[int] = frozenset()
    refusal: str = ""


class _Odd(Exception):
    """A value that wants a closer look."""


@dataclass(frozen=True, slots=True)
class _Way:
    """Logins of one provider and issuer that were good. ``gates``: client and assurance to the rules they allow."""

    provider: ProviderId
    names: ClaimNames
    gates: dict[object, frozenset[int]] = field(default_factory=dict)


def rules_of(policy: Policy, now: datetime) -> tuple[Rule, ...]:
    """The rules, and the people named, that hold at ``now`` and give something."""
    held: tuple[Rule, ...] = (*policy.rules_at(now), *policy.people_at(now))
    return tuple(rule for rule in held if rule.grants)


class QuickPolicy:
    """Rules that hold at one moment, for the people of a site."""

    def __init__(self, site: Site, rules: Sequence[Rule], now: datetime) -> None:
        self.site, self.rules = site, rules
        asking = {number: rule for number, rule in enumerate(rules) if isinstance(rule, AccessRule)}
        named: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
        for number, rule in enumerate(rules):
            if isinstance(rule, NamedPerson):
                named[rule.condition].add(number)
        self._asking, self._named = asking, {who: frozenset(numbers) for who, numbers in named.items()}
        # Nobody's rules: what decide() refuses here it refuses whatever the rules.
        self._site_alone, self._now = Policy(site, ()), now
        self._by_group = _by_group(asking)
        self._deepest = max((len(rule.entitlement.path) for rule in asking.values()), default=0)
        self._clients = frozenset(client for rule in asking.values() for client in rule.issuing_clients)
        self._assurances = frozenset(value for rule in asking.values() for value in rule.assurance)
        self._opened: dict[str, tuple[int, ...]] = {}
        self._allowed: dict[object, frozenset[int]] = {}
        self._ways: dict[object, _Way] = {}

    def decide(self, claims: TypedClaims) -> Quick:
        """What decide() gives these claims."""
        refusal = decide(self._site_alone, claims, self._now).refusal
        if refusal:  # without the value: a report names people by their subject and tells nothing else of them
            return Quick(claims.provider, claims.subject, refusal=f"{refusal.reason} (claim {refusal.claim})")
        allowed = self._allow(claims.provider, claims.client, claims.assurance)
        opened = (number for text in claims.entitlements for number in self._open(text))
        by_name = self._named.get((claims.provider, claims.subject), _NOBODY)
        return Quick(claims.provider, claims.subject, allowed.intersection(opened) | by_name)

    def decide_given(self, claims: Mapping[str, object], provider: str | None) -> Quick:
        """The same for claims as given_claims() takes them. Raises ClaimsInvalid."""
        try:
            return self._shortcut(claims, provider)
        except (KeyError, TypeError, _Odd):  # never met in this form: a missing key, or no text at all
            typed = given_claims(claims, self.site, provider)
        found = self.decide(typed)
        if not found.refusal:
            self._learn(claims, provider, typed)
        return found

    def _shortcut(self, claims: Mapping[str, object], provider: str | None) -> Quick:
        """The answer where each value is a text known to be good. Only then: every other form raises."""
        way = self._ways[provider, claims.get("iss", "")]
        names = way.names
        subject = claims.get(names.subject)
        if type(subject) is not str or not subject or len(subject) > LIMITS.value_size or ambiguity(subject):
            raise _Odd
        gate = way.gates[_gate(claims, names)]
        opened: list[int] = []
        known = self._opened
        for name in names.entitlements:
            values = claims.get(name, _MISSING)
            if values is not _MISSING:
                for text in _listed(values):
                    opened += known[text] if text in known else self._meet(text)
        by_name = self._named.get((way.provider, subject), _NOBODY)
        return Quick(way.provider, subject, gate.intersection(opened) | by_name if opened else by_name)

    def _meet(self, text: str) -> tuple[int, ...]:
        if type(text) is not str or len(text) > LIMITS.value_size or ambiguity(text):
            raise _Odd
        if len(self._opened) >= MOST_TEXTS:
            self._opened.clear()
        numbers = self._opened[text] = self._open(text)
        return numbers

    def _learn(self, claims: Mapping[str, object], provider: str | None, typed: TypedClaims) -> None:
        names = self.site.provider(typed.provider).claims
        try:
            way = self._ways.setdefault((provider, claims.get("iss", "")), _Way(typed.provider, names))
            if len(way.gates) >= MOST_GATES:
                way.gates.clear()
            way.gates[_gate(claims, names)] = self._allow(typed.provider, typed.client, typed.assurance)
        except TypeError:  # a list of one text is read as that text, but cannot be a key
            return

    def _open(self, text: str) -> tuple[int, ...]:
        """The rules that this entitlement opens, all other conditions aside."""
        held = parse_entitlement(text)
        if held is None:
            return ()
        depths = range(1, min(len(held.path), self._deepest) + 1)
        near = (number for depth in depths for number in self._by_group.get((held.namespace, held.path[:depth]), ()))
        return tuple(number for number in near if held.grants(self._asking[number].entitlement))

    def _allow(self, provider: ProviderId, client: str, assurance: Sequence[str]) -> frozenset[int]:
        """The rules whose conditions besides the entitlement are met. Values that no rule names change nothing."""
        key = (provider, client if client in self._clients else None, self._assurances.intersection(assurance))
        if key not in self._allowed:
            if len(self._allowed) >= MOST_GATES:
                self._allowed.clear()
            met = (n for n, rule in self._asking.items() if _meets(rule, provider, client, key[2]))
            self._allowed[key] = frozenset(met)
        return self._allowed[key]


def _by_group(rules: Mapping[int, AccessRule]) -> Mapping[tuple[str, tuple[str, ...]], Sequence[int]]:
    found: dict[tuple[str, tuple[str, ...]], list[int]] = {}
    for number, rule in rules.items():
        found.setdefault((rule.entitlement.namespace, rule.entitlement.path), []).append(number)
    return found


def _meets(rule: AccessRule, provider: ProviderId, client: str, assurance: frozenset[str]) -> bool:
    return (
        (not rule.identity_providers or provider in rule.identity_providers)
        and (not rule.issuing_clients or client in rule.issuing_clients)
        and (not rule.assurance or not assurance.isdisjoint(rule.assurance))
    )


def _gate(claims: Mapping[str, object], names: ClaimNames) -> object:
    """Client and assurance as they came. What is no text makes a key that was never learnt, or none at all."""
    client = claims.get("azp", "")
    if client == "":
        client = claims.get("client_id", "")
    assurance = claims.get(names.assurance, _MISSING)
    return client, tuple(assurance) if type(assurance) is list else assurance


def _listed(value: object) -> Sequence[str]:
    # An object iterates over its names: only a list may be walked.
    if type(value) is list and len(value) <= LIMITS.values:
        return value
    if type(value) is str:
        return (value,)
    raise _Odd
