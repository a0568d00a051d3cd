"""Policies and logins made by hypothesis, biased to near misses: what replay and decide() must agree on."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from policies import ISSUER, NOW

from p3idp.core.policy.entitlement import Entitlement, parse_entitlement
from p3idp.core.policy.model import (
    AccessRule,
    ClaimNames,
    Community,
    IdentityProvider,
    Policy,
    PolicyId,
    ProjectRef,
    ProviderId,
    Site,
    Suspension,
    Validity,
)

HUB = "https://hub.test"
DAY = timedelta(days=1)
WANTED = [
    *("urn:mace:egi.eu:group:vo", "urn:mace:egi.eu:group:vo:role=op", "urn:mace:egi.eu:group:vo:sub"),
    *("urn:mace:egi.eu:group:vo:sub:role=op", "urn:mace:egi.eu:group:vo:sub:deep:role=op"),
    *("urn:mace:hub.eu:group:vo:role=op", "urn:mace:egi.eu:group:caf%C3%A9"),
]
ODD = [
    *("", "op", "a;b", "[x]", "JSON:1", "x\x00", "x\r\n", "\u202ex", "x" * 2049),
    *("urn:mace:egi.eu:group:caf\u00e9", "urn:mace:egi.eu:group:cafe\u0301"),
]
HELD = [
    *WANTED, *(text + "#aai.egi.eu" for text in WANTED), *(text.upper() for text in WANTED), *ODD,
    *("urn:mace:egi.eu:group:vo:role=member", "urn:mace:egi.eu:group:vo:other:role=op", " " + WANTED[0]),
    *(WANTED[1] + ":x", WANTED[0] + ":" + ":".join("s" * 40), "urn:mace:egi.eu:group:VO:role=op"),
]  # fmt: skip
ASSURANCE = ["low", "high", "other"]
CLIENTS = ["p3idp", "cli", "foreign"]


def parsed(text: str) -> Entitlement:
    found = parse_entitlement(text)
    assert found is not None
    return found


STARTED, ENDED, COMING = Validity(NOW, NOW + DAY), Validity(None, NOW), Validity(NOW + DAY)
spans = st.sampled_from([Validity(), Validity(), STARTED, ENDED, COMING])
some = st.lists(st.sampled_from(ASSURANCE[:2]), max_size=2, unique=True).map(tuple)
rules = st.builds(
    AccessRule,
    entitlement=st.sampled_from(WANTED).map(parsed),
    grants=st.sampled_from([("p", ("member",)), ("p", ("member", "reader")), ("q", ("reader",))]).map(
        lambda grant: ((ProjectRef("egi", grant[0]), grant[1]),)
    ),
    validity=spans,
    assurance=some,
    identity_providers=st.sampled_from([(), (), ("egi",), ("hub",), ("egi", "hub")]),
    issuing_clients=st.sampled_from([(), (), ("p3idp",), ("cli", "p3idp")]),
)
communities = st.builds(
    Community,
    name=st.sampled_from(["vo", "wo"]),
    title=st.just(""),
    contact=st.just(""),
    projects=st.just(()),
    rules=st.lists(rules, max_size=5).map(tuple),
    validity=spans,
    suspended=st.sampled_from([None, None, None, Suspension(NOW)]),
)


def two_providers(clients: tuple[str, ...], audiences: tuple[str, ...], names: ClaimNames) -> tuple[Any, ...]:
    egi = IdentityProvider(
        ProviderId("egi"), "", (ISSUER, "https://old.test"), "openid", names, ("openid",), DAY, clients, audiences
    )
    return egi, IdentityProvider(ProviderId("hub"), "", (HUB,), "openid", ClaimNames(), ("openid",), DAY)


providers = st.builds(
    two_providers,
    clients=st.sampled_from([(), ("p3idp", "cli")]),
    audiences=st.sampled_from([(), (), ("cloud",)]),
    names=st.sampled_from([ClaimNames("sub"), ClaimNames("voperson_id", ("entitlements",))]),
)
policies = st.builds(
    lambda sites, given: Policy(Site(PolicyId("p"), "", "egi", "", sites), tuple(given)),
    sites=providers,
    given=st.lists(communities, max_size=3),
)
odd_kinds: Any = st.sampled_from([None, 0, 1, True, 1.5, {}, {WANTED[1]: 1}, [None], [[WANTED[1]]], [{}], []])
texts = st.sampled_from(HELD)
values = st.one_of(texts, st.lists(texts, max_size=4), st.lists(texts, max_size=4), odd_kinds)
single = st.one_of(st.sampled_from(["someone@egi.eu", "other@egi.eu", *ODD]), odd_kinds, st.just(["someone@egi.eu"]))
assurance = st.sampled_from([*ASSURANCE, *ASSURANCE, "a;b"])
claims_of_people = st.fixed_dictionaries(
    {},
    optional={
        "iss": st.one_of(st.sampled_from([ISSUER, ISSUER, "https://old.test", HUB, "https://evil.test"]), odd_kinds),
        "sub": single,
        "voperson_id": single,
        "azp": st.one_of(st.sampled_from([*CLIENTS, *CLIENTS, "", "a;b"]), odd_kinds),
        "client_id": st.one_of(st.sampled_from(CLIENTS), odd_kinds),
        "entitlements": values,
        "eduperson_entitlement": values,
        "eduperson_assurance": st.one_of(st.lists(assurance), assurance, odd_kinds),
    },
)
good_claims = st.fixed_dictionaries(
    {
        "iss": st.just(ISSUER),
        "sub": st.sampled_from(["someone@egi.eu", "other@egi.eu"]),
        "voperson_id": st.just("v@egi.eu"),
        "azp": st.sampled_from(CLIENTS[:2]),
        "entitlements": st.lists(st.sampled_from(HELD[:14]), max_size=4),
        "eduperson_assurance": st.lists(st.sampled_from(ASSURANCE), max_size=2),
    }
)
logins = st.tuples(st.one_of(good_claims, claims_of_people), st.sampled_from([None, "egi", "egi", "hub", "nobody"]))
