"""Whole policies and the logins that try them, for properties: drawn by hypothesis, biased to near misses.

A Login is one person at an identity provider, as claims; it can be read as p3idp types it and as Keystone sees it.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from p3idp.core.keystone_rules import Mapped
from p3idp.core.mappings.compile import attribute
from p3idp.core.policy.claims import GivenClaims
from p3idp.core.policy.decide import decide
from p3idp.core.policy.decision import Granted, Reason
from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    NamedPerson,
    Policy,
    PolicyId,
    Project,
    ProjectRef,
    ProviderId,
    Site,
    Suspension,
    Validity,
)

NOW = datetime(2026, 11, 22, 9, tzinfo=UTC)
SPANS = [
    Validity(),
    Validity(),
    Validity(NOW, NOW + timedelta(days=1)),
    Validity(NOW + timedelta(seconds=1)),
    Validity(None, NOW),
    Validity(NOW - timedelta(days=1)),
]
ENTITLEMENTS = [
    parse_entitlement(text)
    for text in (
        "urn:mace:egi.eu:group:vo.one",
        "urn:mace:egi.eu:group:vo.one:role=member",
        "urn:mace:egi.eu:group:vo.one:sub:role=member",
        "urn:mace:egi.eu:group:vo.one:sub",
        "urn:mace:egi.eu:group:voXone:role=member",
        "urn:mace:egi.eu:group:{0}:role={user}",
        "urn:mace:egi.eu:group:a%2Fb:role=50%25",
        "urn:mace:egi.eu:group:names.(a+)+$:role=.*",
        "urn:geant:other.test:group:vo.one:role=member",
    )
]
CLIENTS = ["p3idp", "keystone", "cli", "x"]
LEVELS = ["https://refeds.org/assurance/IAP/low", "https://refeds.org/assurance/IAP/medium", "{0}"]
GROUPS = ["", "", "", "{0} {braces}", "gruppe äöü 群", "names, [quoted] 'x'", "50% {", "shared"]
SUBJECTS = ["someone@egi.eu", "all", "O'Hara", "{0}", "50%25@x", "a/b c", "3f2a@egi.eu"]
DOMAINS = ["egi", "Domäne {0}"]


@dataclass(frozen=True)
class Login:
    """Claims of one login. ``entitlements`` and ``assurance`` by the claim that holds them."""

    provider: IdentityProvider
    issuer: str
    subject: str
    client: str
    entitlements: dict[str, tuple[str, ...]]
    assurance: tuple[str, ...] = ()
    audiences: tuple[str, ...] = ()
    more: dict[str, str] = field(default_factory=dict)

    def typed(self) -> GivenClaims:
        """As p3idp reads it."""
        values = tuple(
            sorted({v for name in self.provider.claims.entitlements for v in self.entitlements.get(name, ())})
        )
        return GivenClaims(self.provider.id, self.issuer, self.subject, self.client, values, self.assurance)

    def assertion(self) -> dict[str, str]:
        """As Keystone sees it."""
        claims = {"iss": (self.issuer,), "azp": (self.client,), "aud": self.audiences, **self.entitlements}
        claims = {**claims, self.provider.claims.subject: (self.subject,)}
        claims[self.provider.claims.assurance] = self.assurance
        return {attribute(name): ";".join(values) for name, values in claims.items() if any(values)}

    @property
    def is_believed(self) -> bool:
        """Whether p3idp's verifier, or a provider that asks nothing of clients, lets these claims pass at all."""
        listed = self.provider.issuing_clients or self.provider.audiences
        by_client = self.client in self.provider.issuing_clients
        return not listed or by_client or bool(set(self.audiences) & set(self.provider.audiences))


def groups_decided(policy: Policy, login: Login) -> set[str]:
    """The groups of what is granted; those of a suspended community stay, and carry nothing."""
    if not login.is_believed:
        return set()
    trace = decide(policy, login.typed(), NOW).trace
    return {v.rule.group for v in trace if isinstance(v, Granted) or v.reason is Reason.SUSPENDED}


def some(values: list[str], most: int = 3) -> st.SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), max_size=most, unique=True).map(tuple)


