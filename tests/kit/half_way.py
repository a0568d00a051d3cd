"""Policies that change a lot at once, everybody who might come in, and what each of them has at a moment.

Drawn by a seeded generator, biased to what is hard: groups that other people come into and that give other roles.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import product

from p3idp.core.access.plan import Change
from p3idp.core.access.resources import Kind, Resource, Snapshot
from p3idp.core.audit.event import canonical
from p3idp.core.keystone_rules import Mapped, compile_rules
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    Policy,
    PolicyId,
    Project,
    ProjectRef,
    ProviderId,
    Site,
    Suspension,
    VerbatimRules,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
DOMAIN = "egi"
CLIENTS = ("p3idp", "cli")
LEVEL = "https://refeds.org/assurance/IAP/medium"
ISSUERS = {"egi": ("https://egi.test/a", "https://egi.test/b"), "hub": ("https://hub.test",)}
_TEXTS = [f"urn:mace:egi.eu:group:{vo}:role=member" for vo in ("vo.one", "vo.two", "vo.three")]
ENTITLEMENTS: list[Entitlement] = [found for text in _TEXTS if (found := parse_entitlement(text))]
GROUPS = ["", "", "shared", "other"]
# (provider, issuer, client, entitlements, assured)
Person = tuple[str, str, str, tuple[str, ...], bool]
Access = frozenset[tuple[str, str]]

PEOPLE: list[Person] = [
    (provider, issuer, client, held, assured)
    for provider, issuers in ISSUERS.items()
    for issuer, client, held, assured in product(
        issuers, CLIENTS, [(), *((text,) for text in _TEXTS), tuple(_TEXTS[:2])], (False, True)
    )
]


def drawn(rng: random.Random) -> Policy:
    """A policy that the loader would accept. Its text is a name under which it is found again."""
    providers = [_provider(rng, name) for name in ("egi", "hub") if name == "egi" or rng.random() < 0.5]
    site = Site(PolicyId("p"), "t", DOMAIN, "c", tuple(providers))
    communities = tuple(_community(rng, f"c{n}", providers) for n in range(rng.randint(1, 3)))
    others = [provider for provider in providers if rng.random() < 0.2]
    rules = tuple(verbatim(provider, rng.choice(GROUPS[2:]), rng.choice(CLIENTS)) for provider in others)
    return Policy(site, _apart(communities), verbatim=rules, texts={"site.yaml": str(rng.random())})


def _provider(rng: random.Random, name: str) -> IdentityProvider:
    issuers = [each for each in ISSUERS[name] if rng.random() < 0.8] or [ISSUERS[name][0]]
    return IdentityProvider(
        id=ProviderId(name),
        title="x",
        issuers=tuple(issuers),
        protocol="openid",
        claims=ClaimNames("sub", ("entitlements",)),
        scopes=("openid",),
        authorization_ttl=timedelta(hours=rng.choice([1, 8])),
        issuing_clients=rng.choice([CLIENTS, CLIENTS[:1], ()]),
        suspended=Suspension(NOW) if rng.random() < 0.1 else None,
    )


def _community(rng: random.Random, name: str, providers: Sequence[IdentityProvider]) -> Community:
    projects = [Project(ProjectRef(DOMAIN, project)) for project in ("p1", "p2")]
    rules = [
        AccessRule(
            entitlement=rng.choice(ENTITLEMENTS),
            grants=tuple(
                (project.ref, tuple(sorted(rng.sample(["member", "reader"], rng.randint(1, 2)))))
                for project in rng.sample(projects, rng.randint(1, 2))
            ),
            assurance=rng.choice([(), (), (LEVEL,)]),
            identity_providers=rng.choice([(), (), (providers[-1].id,)]),
            issuing_clients=rng.choice([(), (), ("cli",)]),
            group_name=rng.choice(GROUPS),
            place=(name, number),
        )
        for number in range(rng.randint(1, 3))
    ]
    return Community(
        name, "t", "c", tuple(projects), tuple(rules), suspended=rng.choice([None] * 5 + [Suspension(NOW)])
    )


def verbatim(provider: IdentityProvider, group: str, client: str) -> VerbatimRules:
    """A rule of somebody else's: it asks for no issuer."""
    where = {"name": DOMAIN}
    local = {"user": {"id": "{0}", "name": "{0}", "domain": where}, "group": {"name": group, "domain": where}}
    remote = [{"type": "OIDC-sub"}, {"type": "OIDC-azp", "any_one_of": [client]}]
    return VerbatimRules(provider.id, ({"local": [local], "remote": remote},), "x.json", (1,))