@st.composite
def providers(draw: st.DrawFn, number: int) -> IdentityProvider:
    aliases = ["entitlements", "eduperson_entitlement", "groups.v1"]
    return IdentityProvider(
        id=ProviderId(f"idp{number}"),
        title="x",
        issuers=tuple(f"https://idp{number}.test{tail}" for tail in draw(some(["", "/", "/a/b"])) or ("",)),
        protocol="openid",
        claims=ClaimNames(
            draw(st.sampled_from(["sub", "voperson_id", "o.i-d"])), draw(some(aliases)) or ("groups.v1",)
        ),
        scopes=("openid",),
        authorization_ttl=timedelta(hours=1),
        issuing_clients=draw(some(CLIENTS)),
        audiences=draw(st.one_of(st.just(()), some(["cloud", "x"]))),
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    """Policies that the loader would accept, as values."""
    known = tuple(draw(providers(number)) for number in range(draw(st.integers(1, 2))))
    site = Site(PolicyId("p"), "t", draw(st.sampled_from(DOMAINS)), "c", known)
    communities = tuple(draw(communities_of(site, f"c{n}")) for n in range(draw(st.integers(1, 3))))
    return Policy(site, _without_clashes(communities))


@st.composite
def communities_of(draw: st.DrawFn, site: Site, name: str) -> Community:
    project = Project(ProjectRef(site.domain, name))
    ids = [str(provider.id) for provider in site.identity_providers]
    rules = tuple(
        AccessRule(
            entitlement=draw(st.sampled_from(ENTITLEMENTS)),
            grants=((project.ref, (draw(st.sampled_from(["member", "member", "reader"])),)),),
            validity=draw(st.sampled_from(SPANS)),
            assurance=tuple(sorted(draw(st.one_of(st.just(()), some(LEVELS))))),
            identity_providers=tuple(sorted(ProviderId(i) for i in draw(st.one_of(st.just(()), some(ids))))),
            issuing_clients=tuple(sorted(draw(st.one_of(st.just(()), some(CLIENTS))))),
            group_name=draw(st.sampled_from(GROUPS)),
            place=(name, n + 1),
        )
        for n in range(draw(st.integers(1, 4)))
    )
    people = tuple(
        NamedPerson(
            subject=draw(st.sampled_from(SUBJECTS)),
            identity_provider=ProviderId(draw(st.sampled_from(ids))),
            grants=((project.ref, (draw(st.sampled_from(["member", "reader"])),)),),
            validity=draw(st.sampled_from(SPANS)),
            place=(name, 100 + n),
        )
        for n in range(draw(st.integers(0, 3)))
    )
    stopped = draw(st.sampled_from([None, None, None, Suspension(NOW, "looked into")]))
    return Community(
        name, "t", "c", (project,), rules, validity=draw(st.sampled_from(SPANS)), suspended=stopped, people=people
    )


def _without_clashes(communities: tuple[Community, ...]) -> tuple[Community, ...]:
    """Rules that the loader refuses to let share a group get one of their own."""
    first: dict[str, AccessRule] = {}
    kept = []
    for community in communities:
        rules = []
        for number, rule in enumerate(community.rules):
            other = first.setdefault(rule.group, rule)
            same = other.condition == rule.condition or (other.place[0], other.grants) == (rule.place[0], rule.grants)
            alike = [
                r for c in (*kept, replace(community, rules=tuple(rules))) for r in c.rules if r.group == rule.group
            ]
            clash = (
                len({r.condition for r in (*alike, rule)}) > 1
                and len({(r.place[0], r.grants) for r in (*alike, rule)}) > 1
            )
            rules.append(rule if same and not clash else replace(rule, group_name=f"own {community.name} {number}"))
        kept.append(replace(community, rules=tuple(rules)))
    return tuple(kept)


def near(entitlement: Entitlement) -> list[str]:
    """Texts that are this entitlement, or nearly."""
    text = str(entitlement)
    role = "" if entitlement.role else ":role=member"
    return [
        f"{text}#aai.egi.eu",
        text,
        text + role,
        f"{text.split(':role=')[0]}:deeper{role or ':role=' + str(entitlement.role)}",
        text.replace("urn:mace", "URN:Mace").replace(":group:", ":GROUP:"),
        text.replace("%2F", "%2f"),
        text.replace("vo.one", "voXone"),
        text.replace("vo.one", "VO.one"),
        f"{text}-evil",
        f"x{text}",
        text.rpartition(":")[0],
        f"{text} ",
        text.replace("mace", "\u017face").replace("role", "ro\u2113e"),
    ]


def groups_at_keystone(policy: Policy, provider: IdentityProvider, mapped: Mapped) -> set[str]:
    """The groups that a login gets by the mapping, and those that its user is in for good, by being named."""
    named = {person.group for person in policy.people_at(NOW) if person.condition == (provider.id, mapped.person.id)}
    return {group.name for group in mapped.groups} | named


def named_in(policy: Policy) -> list[NamedPerson]:
    """Everybody whom some community names, whenever."""
    return [person for community in policy.communities for person in community.people]


def logins_by_name(policy: Policy) -> Iterator[Login]:
    """Who is named, at every provider, and everybody who is nearly called so; they hold nothing else."""
    for provider in policy.site.identity_providers:
        client = next(iter(provider.issuing_clients), "p3idp")
        for subject in dict.fromkeys(person.subject for person in named_in(policy)):
            base = Login(provider, provider.issuers[-1], subject, client, {}, (), provider.audiences[:1])
            yield base
            for other in (
                subject.upper(),
                f"{subject}x",
                f" {subject}",
                subject[:-1] or "x",
                quote(subject),
                f"{subject} ",
            ):
                yield replace(base, subject=other)
            for other in (*CLIENTS, "", "P3idp"):
                yield replace(base, client=other)
                yield replace(base, client=other, audiences=())
            yield replace(base, issuer="https://evil.test")
            yield replace(base, issuer=base.issuer.upper())


def logins(policy: Policy) -> Iterator[Login]:
    """For each provider and rule: one who gets in, and everybody who nearly does; and so for each who is named."""
    yield from logins_by_name(policy)
    rules = [rule for community in policy.communities for rule in community.rules]
    for provider in policy.site.identity_providers:
        everything = tuple(sorted({f"{rule.entitlement}#a" for rule in rules}))
        for rule in rules:
            base = whole(provider, rule)
            yield base
            yield from _changed(base, rule)
        for names in (provider.claims.entitlements, provider.claims.entitlements[:1]):
            held = dict.fromkeys(names, everything)
            yield Login(provider, provider.issuers[-1], "all", "p3idp", held, tuple(LEVELS), ("cloud", "x"))


def whole(provider: IdentityProvider, rule: AccessRule) -> Login:
    """Somebody who shows all that a rule asks for."""
    wanted = [c for c in rule.issuing_clients or provider.issuing_clients or ("p3idp",)]
    honoured = [c for c in wanted if c in provider.issuing_clients] or wanted
    held = {provider.claims.entitlements[-1]: (str(rule.entitlement),)}
    audiences = provider.audiences[:1]
    return Login(provider, provider.issuers[0], "someone@egi.eu", honoured[0], held, rule.assurance[:1], audiences)


def _changed(base: Login, rule: AccessRule) -> Iterator[Login]:
    claims = base.provider.claims
    for text in near(rule.entitlement):
        yield replace(base, entitlements={claims.entitlements[0]: ("urn:x", text)})
    for name in (*claims.entitlements, "entitlement", "Entitlements"):
        yield replace(base, entitlements={name: (str(rule.entitlement),)})
    for client in (*CLIENTS, "", "P3idp"):
        yield replace(base, client=client)
        yield replace(base, client=client, audiences=())
        yield replace(base, client=client, audiences=("cloud", "other"))
        yield replace(base, client=client, audiences=("x",))
    for level in ((), *((each,) for each in LEVELS), tuple(LEVELS[:2]), (LEVELS[0].upper(),)):
        yield replace(base, assurance=level)
    for issuer in (*base.provider.issuers, base.issuer + "x", base.issuer.upper(), "https://evil.test"):
        yield replace(base, issuer=issuer)
    for subject in ("{0}", "name@x", "O'Hara", "\u00e4"):
        yield replace(base, subject=subject)


def strange(policy: Policy) -> Iterator[Login]:
    """Logins with a value that Keystone would not read as it stands."""
    for provider in policy.site.identity_providers:
        client = next(iter(provider.issuing_clients), "p3idp")
        for name in dict.fromkeys(person.subject for person in named_in(policy)):
            base = Login(provider, provider.issuers[-1], name, client, {}, (), provider.audiences[:1])
            forms = (
                "{0};x",
                "x;{0}",
                "{0};{0}",
                "{0};",
                "['{0}']",
                'JSON:"{0}"',
                " ['{0}']",
                "{0}\n",
                "{0}\0",
                "\u200b{0}",
            )
            yield from (replace(base, subject=form.replace("{0}", name)) for form in forms)
    for login in logins(policy):
        for name, values in login.entitlements.items():
            for value in (";".join((*values, "x")), f"['{values[0]}']", 'JSON:{"name": "admins"}', f"{values[0]}\n"):
                yield replace(login, entitlements={name: (value,)})
            yield replace(login, subject=f"{login.subject};admin")
            yield replace(login, assurance=("a;b",))
        return


def drawn(number: int) -> list[Policy]:
    """The same policies every time."""
    found: list[Policy] = []

    @settings(max_examples=number, database=None, derandomize=True, deadline=None)
    @given(policies())
    def draw(policy: Policy) -> None:
        found.append(policy)

    draw()
    return found