def _apart(communities: Sequence[Community]) -> tuple[Community, ...]:
    """A rule that the loader would not let share a group gives what the first of them gives."""
    first: dict[str, AccessRule] = {}
    return tuple(
        replace(
            each,
            rules=tuple(
                replace(rule, grants=first.setdefault(rule.group, rule).grants, place=first[rule.group].place)
                for rule in each.rules
            ),
        )
        for each in communities
    )


def access(snapshot: Snapshot) -> Mapping[Person, Access]:
    """What each person has who signs in now: by Keystone's rules as imitated, and the grants that stand."""
    grants: dict[str, set[tuple[str, str]]] = {name: set() for _, name in snapshot.of(Kind.GROUP)}
    for key in snapshot.of(Kind.ROLE_ASSIGNMENT):
        grants[key[1]].add((key[5], key[2]))
    return {
        person: frozenset(right for group in _groups(snapshot, person) for right in grants.get(group, ()))
        for person in PEOPLE
    }


def _groups(snapshot: Snapshot, person: Person) -> frozenset[str]:
    name, issuer = person[:2]
    provider = snapshot.of(Kind.IDENTITY_PROVIDER).get((name,))
    protocol = snapshot.of(Kind.PROTOCOL).get((name, "openid"))
    if not provider or not protocol or not provider.attributes["enabled"]:
        return frozenset()
    if issuer not in provider.attributes["issuers"]:
        return frozenset()
    mapping = snapshot.of(Kind.MAPPING)[str(protocol.attributes["mapping"]),]
    return _mapped(canonical(mapping.attributes["rules"]), str(mapping.attributes["schema_version"]), person)


@cache
def _mapped(rules: str, version: str, person: Person) -> frozenset[str]:
    _, issuer, client, held, assured = person
    shown = {"sub": "someone", "iss": issuer, "azp": client, "entitlements": ";".join(held)}
    attributes = {f"OIDC-{name}": value for name, value in shown.items() if value}
    attributes |= {"OIDC-eduperson_assurance": LEVEL} if assured else {}
    outcome = _compiled(rules, version).evaluate(attributes)
    return frozenset(group.name for group in outcome.groups) if isinstance(outcome, Mapped) else frozenset()


@cache
def _compiled(rules: str, version: str):
    return compile_rules(json.loads(rules), version)


def beyond(now: Mapping[Person, Access], *sides: Mapping[Person, Access]) -> Iterator[tuple[Person, Access]]:
    """Who has what none of the sides gives."""
    for person, held in now.items():
        if more := held - frozenset().union(*(side[person] for side in sides)):
            yield person, more


def applied(changes: Sequence[Change], snapshot: Snapshot) -> Snapshot:
    """What stands after these changes; a group that goes takes its grants along, as in Keystone."""
    held = {(r.kind, r.key): r for r in snapshot.resources}
    for change in changes:
        place = (change.resource.kind, change.resource.key)
        if change.after is not None:
            held[place] = change.after
            continue
        held.pop(place, None)
        if place[0] is Kind.GROUP:
            held = {p: r for p, r in held.items() if p[0] is not Kind.ROLE_ASSIGNMENT or p[1][:2] != place[1]}
    return replace(snapshot, resources=tuple(held.values()))


def empty() -> Snapshot:
    """A Keystone where nothing of ours stands."""
    return Snapshot((), {"member": ("reader",), "reader": (), "admin": ("member",)})


def put(snapshot: Snapshot, *resources: Resource) -> Snapshot:
    """The same with what somebody else put there."""
    return replace(snapshot, resources=(*snapshot.resources, *resources))
